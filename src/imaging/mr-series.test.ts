import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ACQUISITIONS, nameOf, reorient } from '../../test/phantom/orientations.ts';
import { readInstanceHeader } from '../dicom/instance.ts';
import { decodeFrame } from '../dicom/pixels.ts';
import type { Affine, Vec3, Volume } from '../domain/geometry.ts';
import { applyAffine, invertAffine } from './affine.ts';
import { assembleVolume } from './assemble.ts';
import { encodeMrSeries, type MrSeriesOptions } from './mr-series.ts';
import { storedBytes, storedPixelsOf } from './stored-pixels.ts';

const OPTIONS: MrSeriesOptions = {
  identifiersFrom: 'key',
  kind: 'classic',
  sliceOrder: 'ascending',
  patient: { patientName: 'Doe^Jane', patientId: 'P1', patientSex: 'F', patientAge: '042Y' },
  study: { studyDate: '20240301', studyTime: '101500', studyId: '7' },
  series: { seriesDescription: 'T1 MPRAGE SAG', seriesNumber: 3, manufacturer: 'Phantom' },
  acquisition: {
    imageType: ['ORIGINAL', 'PRIMARY', 'M', 'ND'],
    mrAcquisitionType: '3D',
    scanningSequence: ['GR', 'IR'],
    sequenceVariant: ['SK', 'SP', 'MP'],
    repetitionTime: 2300,
    echoTime: 2.98,
    inversionTime: 900,
    flipAngle: 9,
    magneticFieldStrength: 3,
  },
};

const [COS, SIN] = [Math.cos(Math.PI / 9), Math.sin(Math.PI / 9)];
/** Turned by 20 degrees about z; voxels of 0.9 x 1.1 x 1.3 mm, right-handed. */
const AFFINE: Affine = [0.9 * COS, -1.1 * SIN, 0, -12.5, 0.9 * SIN, 1.1 * COS, 0, 40.25, 0, 0, 1.3, -7];
const volumeOf = (value: (n: number) => number): Volume => ({
  shape: [10, 11, 12],
  affine: AFFINE,
  data: Float32Array.from({ length: 1320 }, (_, n) => value(n)),
});
const WHOLE = volumeOf((n) => (n * 37) % 1009);

/** Files back to a volume by the way every study goes. */
async function readBack(files: readonly Uint8Array[]): Promise<Volume> {
  const headers = files.map(readInstanceHeader);
  const bytesOf = new Map(headers.map((header, n) => [header.sopInstanceUid, files[n]!]));
  const { volume } = await assembleVolume(headers, ({ instance, frame }) =>
    decodeFrame(bytesOf.get(instance.sopInstanceUid)!, frame.frameNumber),
  );
  return volume;
}

/** Largest difference of intensity at the same places of the patient, and of the places themselves, mm. */
function differences(a: Volume, b: Volume): { intensity: number; place: number } {
  const toB = invertAffine(b.affine);
  let intensity = 0;
  let place = 0;
  const [columns, rows] = a.shape;
  for (const [at, value] of a.data.entries()) {
    const index: Vec3 = [at % columns, Math.floor(at / columns) % rows, Math.floor(at / columns / rows)];
    const inB = applyAffine(toB, applyAffine(a.affine, index));
    const [i, j, k] = inB.map(Math.round) as [number, number, number];
    place = Math.max(place, ...inB.map((exact, n) => Math.abs(exact - [i, j, k][n]!)));
    intensity = Math.max(intensity, Math.abs(value - b.data[i + b.shape[0] * (j + b.shape[1] * k)]!));
  }
  return { intensity, place };
}

const expectSame = (a: Volume, b: Volume): void => {
  const { intensity, place } = differences(a, b);
  expect(intensity).toBe(0);
  expect(place).toBeLessThan(1e-6);
};

const SHUFFLED = [3, 1, 0, 2, 11, 10, 9, 8, 7, 6, 5, 4];

