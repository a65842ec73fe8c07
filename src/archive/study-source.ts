import { openDicom } from '../dicom/file.ts';
import { instanceHeaderOf } from '../dicom/instance.ts';
import { openPixels, type PixelReader } from '../dicom/pixels.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type {
  BlobStore,
  InstanceHeader,
  InstanceRow,
  SeriesOfInstances,
  SliceRef,
  StudySource,
} from '../ports/index.ts';
import { createInflations, type Inflations } from './inflations.ts';

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
  const inflations = createInflations();
  let headers: Promise<readonly InstanceHeader[]> | undefined;
  /** The last multi-frame file: it is asked for once a frame, and its header is long. */
  let last: { readonly uid: string; readonly reader: PixelReader } | undefined;

  async function readFrame({ instance, frame }: SliceRef): Promise<Float32Array> {
    const uid = instance.sopInstanceUid;
    const row = rows.get(uid);
    if (!row) throw new NeuroInsightError('not-found', 'the instance does not belong to this study');
    const open = (): Promise<PixelReader> =>
      inflations.run(row.transferSyntaxUid, async () => openPixels(await blobs.read(row.blob)));
    if (instance.frames.length === 1) return (await open()).readFrame(frame.frameNumber);
    if (last?.uid !== uid) last = { uid, reader: await open() };
    return last.reader.readFrame(frame.frameNumber);
  }

  return {
    skipped: [],
    listSeries: async () => {
      headers ??= readHeaders(instances, blobs, inflations);
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
  inflations: Inflations,
): Promise<readonly InstanceHeader[]> {
  const headers: InstanceHeader[] = new Array(instances.length);
  let next = 0;
  const readSome = async (): Promise<void> => {
    while (next < instances.length) {
      const index = next++;
      const { blob, transferSyntaxUid } = instances[index]!;
      headers[index] = await inflations.run(transferSyntaxUid, async () =>
        instanceHeaderOf(await openDicom(await blobs.read(blob)).read({ stopAfterPixelData: true })),
      );
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
