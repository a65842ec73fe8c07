/** What a made-up NIfTI file should say; the rest is a good 3 x 2 x 2 image of 1 mm. */
export interface WantedNifti {
  readonly version?: 1 | 2;
  readonly bigEndian?: boolean;
  readonly datatype?: number;
  readonly bytesPerVoxel?: number;
  readonly write?: (view: DataView, at: number, value: number, little: boolean) => void;
  readonly values?: readonly number[];
  readonly dim?: readonly number[];
  readonly slope?: number;
  readonly intercept?: number;
  readonly sformCode?: number;
  /** RAS rows. */
  readonly rows?: readonly number[];
  readonly qformCode?: number;
  /** b, c, d, then x, y, z of the first voxel. */
  readonly quaternion?: readonly number[];
  readonly qfac?: number;
  readonly pixdim?: readonly number[];
  readonly units?: number;
  readonly offset?: number;
  readonly magic?: string;
}

const SMALL: Required<WantedNifti> = {
  version: 1,
  bigEndian: false,
  datatype: 16,
  bytesPerVoxel: 4,
  write: (view, at, value, little) => void view.setFloat32(at, value, little),
  values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  dim: [3, 3, 2, 2, 1, 1, 1, 1],
  slope: 1,
  intercept: 0,
  sformCode: 1,
  rows: [1, 0, 0, -10, 0, 1, 0, -20, 0, 0, 1, -30],
  qformCode: 0,
  quaternion: [0, 0, 0, 0, 0, 0],
  qfac: 1,
  pixdim: [1, 1, 1],
  units: 2,
  offset: 0,
  magic: '',
};

/** Bytes of a single-file NIfTI image, written field by field from the specification, apart from the server's writer. */
export function niftiFile(wanted: WantedNifti = {}): Uint8Array {
  const file = { ...SMALL, ...wanted };
  const offset = file.offset || (file.version === 1 ? 352 : 544);
  const bytes = new Uint8Array(Math.max(offset, 544) + file.values.length * file.bytesPerVoxel);
  const view = new DataView(bytes.buffer);
  const little = !file.bigEndian;
  if (file.version === 1) writeFirst(view, file, offset, little);
  else writeSecond(view, file, offset, little);
  file.values.forEach((value, n) => void file.write(view, offset + n * file.bytesPerVoxel, value, little));
  return file.version === 1 ? bytes.subarray(0, offset + file.values.length * file.bytesPerVoxel) : bytes;
}

function writeFirst(view: DataView, file: Required<WantedNifti>, offset: number, little: boolean): void {
  const floats = (at: number, values: readonly number[]): void =>
    values.forEach((value, n) => void view.setFloat32(at + 4 * n, value, little));
  view.setInt32(0, 348, little);
  file.dim.forEach((n, at) => void view.setInt16(40 + 2 * at, n, little));
  view.setInt16(70, file.datatype, little);
  view.setInt16(72, 8 * file.bytesPerVoxel, little);
  floats(76, [file.qfac, ...file.pixdim]);
  floats(108, [offset, file.slope, file.intercept]);
  view.setUint8(123, file.units);
  view.setInt16(252, file.qformCode, little);
  view.setInt16(254, file.sformCode, little);
  floats(256, file.quaternion);
  floats(280, file.rows);
  text(view, 344, file.magic || 'n+1\0');
}

function writeSecond(view: DataView, file: Required<WantedNifti>, offset: number, little: boolean): void {
  const doubles = (at: number, values: readonly number[]): void =>
    values.forEach((value, n) => void view.setFloat64(at + 8 * n, value, little));
  view.setInt32(0, 540, little);
  text(view, 4, file.magic || 'n+2\0\r\n\x1a\n');
  view.setInt16(12, file.datatype, little);
  view.setInt16(14, 8 * file.bytesPerVoxel, little);
  file.dim.forEach((n, at) => void view.setBigInt64(16 + 8 * at, BigInt(n), little));
  doubles(104, [file.qfac, ...file.pixdim]);
  view.setBigInt64(168, BigInt(offset), little);
  doubles(176, [file.slope, file.intercept]);
  view.setInt32(344, file.qformCode, little);
  view.setInt32(348, file.sformCode, little);
  doubles(352, file.quaternion);
  doubles(400, file.rows);
  view.setInt32(500, file.units, little);
}

function text(view: DataView, at: number, value: string): void {
  for (let n = 0; n < value.length; n++) view.setUint8(at + n, value.charCodeAt(n));
}