describe('encodeMrSeries', () => {
  it.each([
    ['classic', 'ascending'],
    ['classic', 'descending'],
    ['classic', SHUFFLED],
    ['enhanced', 'ascending'],
    ['enhanced', 'descending'],
    ['enhanced', SHUFFLED],
  ] as const)('returns every voxel to its place, %s, slices %j', async (kind, sliceOrder) => {
    const files = encodeMrSeries(WHOLE, { ...OPTIONS, kind, sliceOrder });
    expect(files).toHaveLength(kind === 'classic' ? 12 : 1);
    expectSame(WHOLE, await readBack(files));
  });

  it.each(ACQUISITIONS.map((axes) => [nameOf(axes), axes] as const))(
    'never mirrors the patient, scanned along %s in either slice order, from either handedness',
    async (_, axes) => {
      const turned = reorient(WHOLE, axes);
      expectSame(WHOLE, await readBack(encodeMrSeries(turned, OPTIONS)));
      expectSame(WHOLE, await readBack(encodeMrSeries(turned, { ...OPTIONS, sliceOrder: 'descending' })));
      const leftHanded = reorient(turned, [1, 2, -3]);
      expectSame(WHOLE, await readBack(encodeMrSeries(leftHanded, OPTIONS)));
    },
  );

  it.each(['classic', 'enhanced'] as const)('carries fractions through a rescale, %s', async (kind) => {
    const fractions = volumeOf((n) => Math.sin(n) * 0.37 - 5);
    const { intensity, place } = differences(
      fractions,
      await readBack(encodeMrSeries(fractions, { ...OPTIONS, kind })),
    );
    expect(intensity).toBeLessThan(0.74 / 20_000);
    expect(place).toBeLessThan(1e-6);
  });

  it('says what it was told about patient, study, series and acquisition, in both kinds', () => {
    for (const kind of ['classic', 'enhanced'] as const) {
      const [file] = encodeMrSeries(WHOLE, { ...OPTIONS, kind });
      const header = readInstanceHeader(file!);
      expect(header.patient).toEqual(OPTIONS.patient);
      expect(header.study).toMatchObject(OPTIONS.study);
      expect(header.series).toMatchObject({ ...OPTIONS.series, modality: 'MR', bodyPartExamined: 'BRAIN' });
      const { imageType, ...acquisition } = OPTIONS.acquisition;
      expect(header.acquisition).toMatchObject(acquisition);
      expect(header.acquisition.imageType.slice(0, 2)).toEqual(imageType!.slice(0, 2));
    }
  });

  it('gives the same bytes and identifiers each time, and others for another key', () => {
    const uid = (files: readonly Uint8Array[]): string => readInstanceHeader(files[0]!).sopInstanceUid;
    const digest = (files: readonly Uint8Array[]): string =>
      files.reduce((hash, file) => hash.update(file), createHash('sha256')).digest('hex');
    const first = encodeMrSeries(WHOLE, OPTIONS);
    expect(digest(encodeMrSeries(WHOLE, OPTIONS))).toBe(digest(first));
    expect(new Set(first.map((file) => readInstanceHeader(file).sopInstanceUid)).size).toBe(12);
    expect(uid(encodeMrSeries(WHOLE, { ...OPTIONS, identifiersFrom: 'other' }))).not.toBe(uid(first));
  });

  it('writes what is unknown as empty or neutral, for a volume that came without a header', async () => {
    const bare = { identifiersFrom: 'nifti', patient: {}, study: {}, series: {}, acquisition: {} } as const;
    for (const kind of ['classic', 'enhanced'] as const) {
      const files = encodeMrSeries(WHOLE, { ...bare, kind, sliceOrder: 'ascending' });
      expectSame(WHOLE, await readBack(files));
      expect(readInstanceHeader(files[0]!).patient).toEqual({});
    }
    const derived = { ...bare, acquisition: { imageType: ['DERIVED', 'PRIMARY'] } };
    const [enhanced] = encodeMrSeries(WHOLE, { ...derived, kind: 'enhanced', sliceOrder: 'ascending' });
    expect(readInstanceHeader(enhanced!).acquisition.imageType).toEqual(['DERIVED', 'PRIMARY', 'VOLUME', 'NONE']);
    const [classic] = encodeMrSeries(WHOLE, { ...derived, kind: 'classic', sliceOrder: 'ascending' });
    expect(readInstanceHeader(classic!).acquisition.imageType).toEqual(['DERIVED', 'PRIMARY', 'OTHER']);
  });

  it('tells a two-dimensional spin echo sequence in the terms of the enhanced object', () => {
    const acquisition = { mrAcquisitionType: '2D', scanningSequence: ['SE'], sequenceVariant: ['NONE'], echoTime: 9 };
    const [file] = encodeMrSeries(WHOLE, { ...OPTIONS, kind: 'enhanced', acquisition });
    const header = readInstanceHeader(file!);
    expect(header.acquisition).toMatchObject({ mrAcquisitionType: '2D', scanningSequence: ['SE'], echoTime: 9 });
  });

  it.each([
    ['a shear', [1, 0, 0, 0, 0.1, 1, 0, 0, 0, 0, 1, 0]],
    ['an axis of no length', [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]],
  ] as const)('refuses %s as poor geometry', (_, affine) => {
    expect(() => encodeMrSeries({ ...WHOLE, affine }, OPTIONS)).toThrow(
      expect.objectContaining({ kind: 'poor-geometry' }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses a voxel of %d', (value) => {
    const data = WHOLE.data.slice();
    data[77] = value;
    expect(() => encodeMrSeries({ ...WHOLE, data }, OPTIONS)).toThrow(
      expect.objectContaining({ kind: 'non-finite-pixels' }),
    );
  });

  it('calls an incomplete slice order a defect', () => {
    expect(() => encodeMrSeries(WHOLE, { ...OPTIONS, sliceOrder: [0, 1, 2] })).toThrow('every slice once');
  });
});

describe('stored pixels', () => {
  const restored = (data: Float32Array): number[] => {
    const pixels = storedPixelsOf(data);
    const bytes = storedBytes(data, 0, data.length, pixels);
    const stored = pixels.signed ? new Int16Array(bytes.buffer) : new Uint16Array(bytes.buffer);
    return Array.from(stored, (value) => value * pixels.slope + pixels.intercept);
  };

  it.each([
    ['unsigned', [0, 65_535, 12]],
    ['signed', [-32_768, 32_767, -1]],
    ['shifted', [1_700_000, 1_765_000, 1_700_123]],
    ['constant', [5, 5, 5]],
  ])('keeps whole numbers exact: %s', (_, values) => {
    expect(restored(Float32Array.from(values))).toEqual(values);
  });

  it('moves no value by more than 1/20 000 of the range', () => {
    const value = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e9), max: Math.fround(1e9) });
    fc.assert(
      fc.property(fc.array(value, { minLength: 2, maxLength: 40 }), (values) => {
        const data = Float32Array.from(values);
        const range = Math.max(...data) - Math.min(...data);
        const back = restored(data);
        for (const [n, exact] of data.entries()) {
          expect(Math.abs(back[n]! - exact)).toBeLessThanOrEqual(range / 20_000 + Math.abs(exact) * 1e-7 + 1e-30);
        }
      }),
    );
  });

  it('opens the window over the bulk of the image, not over its brightest voxels', () => {
    const data = Float32Array.from({ length: 10_000 }, (_, n) => (n < 10 ? 30_000 : n % 1000));
    const { center, width } = storedPixelsOf(data).window;
    expect(width).toBeGreaterThan(900);
    expect(width).toBeLessThan(1100);
    expect(center).toBe(Math.round(width / 2));
  });
});
