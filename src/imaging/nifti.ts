import { constants, createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Affine, Vec3, Volume } from '../domain/geometry.ts';
import { voxelCountOf } from './affine.ts';
import { LARGEST_HEADER, type NiftiHeader, readNiftiHeader, writeNiftiHeader } from './nifti-header.ts';

type Reader = (view: DataView, at: number, little: boolean) => number;

/** Stored number types by NIfTI datatype code: bytes each, and how one is read. */
const DATATYPES: Readonly<Record<number, { readonly bytes: number; readonly read: Reader } | undefined>> = {
  2: { bytes: 1, read: (view, at) => view.getUint8(at) },
  4: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  8: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  16: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  64: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
  256: { bytes: 1, read: (view, at) => view.getInt8(at) },
  512: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  768: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  1024: { bytes: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  1280: { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
};

/** What may follow the voxels of a gzip'd file before it is refused. */
const SLACK = 2 ** 16;

/**
 * Reads a NIfTI-1 or NIfTI-2 image (.nii or .nii.gz) with one volume.
 *
 * @returns intensities after scl_slope and scl_inter, on the file's own grid, turned from RAS to LPS mm. Values that
 * are not finite stay so: `refuseUnusable` names them.
 * @throws not-nifti, malformed-nifti, limit-exceeded, missing-geometry, poor-geometry.
 */
export function readNifti(bytes: Uint8Array): Volume {
  const compressed = isGzip(bytes);
  const header = readNiftiHeader(compressed ? inflateStart(bytes) : bytes);
  const type = DATATYPES[header.datatype];
  if (!type) throw new NeuroInsightError('malformed-nifti', `datatype ${header.datatype} is not one number a voxel`);
  const count = voxelCountOf(header.shape);
  const end = header.offset + count * type.bytes;
  if (!(header.offset <= 2 ** 24)) throw new NeuroInsightError('malformed-nifti', 'the voxels start beyond 16 MiB');
  const plain = compressed ? inflate(bytes, end + SLACK) : bytes;
  if (plain.length < end) throw new NeuroInsightError('malformed-nifti', 'the file ends before its last voxel');
  return { shape: header.shape, affine: header.affine, data: decode(plain, header, type, count) };
}

/** Whether the bytes could be NIfTI: gzip, or the size field of a NIfTI header. */
export function looksLikeNifti(bytes: Uint8Array): boolean {
  if (isGzip(bytes)) return true;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.byteLength >= 348 && [348, 540].some((n) => view.getInt32(0, true) === n || view.getInt32(0) === n);
}

/** What can be written: i fastest in memory, affine LPS mm. */
export interface NiftiImage {
  readonly shape: Vec3;
  readonly affine: Affine;
  readonly data: Float32Array | Uint8Array | Int16Array;
}

/** Labels are long runs of few values: looking for runs alone is five times as fast and gives no larger file. */
function gzipOptions({ data }: NiftiImage): { readonly level: number; readonly strategy: number } {
  return { level: 6, strategy: data.BYTES_PER_ELEMENT === 1 ? constants.Z_RLE : constants.Z_DEFAULT_STRATEGY };
}

/**
 * Writes a NIfTI-1 .nii.gz; equal input gives equal bytes. Labels (Uint8Array) carry the label intent.
 *
 * @param image affine written as RAS in sform and qform, both with code 1 (scanner).
 */
export function writeNifti(image: NiftiImage): Uint8Array {
  return withoutOrigin(gzipSync(Buffer.concat(plainParts(image)), gzipOptions(image)));
}

/** The bytes of `writeNifti`, compressed on another thread and without a second copy of the voxels. */
export async function compressNifti(image: NiftiImage): Promise<Uint8Array> {
  const [header, voxels] = plainParts(image);
  const gzip = createGzip(gzipOptions(image));
  gzip.write(header);
  gzip.end(voxels);
  const chunks: Uint8Array[] = [];
  for await (const chunk of gzip) chunks.push(chunk);
  return withoutOrigin(Buffer.concat(chunks));
}

function plainParts({ shape, affine, data }: NiftiImage): readonly [header: Uint8Array, voxels: Uint8Array] {
  if (voxelCountOf(shape) !== data.length || shape.some((n) => n > 32_767)) {
    throw new NeuroInsightError('malformed-nifti', 'the shape does not fit the voxels or the format');
  }
  const labels = data.BYTES_PER_ELEMENT === 1;
  const datatype = labels ? 2 : data.BYTES_PER_ELEMENT === 2 ? 4 : 16;
  const header = writeNiftiHeader(shape, affine, datatype, labels ? maximumOf(data) : undefined);
  return [header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

/** Operating system "unknown": else the bytes would tell where they were made. RFC 1952 2.3. */
function withoutOrigin(zipped: Uint8Array): Uint8Array {
  zipped[9] = 255;
  return zipped;
}

function maximumOf(data: ArrayLike<number>): number {
  let high = 0;
  for (let at = 0; at < data.length; at++) if (data[at]! > high) high = data[at]!;
  return high;
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Enough of the plain file to read its header, so that the header's own size caps the inflation of the rest. */
function inflateStart(bytes: Uint8Array): Uint8Array {
  const start = bytes.subarray(0, LARGEST_HEADER + 4096);
  try {
    return gunzipSync(start, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 2 ** 24 });
  } catch (cause) {
    throw new NeuroInsightError('not-nifti', 'gzip data that cannot be inflated', { cause });
  }
}

function inflate(bytes: Uint8Array, limit: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new NeuroInsightError('limit-exceeded', 'the file inflates to more than its header announces', { cause });
    }
    throw new NeuroInsightError('malformed-nifti', 'the gzip data is damaged or cut short', { cause });
  }
}

function decode(plain: Uint8Array, header: NiftiHeader, type: { bytes: number; read: Reader }, count: number) {
  const { slope, intercept, littleEndian, offset } = header;
  const view = new DataView(plain.buffer, plain.byteOffset + offset, count * type.bytes);
  const { read, bytes: step } = type;
  const data = new Float32Array(count);
  for (let n = 0, at = 0; n < count; n++, at += step) data[n] = read(view, at, littleEndian) * slope + intercept;
  return data;
}
