import { spawnSync } from 'node:child_process';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { niftiFile, type WantedNifti } from '../../test/harness/nifti-file.ts';
import { memoryOrders, rotation, stored } from '../../test/harness/oriented-volumes.ts';
import { describeWith } from '../../test/harness/shared-data.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Affine, Vec3, Volume } from '../domain/geometry.ts';
import { affineFromColumns, applyAffine } from './affine.ts';
import { compressNifti, looksLikeNifti, readNifti, writeNifti } from './nifti.ts';
import { refuseUnusable } from './usable-volume.ts';

const kind = (name: string): unknown => expect.objectContaining({ kind: name });
const reading = (wanted: WantedNifti) => (): Volume => readNifti(niftiFile(wanted));

type Setter = NonNullable<WantedNifti['write']>;
const TYPES: readonly (readonly [string, number, number, Setter, number])[] = [
  ['uint8', 2, 1, (view, at, value) => void view.setUint8(at, value), 200],
  ['int16', 4, 2, (view, at, value, little) => void view.setInt16(at, value, little), -20_000],
  ['int32', 8, 4, (view, at, value, little) => void view.setInt32(at, value, little), -70_000],
  ['float32', 16, 4, (view, at, value, little) => void view.setFloat32(at, value, little), -1.5],
  ['float64', 64, 8, (view, at, value, little) => void view.setFloat64(at, value, little), 2.25],
  ['int8', 256, 1, (view, at, value) => void view.setInt8(at, value), -100],
  ['uint16', 512, 2, (view, at, value, little) => void view.setUint16(at, value, little), 60_000],
  ['uint32', 768, 4, (view, at, value, little) => void view.setUint32(at, value, little), 3_000_000],
  ['int64', 1024, 8, (view, at, value, little) => void view.setBigInt64(at, BigInt(value), little), -9_000_000],
  ['uint64', 1280, 8, (view, at, value, little) => void view.setBigUint64(at, BigInt(value), little), 9_000_000],
];

