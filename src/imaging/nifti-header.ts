import { NeuroInsightError } from '../domain/errors.ts';
import type { Affine, Vec3 } from '../domain/geometry.ts';
import { affineFromColumns, columnOf, determinantOf, shearOf, voxelCountOf, voxelSizeOf } from './affine.ts';

/** What a NIfTI header says about one three-dimensional image, already turned to LPS millimetres. */
export interface NiftiHeader {
  readonly shape: Vec3;
  readonly affine: Affine;
  readonly datatype: number;
  readonly littleEndian: boolean;
  /** First byte of the voxels in the (inflated) file. */
  readonly offset: number;
  /** Stored value to intensity: slope * stored + intercept. 1 and 0 where the file names no scaling. */
  readonly slope: number;
  readonly intercept: number;
}

/** Bytes a header can take at most: NIfTI-2 has 540. */
export const LARGEST_HEADER = 540;

/** Axes further from perpendicular than this (cosine) are refused: volumes and orientation would be guesses. */
const MAX_SHEAR = 1e-3;

/** Byte positions of the fields that matter, by version. https://nifti.nimh.nih.gov/nifti-1, nifti-2. */
interface Layout {
  readonly size: number;
  readonly magicAt: number;
  readonly magic: string;
  readonly pairMagic: string;
  readonly dim: (view: DataView, n: number, little: boolean) => number;
  readonly real: (view: DataView, at: number, little: boolean) => number;
  readonly realBytes: number;
  readonly code: (view: DataView, at: number, little: boolean) => number;
  readonly at: Readonly<
    Record<'datatype' | 'pixdim' | 'slope' | 'intercept' | 'qform' | 'sform' | 'quaternion' | 'rows' | 'units', number>
  >;
  readonly offset: (view: DataView, little: boolean) => number;
}

const NIFTI_1: Layout = {
  size: 348,
  magicAt: 344,
  magic: 'n+1\0',
  pairMagic: 'ni1\0',
  dim: (view, n, little) => view.getInt16(40 + 2 * n, little),
  real: (view, at, little) => view.getFloat32(at, little),
  realBytes: 4,
  code: (view, at, little) => view.getInt16(at, little),
  at: {
    datatype: 70,
    pixdim: 76,
    slope: 112,
    intercept: 116,
    units: 123,
    qform: 252,
    sform: 254,
    quaternion: 256,
    rows: 280,
  },
  offset: (view, little) => view.getFloat32(108, little),
};

const NIFTI_2: Layout = {
  size: 540,
  magicAt: 4,
  magic: 'n+2\0\r\n\x1a\n',
  pairMagic: 'ni2\0\r\n\x1a\n',
  dim: (view, n, little) => Number(view.getBigInt64(16 + 8 * n, little)),
  real: (view, at, little) => view.getFloat64(at, little),
  realBytes: 8,
  code: (view, at, little) => view.getInt32(at, little),
  at: {
    datatype: 12,
    pixdim: 104,
    slope: 176,
    intercept: 184,
    units: 500,
    qform: 344,
    sform: 348,
    quaternion: 352,
    rows: 400,
  },
  offset: (view, little) => Number(view.getBigInt64(168, little)),
};

/**
 * Reads the header of a single-file NIfTI-1 or NIfTI-2 image, either endianness.
 * Throws not-nifti, malformed-nifti, limit-exceeded, missing-geometry (neither sform nor qform: left and right would
 * be a guess) and poor-geometry (axes that are not perpendicular, or two geometries that contradict each other).
 */
export function readNiftiHeader(bytes: Uint8Array): NiftiHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { layout, little } = layoutOf(view);
  const shape = shapeOf(layout, view, little);
  const offset = layout.offset(view, little);
  if (!Number.isSafeInteger(offset) || offset < layout.size) {
    throw new NeuroInsightError('malformed-nifti', 'the voxel offset points into the header');
  }
  const slope = layout.real(view, layout.at.slope, little);
  const intercept = layout.real(view, layout.at.intercept, little);
  const scaled = Number.isFinite(slope) && slope !== 0;
  return {
    shape,
    affine: geometryOf(layout, view, little),
    datatype: view.getInt16(layout.at.datatype, little),
    littleEndian: little,
    offset,
    slope: scaled ? slope : 1,
    intercept: scaled && Number.isFinite(intercept) ? intercept : 0,
  };
}

