import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';
import type { BlobStore, InstanceRow } from '../ports/index.ts';
import { readWhole } from './retrieve-pieces.ts';

const gunzipOffLoop = promisify(gunzip);
/** Compressed size up to which inflating takes less time than handing it to another thread. */
const SMALL = 32 << 10;
/** Sent at once: a write for each instance would cost more than its bytes. */
const CHUNK_BYTES = 128 << 10;

const BULK_DATA_KEY = Buffer.from('"BulkDataURI":"');
const OPEN = Buffer.from('[');
const SEPARATOR = Buffer.from(',');
const CLOSE = Buffer.from(']');

/**
 * The metadata of instances as one JSON array, in chunks (PS3.18 10.4.1.1.2). The stored text is passed on as it is but
 * for bulk data, whose stored path is relative to its instance and becomes a URL.
 *
 * @param serviceUrl base of the DICOMweb service, without a slash at the end.
 */
export async function* metadataChunks(
  blobs: Pick<BlobStore, 'read'>,
  instances: readonly InstanceRow[],
  serviceUrl: string,
): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let size = 0;
  let n = 0;
  const locations = instances.map(({ metadata }) => metadata);
  for await (const stored of readWhole(blobs, locations)) {
    const text = stored.length <= SMALL ? gunzipSync(stored) : await gunzipOffLoop(stored);
    const pieces = [n === 0 ? OPEN : SEPARATOR, ...withBulkDataUrls(text, instanceUrl(serviceUrl, instances[n]!))];
    n++;
    for (const piece of pieces) {
      pending.push(piece);
      size += piece.length;
    }
    if (size < CHUNK_BYTES) continue;
    yield Buffer.concat(pending, size);
    pending = [];
    size = 0;
  }
  yield Buffer.concat([...pending, CLOSE]);
}

/** URL of an instance below the service; PS3.18 table 10.1-1. */
export function instanceUrl(serviceUrl: string, instance: InstanceRow): string {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  return `${serviceUrl}/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
}

/**
 * Puts the instance's URL before each relative BulkDataURI. The key cannot occur inside a JSON string: there its quotes
 * would be escaped.
 */
function withBulkDataUrls(text: Buffer, url: string): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const base = Buffer.from(`${url}/`);
  let start = 0;
  for (let at = text.indexOf(BULK_DATA_KEY); at >= 0; at = text.indexOf(BULK_DATA_KEY, start)) {
    const end = at + BULK_DATA_KEY.length;
    pieces.push(text.subarray(start, end), base);
    start = end;
  }
  pieces.push(text.subarray(start));
  return pieces;
}