describe('reading NIfTI', () => {
  it.each(TYPES)('reads %s voxels of both versions in both byte orders', (_, datatype, bytesPerVoxel, write, odd) => {
    const values = [odd, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    for (const version of [1, 2] as const) {
      for (const bigEndian of [false, true]) {
        const bytes = niftiFile({ version, bigEndian, datatype, bytesPerVoxel, write, values });
        expect(Array.from(readNifti(bytes).data)).toEqual(values);
        expect(readNifti(gzipSync(bytes))).toEqual(readNifti(bytes));
      }
    }
  });

  it('turns RAS into LPS: what grows to the right in the file grows to the left inside', () => {
    const { affine, shape } = readNifti(niftiFile());
    expect(shape).toEqual([3, 2, 2]);
    expect(applyAffine(affine, [0, 0, 0])).toEqual([10, 20, -30]);
    expect(applyAffine(affine, [2, 1, 1])).toEqual([8, 19, -29]);
  });

  it('applies slope and intercept, and none where the slope is 0 or not a number', () => {
    expect(readNifti(niftiFile({ slope: 2, intercept: -3 })).data[5]).toBe(7);
    expect(readNifti(niftiFile({ slope: 0, intercept: -3 })).data[5]).toBe(5);
    expect(readNifti(niftiFile({ slope: Number.NaN, intercept: 4 })).data[5]).toBe(5);
    expect(readNifti(niftiFile({ slope: 2, intercept: Number.NaN })).data[5]).toBe(10);
  });

  it('believes the sform before the qform, and the qform when it is alone', () => {
    const both = { qformCode: 1, quaternion: [0, 0, 0, 1, 2, 3] };
    expect(readNifti(niftiFile(both)).affine[3]).toBe(10);
    expect(readNifti(niftiFile({ ...both, sformCode: 0 })).affine[3]).toBe(-1);
  });

  it('turns by the quaternion and mirrors by qfac', () => {
    const quarter = Math.SQRT1_2;
    const about = { sformCode: 0, qformCode: 1, quaternion: [0, 0, quarter, 0, 0, 0], pixdim: [2, 3, 4], qfac: -1 };
    const { affine } = readNifti(niftiFile(about));
    // A quarter turn about z in RAS: i runs to +y (front, so -y in LPS), j to -x (left, so +x in LPS), k down.
    const expected = [0, 3, 0, 0, -2, 0, 0, 0, 0, 0, -4, 0];
    affine.forEach((value, n) => void expect(value).toBeCloseTo(expected[n]!, 5));
  });

  it('accepts a fourth dimension of one volume and refuses two', () => {
    expect(readNifti(niftiFile({ dim: [4, 3, 2, 2, 1, 1, 1, 1] })).shape).toEqual([3, 2, 2]);
    expect(reading({ dim: [4, 3, 2, 1, 2, 1, 1, 1] })).toThrow(kind('malformed-nifti'));
  });

  it('reads metres and micrometres as millimetres', () => {
    const rows = [0.001, 0, 0, 0.01, 0, 0.001, 0, 0, 0, 0, 0.001, 0];
    const metres = readNifti(niftiFile({ units: 1, rows, pixdim: [0.001, 0.001, 0.001] }));
    expect(metres.affine[0]).toBeCloseTo(-1);
    expect(metres.affine[3]).toBeCloseTo(-10);
    const micrometres = niftiFile({
      units: 3,
      rows: [800, 0, 0, 0, 0, 800, 0, 0, 0, 0, 800, 0],
      pixdim: [800, 800, 800],
    });
    expect(readNifti(micrometres).affine[10]).toBeCloseTo(0.8);
  });

  it('leaves values that are not finite as they are; the next check names them', () => {
    const volume = readNifti(
      niftiFile({ values: [Number.NaN, Number.POSITIVE_INFINITY, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] }),
    );
    expect(volume.data[0]).toBeNaN();
    expect(() => refuseUnusable(volume)).toThrow(kind('non-finite-pixels'));
    expect(() => refuseUnusable(volume)).toThrow('2 of 12');
  });

  it('refuses an image of one value and accepts any other', () => {
    for (const value of [0, 7]) {
      expect(() => refuseUnusable(readNifti(niftiFile({ values: Array(12).fill(value) })))).toThrow(
        kind('empty-image'),
      );
    }
    expect(() => refuseUnusable(readNifti(niftiFile()))).not.toThrow();
  });
});

describe('NIfTI that cannot be trusted', () => {
  it.each<[string, string, WantedNifti]>([
    ['not-nifti', 'a wrong magic', { magic: 'abcd' }],
    ['malformed-nifti', 'the header of a pair', { magic: 'ni1\0' }],
    ['malformed-nifti', 'a header of two dimensions', { dim: [2, 3, 4, 1, 1, 1, 1, 1] }],
    ['malformed-nifti', 'eight dimensions', { dim: [8, 3, 2, 2, 1, 1, 1, 1] }],
    ['malformed-nifti', 'a dimension of 0', { dim: [3, 0, 2, 2, 1, 1, 1, 1] }],
    ['malformed-nifti', 'a negative dimension', { dim: [3, -3, 2, 2, 1, 1, 1, 1] }],
    ['malformed-nifti', 'fewer voxels than announced', { dim: [3, 30, 20, 20, 1, 1, 1, 1] }],
    ['limit-exceeded', 'more voxels than the limit', { dim: [3, 32_000, 32_000, 32_000, 1, 1, 1, 1] }],
    ['limit-exceeded', 'dimensions beyond counting', { version: 2, dim: [3, 2 ** 50, 2 ** 50, 2 ** 50, 1, 1, 1, 1] }],
    ['malformed-nifti', 'colour voxels', { datatype: 128 }],
    ['malformed-nifti', 'complex voxels', { datatype: 32 }],
    ['malformed-nifti', 'voxels inside the header', { offset: 100 }],
    ['missing-geometry', 'neither sform nor qform', { sformCode: 0 }],
    ['poor-geometry', 'sheared axes', { rows: [1, 0.01, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] }],
    ['poor-geometry', 'a flat sform', { rows: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] }],
    ['poor-geometry', 'an sform that is not finite', { rows: [1, 0, 0, Number.NaN, 0, 1, 0, 0, 0, 0, 1, 0] }],
    ['poor-geometry', 'a quaternion without spacing', { sformCode: 0, qformCode: 1, pixdim: [0, 0, 0] }],
    ['poor-geometry', 'a quaternion that is no rotation', { qformCode: 1, quaternion: [1, 1, 0, 0, 0, 0] }],
    ['poor-geometry', 'an sform of another voxel size than pixdim', { pixdim: [1, 1, 1.2] }],
    ['poor-geometry', 'an sform that mirrors the qform', { qformCode: 1, qfac: -1 }],
  ])('answers %s to %s', (name, _, wanted) => {
    expect(reading(wanted)).toThrow(kind(name));
  });

  it('answers not-nifti to bytes of anything else', () => {
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(3),
      new Uint8Array(1000),
      Buffer.from('%PDF-1.7'.repeat(90)),
    ]) {
      expect(() => readNifti(bytes)).toThrow(kind('not-nifti'));
      expect(() => readNifti(gzipSync(bytes))).toThrow(kind('not-nifti'));
      expect(looksLikeNifti(bytes)).toBe(false);
    }
    expect(() => readNifti(Uint8Array.from([0x1f, 0x8b, 9, 9, 9, 9]))).toThrow(kind('not-nifti'));
    expect(looksLikeNifti(niftiFile({ bigEndian: true }))).toBe(true);
    expect(looksLikeNifti(gzipSync(niftiFile()))).toBe(true);
  });

  it('answers malformed-nifti to a file cut anywhere after its first field', () => {
    const bytes = niftiFile();
    const zipped = gzipSync(bytes);
    for (const cut of [10, 347, 352, bytes.length - 1]) {
      expect(() => readNifti(bytes.subarray(0, cut))).toThrow(kind('malformed-nifti'));
    }
    expect(() => readNifti(zipped.subarray(0, zipped.length - 9))).toThrow(kind('malformed-nifti'));
  });

  it('stops inflating where the header says the image ends', () => {
    const bomb = gzipSync(Buffer.concat([niftiFile(), Buffer.alloc(64 * 2 ** 20)]));
    expect(() => readNifti(bomb)).toThrow(kind('limit-exceeded'));
  });

  it('answers every spoiled header by name', () => {
    const whole = niftiFile();
    const damage = fc.array(fc.tuple(fc.nat(351), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(damage, fc.boolean(), (changes, zipped) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        try {
          expect(readNifti(zipped ? gzipSync(bytes) : bytes).data).toHaveLength(12);
        } catch (error) {
          expect(error).toBeInstanceOf(NeuroInsightError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('writing NIfTI', () => {
  const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
  const obliques: fc.Arbitrary<Affine> = fc.tuple(angle, angle, angle).map((turn) => {
    const sizes = [0.7, 1.1, 1.3];
    const [i, j, k] = rotation(turn).map((axis, n) => axis.map((c) => c * sizes[n]!) as unknown as Vec3);
    return affineFromColumns(i!, j!, k!, [-80, 95.5, 12]);
  });

  it('comes back as it was in any orientation and memory order, through the sform and through the qform', () => {
    const data = Float32Array.from({ length: 60 }, (_, n) => Math.sin(n) * 100);
    fc.assert(
      fc.property(obliques, fc.constantFrom(...memoryOrders()), (affine, order) => {
        const volume = stored({ shape: [3, 4, 5], affine, data }, order);
        const plain = new Uint8Array(gunzipSync(writeNifti(volume)));
        const byQuaternion = plain.slice();
        byQuaternion[254] = 0;
        // Three 32-bit numbers leave the quaternion's fourth uncertain by a few ten-thousandths near half turns.
        for (const [bytes, tolerance] of [
          [plain, 1e-5],
          [byQuaternion, 2e-3],
        ] as const) {
          const back = readNifti(bytes);
          expect(back.shape).toEqual(volume.shape);
          expect(back.data).toEqual(volume.data);
          expect(Math.max(...back.affine.map((value, n) => Math.abs(value - volume.affine[n]!)))).toBeLessThan(
            tolerance,
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it('writes labels as labels: 8 bits, label intent, the highest label as cal_max', () => {
    const labels = {
      shape: [2, 2, 1],
      affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
      data: Uint8Array.of(0, 1, 2, 0),
    } as const;
    const view = new DataView(new Uint8Array(gunzipSync(writeNifti(labels))).buffer);
    expect([view.getInt16(68, true), view.getInt16(70, true), view.getFloat32(124, true)]).toEqual([1002, 2, 2]);
    expect([view.getInt16(252, true), view.getInt16(254, true)]).toEqual([1, 1]);
    expect(Array.from(readNifti(writeNifti(labels)).data)).toEqual([0, 1, 2, 0]);
  });

  it('writes 16-bit numbers as they are', () => {
    const image = {
      shape: [3, 1, 1],
      affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
      data: Int16Array.of(-5, 0, 9),
    } as const;
    expect(Array.from(readNifti(writeNifti(image)).data)).toEqual([-5, 0, 9]);
  });

  it('writes the same bytes each time, without a time or a machine in them', () => {
    const image = readNifti(niftiFile());
    const bytes = writeNifti(image);
    expect(writeNifti(image)).toEqual(bytes);
    expect(Array.from(bytes.subarray(3, 10))).toEqual([0, 0, 0, 0, 0, bytes[8], 255]);
  });

  it('writes the same bytes on another thread', async () => {
    const noisy = Float32Array.from({ length: 64 ** 3 }, (_, n) => (n * n) % 977);
    const image = { shape: [64, 64, 64], affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], data: noisy } as const;
    const labels = { ...image, data: Uint8Array.from(noisy, (value) => (value < 40 ? value % 5 : 0)) };
    for (const either of [image, labels]) {
      expect(Buffer.compare(await compressNifti(either), writeNifti(either))).toBe(0);
    }
  });

  it('refuses a shape that does not fit the voxels or the format', async () => {
    const image = readNifti(niftiFile());
    expect(() => writeNifti({ ...image, shape: [3, 2, 3] })).toThrow(kind('malformed-nifti'));
    await expect(compressNifti({ ...image, shape: [3, 2, 3] })).rejects.toThrow(kind('malformed-nifti'));
    const long = { ...image, shape: [40_000, 1, 1] as const, data: new Uint8Array(40_000) };
    expect(() => writeNifti(long)).toThrow(kind('malformed-nifti'));
  });
});

const PYTHON = `
import base64, io, json, sys
import nibabel as nib, numpy as np
given = nib.Nifti1Image.from_bytes(__import__('gzip').decompress(base64.b64decode(sys.stdin.read())))
out = {'affine': given.affine.tolist(), 'qform': given.get_qform().tolist(), 'zooms': [float(z) for z in given.header.get_zooms()],
       'codes': [int(given.header['sform_code']), int(given.header['qform_code'])], 'data': given.get_fdata().ravel(order='F').tolist(), 'files': []}
affine = np.array([[0, 0.6, 0, -7], [-0.8, 0, 0, 5], [0, 0, 1.2, 3], [0, 0, 0, 1.0]])
for dtype in ('uint8', 'int8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'float32', 'float64'):
    for kind in (nib.Nifti1Image, nib.Nifti2Image):
        for endian in '<>':
            values = np.arange(24).reshape(2, 3, 4).astype(dtype)
            image = kind(values, affine, header=kind.header_class(endianness=endian), dtype=np.dtype(dtype))
            image.header.set_data_dtype(dtype)
            if dtype == 'int16': image.header.set_slope_inter(0.5, 10)
            out['files'].append({'name': f'{dtype} {kind.__name__} {endian}', 'bytes': base64.b64encode(image.to_bytes()).decode(),
                                 'data': kind.from_bytes(image.to_bytes()).get_fdata().ravel(order='F').tolist(), 'affine': affine.ravel().tolist()[:12]})
print(json.dumps(out))
`;

interface Spoken {
  readonly affine: number[][];
  readonly qform: number[][];
  readonly zooms: number[];
  readonly codes: number[];
  readonly data: number[];
  readonly files: readonly { name: string; bytes: string; data: number[]; affine: number[] }[];
}

describeWith([{ pythonModule: 'nibabel' }], 'NIfTI beside nibabel', () => {
  const ours: Volume = {
    shape: [2, 3, 4],
    affine: [0, 0, -0.9, 40, 0.7, 0, 0, -30, 0, -0.8, 0, 20],
    data: Float32Array.from({ length: 24 }, (_, n) => n / 4),
  };
  const { stdout, stderr } = spawnSync('python3', ['-c', PYTHON], {
    input: Buffer.from(writeNifti(ours)).toString('base64'),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  const spoken = stdout ? (JSON.parse(stdout) as Spoken) : undefined;

  it('reads what nibabel writes: every type, version and byte order', () => {
    expect(spoken?.files.length ?? stderr).toBe(36);
    for (const file of spoken!.files) {
      const volume = readNifti(Buffer.from(file.bytes, 'base64'));
      expect([file.name, ...volume.data]).toEqual([file.name, ...file.data]);
      const lps = file.affine.map((value, n) => (n < 8 ? -value : value));
      volume.affine.forEach((value, n) => void expect(value).toBeCloseTo(lps[n]!, 5));
    }
  });

  it('writes what nibabel reads: the same voxels in the same places, sform and qform alike', () => {
    const expected = ours.affine.map((value, n) => (n < 8 ? -value : value));
    for (const matrix of [spoken!.affine, spoken!.qform]) {
      matrix
        .slice(0, 3)
        .flat()
        .forEach((value, n) => void expect(value).toBeCloseTo(expected[n]!, 5));
    }
    expect(spoken!.zooms.map((mm) => Math.round(mm * 1e5) / 1e5)).toEqual([0.7, 0.8, 0.9]);
    expect(spoken!.codes).toEqual([1, 1]);
    expect(spoken!.data).toEqual([...ours.data]);
  });
});
