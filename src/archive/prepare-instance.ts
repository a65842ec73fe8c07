import { createHash, hash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, gzip, gzipSync } from 'node:zlib';
import { isUid } from '../dicom/dataset.ts';
import { type DicomFile, openDicom } from '../dicom/file.ts';
import { frameSpansOf } from '../dicom/frame-spans.ts';
import { indexAttributesOfJson } from '../dicom/index-attributes.ts';
import { identityOf, instanceHeaderOf } from '../dicom/instance.ts';
import { jsonOf } from '../dicom/json.ts';
import { type ErrorKind, NeuroInsightError, rowFor } from '../domain/errors.ts';
import type { InstanceRow, JsonDataset } from '../ports/index.ts';
import type { Inflations } from './inflations.ts';

/** One instance that was not stored. UIDs as far as they could be read. */
export interface FailedInstance {
  readonly sopClassUid?: string;
  readonly sopInstanceUid?: string;
  /** Failure Reason (0008,1197), PS3.18 table I.2-2. */
  readonly failureReason: number;
  readonly kind: ErrorKind;
  readonly message: string;
}

/** An instance that can be stored, before it has a place. */
export interface PreparedInstance {
  readonly row: Omit<InstanceRow, 'blob' | 'metadata' | 'receivedAt' | 'receivedFrom'>;
  /** As it is to be stored. */
  readonly bytes: Uint8Array;
  /** Gzipped DICOM JSON. */
  readonly metadata: Uint8Array;
}

/** MR, enhanced MR, legacy converted enhanced MR Image Storage. */
const MR_IMAGES: ReadonlySet<string> = new Set([
  '1.2.840.10008.5.1.4.1.1.4',
  '1.2.840.10008.5.1.4.1.1.4.1',
  '1.2.840.10008.5.1.4.1.1.4.4',
]);
const PREAMBLE_BYTES = 128;
/** Work of about ten milliseconds; the event loop gets a turn after it. */
const HASH_STRIDE = 8 * 2 ** 20;
const SMALL_JSON = 64 * 1024;
const zip = promisify(gzip);

/** Gives the event loop a turn. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Reads one received Part 10 file as far as storing it asks: every element found, UIDs and pixels plausible, DICOM
 * JSON, digests. The preamble, which may hold a program (PS3.10 7.1), is overwritten with zeros in `bytes` itself.
 *
 * @param bytes handed over: changed here and kept.
 * @param isResult tells the results of this software, which are never measured again.
 * @param inflations when a deflated file may be in memory inflated.
 * @returns the instance, or why it cannot be stored. Throws defects only.
 */
export async function prepareInstance(
  bytes: Uint8Array,
  isResult: (file: DicomFile) => boolean,
  inflations: Inflations,
): Promise<PreparedInstance | FailedInstance> {
  try {
    const unread = openDicom(bytes);
    return await inflations.run(unread.transferSyntaxUid, async () =>
      prepareFile(await unread.read(), bytes, isResult),
    );
  } catch (error) {
    if (!(error instanceof NeuroInsightError)) throw error;
    return failureOf(error);
  }
}

async function prepareFile(
  file: DicomFile,
  bytes: Uint8Array,
  isResult: (file: DicomFile) => boolean,
): Promise<PreparedInstance | FailedInstance> {
  try {
    // First, because it refuses attributes that are too large to be looked at.
    const json = jsonOf(file, { bulkDataUri: (tagPath) => `bulkdata/${tagPath}` });
    const row = rowOf(file, json, isResult(file));
    const receivedSha256 = await sha256(bytes);
    const storedSha256 = zeroPreamble(bytes) ? await sha256(bytes) : receivedSha256;
    const metadata = await compressed(JSON.stringify(json));
    return { row: { ...row, receivedSha256, storedSha256 }, bytes, metadata };
  } catch (error) {
    if (!(error instanceof NeuroInsightError)) throw error;
    return failureOf(error, namesOf(file));
  }
}

type RowOfHeader = Omit<PreparedInstance['row'], 'receivedSha256' | 'storedSha256'>;

function rowOf(file: DicomFile, json: JsonDataset, isResult: boolean): RowOfHeader {
  const { dataset, transferSyntaxUid } = file;
  const identity = identityOf(file);
  checkSopClass(file, identity.sopClassUid);
  const isSource = MR_IMAGES.has(identity.sopClassUid) && dataset.string('Modality') === 'MR' && !isResult;
  // What is to be measured must be readable to the end: a single bad slice would spoil the study later.
  if (isSource) instanceHeaderOf(file);
  return {
    ...identity,
    transferSyntaxUid,
    instanceNumber: dataset.integer('InstanceNumber'),
    ...indexAttributesOfJson(json),
    frames: frameSpansOf(file),
    isSource,
  };
}

function checkSopClass({ meta }: DicomFile, sopClassUid: string): void {
  const metaUid = meta.string('MediaStorageSOPClassUID');
  if (metaUid !== undefined && metaUid !== sopClassUid) {
    throw new NeuroInsightError('malformed-dicom', 'the file meta information names another SOP Class UID');
  }
}

/** The UIDs of a file that is refused, for the answer; a UID has at most 64 characters. */
function namesOf({ dataset }: DicomFile): { sopClassUid?: string | undefined; sopInstanceUid?: string | undefined } {
  const short = (keyword: string) =>
    (dataset.element(keyword)?.length ?? 0) <= 66 ? dataset.string(keyword) : undefined;
  return { sopClassUid: short('SOPClassUID'), sopInstanceUid: short('SOPInstanceUID') };
}

/** True where something was there. */
function zeroPreamble(bytes: Uint8Array): boolean {
  const preamble = bytes.subarray(0, PREAMBLE_BYTES);
  if (preamble.every((byte) => byte === 0)) return false;
  preamble.fill(0);
  return true;
}

async function sha256(bytes: Uint8Array): Promise<string> {
  if (bytes.length <= HASH_STRIDE) return hash('sha256', bytes, 'hex');
  const digest = createHash('sha256');
  for (let at = 0; at < bytes.length; at += HASH_STRIDE) {
    digest.update(bytes.subarray(at, at + HASH_STRIDE));
    await turn();
  }
  return digest.digest('hex');
}

/** Level 1 takes half the time of level 6 and leaves a fifth more. */
async function compressed(json: string): Promise<Uint8Array> {
  const options = { level: constants.Z_BEST_SPEED };
  return json.length <= SMALL_JSON ? gzipSync(json, options) : zip(json, options);
}

/** How a refused instance is told; UIDs that are none are not repeated. */
export function failureOf(
  error: NeuroInsightError,
  uids: { readonly sopClassUid?: string | undefined; readonly sopInstanceUid?: string | undefined } = {},
): FailedInstance {
  const { sopClassUid, sopInstanceUid } = uids;
  return {
    ...(sopClassUid !== undefined && isUid(sopClassUid) && { sopClassUid }),
    ...(sopInstanceUid !== undefined && isUid(sopInstanceUid) && { sopInstanceUid }),
    failureReason: rowFor(error).failureReason,
    kind: error.kind,
    message: error.message,
  };
}