function layoutOf(view: DataView): { layout: Layout; little: boolean } {
  for (const layout of [NIFTI_1, NIFTI_2]) {
    for (const little of [true, false]) {
      if (view.byteLength < 4 || view.getInt32(0, little) !== layout.size) continue;
      if (view.byteLength < layout.size) throw new NeuroInsightError('malformed-nifti', 'the header is cut short');
      const magic = textAt(view, layout.magicAt, layout.magic.length);
      if (magic === layout.magic) return { layout, little };
      if (magic === layout.pairMagic) {
        throw new NeuroInsightError('malformed-nifti', 'a header of a .hdr/.img pair; give one .nii or .nii.gz file');
      }
    }
  }
  throw new NeuroInsightError('not-nifti', 'no NIfTI-1 or NIfTI-2 header');
}

function textAt(view: DataView, at: number, length: number): string {
  let text = '';
  for (let n = 0; n < length; n++) text += String.fromCharCode(view.getUint8(at + n));
  return text;
}

function shapeOf(layout: Layout, view: DataView, little: boolean): Vec3 {
  const dimensions = layout.dim(view, 0, little);
  if (dimensions < 3 || dimensions > 7) {
    throw new NeuroInsightError('malformed-nifti', `an image of ${dimensions} dimensions is not a volume`);
  }
  const dim = Array.from({ length: dimensions }, (_, n) => layout.dim(view, n + 1, little));
  if (dim.some((n) => !Number.isSafeInteger(n) || n < 1)) {
    throw new NeuroInsightError('malformed-nifti', 'a dimension of the image is not positive');
  }
  if (dim.slice(3).some((n) => n !== 1)) {
    throw new NeuroInsightError('malformed-nifti', `the file holds ${dim.slice(3).join(' x ')} volumes; give one`);
  }
  const shape: Vec3 = [dim[0]!, dim[1]!, dim[2]!];
  voxelCountOf(shape);
  return shape;
}

/** sform before qform; both are RAS in the file. */
function geometryOf(layout: Layout, view: DataView, little: boolean): Affine {
  const hasRows = layout.code(view, layout.at.sform, little) > 0;
  const hasQuaternion = layout.code(view, layout.at.qform, little) > 0;
  if (!hasRows && !hasQuaternion) {
    throw new NeuroInsightError('missing-geometry', 'neither sform nor qform: left and right are not known');
  }
  const rows = hasRows ? fromRows(layout, view, little) : undefined;
  const quaternion = hasQuaternion ? fromQuaternion(layout, view, little) : undefined;
  const affine = (rows ?? quaternion)!;
  refusePoor(affine);
  if (rows && quaternion && determinantOf(rows) * determinantOf(quaternion) < 0) {
    throw new NeuroInsightError('poor-geometry', 'sform and qform contradict each other about left and right');
  }
  const spacing = [1, 2, 3].map((n) => Math.abs(layout.real(view, layout.at.pixdim + n * layout.realBytes, little)));
  if (voxelSizeOf(affine).some((size, axis) => spacing[axis]! > 0 && Math.abs(size / spacing[axis]! - 1) > 0.01)) {
    throw new NeuroInsightError('poor-geometry', 'sform and pixdim contradict each other about the voxel size');
  }
  return inMillimetresLps(affine, unitOf(view, layout, little));
}

function refusePoor(affine: Affine): void {
  if (affine.some((value) => !Number.isFinite(value)) || Math.abs(determinantOf(affine)) < 1e-9) {
    throw new NeuroInsightError('poor-geometry', 'the voxel axes do not span space');
  }
  if (shearOf(affine) > MAX_SHEAR) throw new NeuroInsightError('poor-geometry', 'the voxel axes are not perpendicular');
}

/** Millimetres in one unit of the file: xyzt_units 1 = metre, 3 = micrometre, everything else millimetre. */
function unitOf(view: DataView, layout: Layout, little: boolean): number {
  const stored = layout === NIFTI_1 ? view.getUint8(layout.at.units) : layout.code(view, layout.at.units, little);
  const unit = stored & 7;
  if (unit === 1) return 1000;
  return unit === 3 ? 0.001 : 1;
}

function inMillimetresLps(affine: Affine, unit: number): Affine {
  return affine.map((value, at) => (at < 8 ? 0 - value : value) * unit) as unknown as Affine;
}

function fromRows(layout: Layout, view: DataView, little: boolean): Affine {
  return Array.from({ length: 12 }, (_, n) =>
    layout.real(view, layout.at.rows + n * layout.realBytes, little),
  ) as unknown as Affine;
}

