import { createHash } from 'node:crypto';
import { readInstanceHeader } from '../dicom/instance.ts';
import { decodeFrame, openPixels, type PixelReader } from '../dicom/pixels.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { InstanceHeader, SeriesOfInstances, SliceRef } from '../domain/instance.ts';
import type { StudySource } from '../ports/index.ts';
import { type ByteFile, type ByteFiles, DEFAULT_INPUT_LIMITS, type InputLimits, openByteFiles } from './byte-files.ts';
import { isNifti, niftiAsMrSeries } from './nifti-input.ts';

interface Skipped {
  readonly name: string;
  readonly reason: string;
}

interface Found {
  readonly header: InstanceHeader;
  readonly file: ByteFile;
}

const FILES_AT_ONCE = 8;

/**
 * A study in a folder, a zip archive, one DICOM file or one NIfTI file (.nii, .nii.gz), read where it lies.
 *
 * Files that are not DICOM at all are passed over and named in `skipped`; a DICOM file that is damaged stops the
 * study, because a volume without the slice it held would be smaller and nobody would see why.
 * Throws nothing-to-read, limit-exceeded, malformed-archive and what the reading of a file throws.
 */
export async function openStudyFolder(path: string, limits: InputLimits = DEFAULT_INPUT_LIMITS): Promise<StudySource> {
  const opened = await openByteFiles(path, limits);
  try {
    const files = await expandNifti(opened.files);
    const skipped: Skipped[] = [];
    const found = await readHeaders(files, skipped);
    return new FolderStudy(found, skipped, opened.close);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/**
 * The files of one input as a client would send them: those of a folder or zip as they are, a NIfTI file as the DICOM
 * series that it would have been.
 */
export async function openStudyFiles(path: string, limits: InputLimits = DEFAULT_INPUT_LIMITS): Promise<ByteFiles> {
  const opened = await openByteFiles(path, limits);
  try {
    return { files: await expandNifti(opened.files), close: opened.close };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** One NIfTI file alone becomes the DICOM series that its results will refer to. */
async function expandNifti(files: readonly ByteFile[]): Promise<readonly ByteFile[]> {
  const images = files.filter((file) => isNifti(file.name));
  if (images.length === 0) return files;
  if (images.length > 1 || files.length > images.length) {
    throw new NeuroInsightError('invalid-request', 'give a NIfTI file by itself: one file is one study');
  }
  return niftiAsMrSeries(await images[0]!.read());
}

async function readHeaders(files: readonly ByteFile[], skipped: Skipped[]): Promise<readonly Found[]> {
  const found: (Found | undefined)[] = new Array(files.length);
  const digests = new Map<string, { readonly digest: string; readonly name: string }>();
  let next = 0;
  const readSome = async (): Promise<void> => {
    while (next < files.length) {
      const index = next++;
      found[index] = await readHeader(files[index]!, files.length === 1, digests, skipped);
    }
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, readSome));
  const readable = found.filter((entry) => entry !== undefined);
  if (readable.length === 0) {
    throw new NeuroInsightError('nothing-to-read', `none of ${files.length} files is DICOM`);
  }
  return readable;
}

async function readHeader(
  file: ByteFile,
  alone: boolean,
  digests: Map<string, { readonly digest: string; readonly name: string }>,
  skipped: Skipped[],
): Promise<Found | undefined> {
  // A DICOMDIR lists other files and is no instance of the study.
  if (/(^|[\\/])DICOMDIR$/i.test(file.name) && !alone) return pass('a DICOMDIR is an index, not an image');
  const bytes = await file.read();
  try {
    const header = readInstanceHeader(bytes);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const earlier = digests.get(header.sopInstanceUid);
    if (earlier?.digest === digest) return pass(`the same bytes as ${earlier.name}`);
    if (earlier) {
      throw new NeuroInsightError('conflict', `${file.name} and ${earlier.name} share one SOP Instance UID but differ`);
    }
    digests.set(header.sopInstanceUid, { digest, name: file.name });
    return { header, file };
  } catch (error) {
    if (!(error instanceof NeuroInsightError) || error.kind === 'conflict') throw error;
    if (error.kind === 'not-dicom' && !alone) return pass(error.message);
    throw new NeuroInsightError(error.kind, `${file.name}: ${error.message}`, { cause: error });
  }

  function pass(reason: string): undefined {
    skipped.push({ name: file.name, reason });
    return undefined;
  }
}

class FolderStudy implements StudySource {
  readonly skipped: readonly Skipped[];
  readonly #found: readonly Found[];
  readonly #fileOf: ReadonlyMap<string, ByteFile>;
  readonly #close: () => Promise<void>;
  /** The last multi-frame file: it is asked for once a frame, and its header is long. */
  #last: { readonly name: string; readonly reader: PixelReader } | undefined;

  constructor(found: readonly Found[], skipped: readonly Skipped[], close: () => Promise<void>) {
    this.#found = found;
    this.skipped = skipped;
    this.#fileOf = new Map(found.map(({ header, file }) => [header.sopInstanceUid, file]));
    this.#close = close;
  }

  async listSeries(): Promise<readonly SeriesOfInstances[]> {
    const series = new Map<string, InstanceHeader[]>();
    for (const { header } of this.#found) {
      const uid = header.series.seriesInstanceUid;
      const known = series.get(uid);
      if (known) known.push(header);
      else series.set(uid, [header]);
    }
    return [...series].map(([seriesInstanceUid, instances]) => ({ seriesInstanceUid, instances }));
  }

  async readFrame({ instance, frame }: SliceRef): Promise<Float32Array> {
    const file = this.#fileOf.get(instance.sopInstanceUid);
    if (!file) throw new NeuroInsightError('not-found', 'the instance does not belong to this study');
    if (instance.frames.length === 1) return decodeFrame(await file.read(), frame.frameNumber);
    if (this.#last?.name !== file.name) this.#last = { name: file.name, reader: await openPixels(await file.read()) };
    return this.#last.reader.readFrame(frame.frameNumber);
  }

  async close(): Promise<void> {
    this.#last = undefined;
    await this.#close();
  }
}
