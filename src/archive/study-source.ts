import { readInstanceHeader } from '../dicom/instance.ts';
import { decodeFrame, openPixels, type PixelReader } from '../dicom/pixels.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type {
  BlobStore,
  InstanceHeader,
  InstanceRow,
  SeriesOfInstances,
  SliceRef,
  StudySource,
} from '../ports/index.ts';

const READS_AT_ONCE = 4;

/**
 * Instances of the archive as the source of an analysis. Bytes are read when they are asked for: the headers stay in
 * memory, and of the pixels one multi-frame file at most.
 *
 * @throws nothing-to-read when there is no instance.
 */
export function openArchivedStudy(instances: readonly InstanceRow[], blobs: Pick<BlobStore, 'read'>): StudySource {
  if (instances.length === 0) throw new NeuroInsightError('nothing-to-read', 'the study has no instance to measure');
  const rows = new Map(instances.map((row) => [row.sopInstanceUid, row]));
  let headers: Promise<readonly InstanceHeader[]> | undefined;
  /** The last multi-frame file: it is asked for once a frame, and its header is long. */
  let last: { readonly uid: string; readonly reader: PixelReader } | undefined;

  async function readFrame({ instance, frame }: SliceRef): Promise<Float32Array> {
    const uid = instance.sopInstanceUid;
    const row = rows.get(uid);
    if (!row) throw new NeuroInsightError('not-found', 'the instance does not belong to this study');
    if (instance.frames.length === 1) return decodeFrame(await blobs.read(row.blob), frame.frameNumber);
    if (last?.uid !== uid) last = { uid, reader: openPixels(await blobs.read(row.blob)) };
    return last.reader.readFrame(frame.frameNumber);
  }

  return {
    skipped: [],
    listSeries: async () => {
      headers ??= readHeaders(instances, blobs);
      return bySeries(await headers);
    },
    readFrame,
    close: async () => {
      last = undefined;
    },
  };
}

async function readHeaders(
  instances: readonly InstanceRow[],
  blobs: Pick<BlobStore, 'read'>,
): Promise<readonly InstanceHeader[]> {
  const headers: InstanceHeader[] = new Array(instances.length);
  let next = 0;
  const readSome = async (): Promise<void> => {
    while (next < instances.length) {
      const index = next++;
      headers[index] = readInstanceHeader(await blobs.read(instances[index]!.blob));
    }
  };
  await Promise.all(Array.from({ length: READS_AT_ONCE }, readSome));
  return headers;
}

function bySeries(headers: readonly InstanceHeader[]): readonly SeriesOfInstances[] {
  const series = new Map<string, InstanceHeader[]>();
  for (const header of headers) {
    const uid = header.series.seriesInstanceUid;
    const known = series.get(uid);
    if (known) known.push(header);
    else series.set(uid, [header]);
  }
  return [...series].map(([seriesInstanceUid, instances]) => ({ seriesInstanceUid, instances }));
}