/** NIfTI-1 method 2: rotation by a unit quaternion, pixdim 1-3, and pixdim 0 (qfac) as the sign of the third axis. */
function fromQuaternion(layout: Layout, view: DataView, little: boolean): Affine {
  const read = (at: number, n: number): number => layout.real(view, at + n * layout.realBytes, little);
  const stored = [0, 1, 2].map((n) => read(layout.at.quaternion, n)) as [number, number, number];
  const length = Math.hypot(...stored);
  if (!(length < 1.001)) throw new NeuroInsightError('poor-geometry', 'the quaternion of the qform is no rotation');
  // Half turns: rounding may take b, c, d a little beyond length 1, and the rotation would not be one.
  const scale = length * length > 1 - 1e-7 ? 1 / length : 1;
  const [b, c, d] = [stored[0] * scale, stored[1] * scale, stored[2] * scale];
  const a = Math.sqrt(Math.max(0, 1 - b * b - c * c - d * d));
  const [x, y, z] = [1, 2, 3].map((n) => Math.abs(read(layout.at.pixdim, n))) as [number, number, number];
  const third = read(layout.at.pixdim, 0) < 0 ? -z : z;
  return affineFromColumns(
    [(a * a + b * b - c * c - d * d) * x, 2 * (b * c + a * d) * x, 2 * (b * d - a * c) * x],
    [2 * (b * c - a * d) * y, (a * a + c * c - b * b - d * d) * y, 2 * (c * d + a * b) * y],
    [2 * (b * d + a * c) * third, 2 * (c * d - a * b) * third, (a * a + d * d - b * b - c * c) * third],
    [read(layout.at.quaternion, 3), read(layout.at.quaternion, 4), read(layout.at.quaternion, 5)],
  );
}

/** Writes a NIfTI-1 header (little endian, 352 bytes with the empty extension flag); sform and qform say the same. */
export function writeNiftiHeader(shape: Vec3, affine: Affine, datatype: number, labelMaximum?: number): Uint8Array {
  const bytes = new Uint8Array(352);
  const view = new DataView(bytes.buffer);
  const bits: Readonly<Record<number, number>> = { 2: 8, 4: 16, 16: 32 };
  view.setInt32(0, 348, true);
  [3, ...shape, 1, 1, 1, 1].forEach((n, at) => void view.setInt16(40 + 2 * at, n, true));
  view.setInt16(70, datatype, true);
  view.setInt16(72, bits[datatype]!, true);
  view.setFloat32(108, 352, true);
  view.setFloat32(112, 1, true);
  view.setUint8(123, 2); // mm
  if (labelMaximum !== undefined) {
    view.setInt16(68, 1002, true); // NIFTI_INTENT_LABEL
    view.setFloat32(124, labelMaximum, true); // cal_max
  }
  bytes.set(Buffer.from('NeuroInsight', 'latin1'), 148);
  writeGeometry(view, affine);
  bytes.set(Buffer.from('n+1\0', 'latin1'), 344);
  return bytes;
}

function writeGeometry(view: DataView, lps: Affine): void {
  const ras = inMillimetresLps(lps, 1);
  const { qfac, quaternion } = quaternionOf(ras);
  [qfac, ...voxelSizeOf(ras), 0, 0, 0, 0].forEach((value, at) => void view.setFloat32(76 + 4 * at, value, true));
  view.setInt16(252, 1, true);
  view.setInt16(254, 1, true);
  [...quaternion, ...columnOf(ras, 3)].forEach((value, at) => void view.setFloat32(256 + 4 * at, value, true));
  ras.forEach((value, at) => void view.setFloat32(280 + 4 * at, value, true));
}

/** b, c, d of the unit quaternion (a >= 0) that turns the axes into place. */
function quaternionOf(ras: Affine): { qfac: 1 | -1; quaternion: Vec3 } {
  const qfac = determinantOf(ras) < 0 ? -1 : 1;
  const [x, y, z] = voxelSizeOf(ras);
  const r = [0, 1, 2].map((row) => [ras[4 * row]! / x, ras[4 * row + 1]! / y, (qfac * ras[4 * row + 2]!) / z]);
  const [r11, r12, r13, r21, r22, r23, r31, r32, r33] = r.flat() as unknown as number[] & Record<number, number>;
  const squares = [1 + r11! + r22! + r33!, 1 + r11! - r22! - r33!, 1 - r11! + r22! - r33!, 1 - r11! - r22! + r33!];
  const largest = squares.indexOf(Math.max(...squares));
  const s = 2 * Math.sqrt(squares[largest]!);
  const whole = [
    [s / 4, (r32! - r23!) / s, (r13! - r31!) / s, (r21! - r12!) / s],
    [(r32! - r23!) / s, s / 4, (r12! + r21!) / s, (r13! + r31!) / s],
    [(r13! - r31!) / s, (r12! + r21!) / s, s / 4, (r23! + r32!) / s],
    [(r21! - r12!) / s, (r13! + r31!) / s, (r23! + r32!) / s, s / 4],
  ][largest]!;
  const sign = whole[0]! < 0 ? -1 : 1;
  return { qfac, quaternion: [sign * whole[1]!, sign * whole[2]!, sign * whole[3]!] };
}
