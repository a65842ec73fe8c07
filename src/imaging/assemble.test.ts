import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rotation } from '../../test/harness/oriented-volumes.ts';
import { makeSeries } from '../../test/harness/series-fixture.ts';
import type { Vec3, Volume } from '../domain/geometry.ts';
import type { FrameHeader, InstanceHeader, SliceRef } from '../domain/instance.ts';
import { applyAffine, type Orientation, voxelSizeOf } from './affine.ts';
import { type AssembledVolume, assembleVolume, pixelDigestOf } from './assemble.ts';

const ROWS = 6;
const COLUMNS = 5;
const COUNT = 12;
const kind = (name: string): unknown => expect.objectContaining({ kind: name });

/** A stack in space: where the first slice lies, how it is turned, mm between rows, columns and slices. */
interface Stack {
  readonly position: Vec3;
  readonly orientation: Orientation;
  readonly spacing: readonly [number, number];
  readonly step: Vec3;
}

const AXIAL: Stack = {
  position: [-40, -50, -20],
  orientation: [1, 0, 0, 0, 1, 0],
  spacing: [0.9, 0.8],
  step: [0, 0, 1.2],
};

function frameOf(stack: Stack, n: number, frameNumber = 1): FrameHeader {
  const [x, y, z] = stack.position;
  return {
    frameNumber,
    imagePositionPatient: [x + n * stack.step[0], y + n * stack.step[1], z + n * stack.step[2]],
    imageOrientationPatient: stack.orientation,
    pixelSpacing: stack.spacing,
    // Wrong on purpose: the distance between slices comes from their positions.
    sliceThickness: 9,
    spacingBetweenSlices: 7,
    rescaleSlope: 1,
    rescaleIntercept: 0,
  };
}

function seriesOf(stack: Stack = AXIAL, count = COUNT): InstanceHeader[] {
  const { instances } = makeSeries({
    slices: count,
    alter: (instance, n) => ({
      ...instance,
      frames: [frameOf(stack, n)],
      pixels: { ...instance.pixels!, rows: ROWS, columns: COLUMNS },
    }),
  });
  return [...instances];
}

/** The same slices as one multi-frame instance. */
function enhancedOf(stack: Stack = AXIAL): InstanceHeader {
  return { ...seriesOf(stack)[0]!, frames: Array.from({ length: COUNT }, (_, n) => frameOf(stack, n, n + 1)) };
}

/** Intensity that depends on the place in the patient, so that a slice in the wrong plane shows. */
const intensityAt = ([x, y, z]: Vec3): number => Math.fround(1000 + 3 * x - 5 * y + 7 * z);

async function readPlace({ frame }: SliceRef): Promise<Float32Array> {
  const [x, y, z] = frame.imagePositionPatient!;
  const [a, b, c, d, e, f] = frame.imageOrientationPatient!;
  const [rowMm, columnMm] = frame.pixelSpacing!;
  return Float32Array.from({ length: ROWS * COLUMNS }, (_, at) => {
    const right = (at % COLUMNS) * columnMm;
    const down = Math.floor(at / COLUMNS) * rowMm;
    return intensityAt([x + a * right + d * down, y + b * right + e * down, z + c * right + f * down]);
  });
}

const assembled = (instances: readonly InstanceHeader[]): Promise<AssembledVolume> =>
  assembleVolume(instances, readPlace);

/** Largest difference between a voxel and what belongs at its place. */
function errorOf({ shape, affine, data }: Volume): number {
  let worst = 0;
  data.forEach((value, at) => {
    const index: Vec3 = [at % shape[0], Math.floor(at / shape[0]) % shape[1], Math.floor(at / (shape[0] * shape[1]))];
    worst = Math.max(worst, Math.abs(value - intensityAt(applyAffine(affine, index))));
  });
  return worst;
}

const change = (at: number, altered: Partial<FrameHeader>, instances = seriesOf()): InstanceHeader[] =>
  instances.map((instance, n) =>
    n === at ? { ...instance, frames: [{ ...instance.frames[0]!, ...altered }] } : instance,
  );

describe('assembling a series', () => {
  it('puts every voxel at its place and takes the slice step from the positions', async () => {
    const { volume } = await assembled(seriesOf());
    expect(volume.shape).toEqual([COLUMNS, ROWS, COUNT]);
    voxelSizeOf(volume.affine).forEach((mm, n) => void expect(mm).toBeCloseTo([0.8, 0.9, 1.2][n]!, 9));
    expect(errorOf(volume)).toBeLessThan(1e-3);
  });

  it('does so in any orientation, for stacks that run with or against their normal', async () => {
    const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fc.tuple(angle, angle, angle), fc.constantFrom(-1.2, 1.2), async (turn, step) => {
        const [row, column, normal] = rotation(turn);
        const stack: Stack = {
          ...AXIAL,
          orientation: [...row, ...column],
          step: [normal[0] * step, normal[1] * step, normal[2] * step],
        };
        const { volume, slices } = await assembled(seriesOf(stack));
        expect(errorOf(volume)).toBeLessThan(2e-3);
        const places = slices.map(({ frame }) => frame.imagePositionPatient!);
        places.forEach((place, k) => {
          applyAffine(volume.affine, [0, 0, k]).forEach((mm, axis) => void expect(mm).toBeCloseTo(place[axis]!, 6));
        });
      }),
      { numRuns: 40 },
    );
  });

  it('gives the same volume, slice order and digest for any order of arrival', async () => {
    const expected = await assembled(seriesOf());
    const shuffles = fc.shuffledSubarray(seriesOf(), { minLength: COUNT });
    await fc.assert(
      fc.asyncProperty(shuffles, async (instances) => expect(await assembled(instances)).toEqual(expected)),
      {
        numRuns: 20,
      },
    );
  });

  it('gives the same pixels and digest for a classic and an enhanced series', async () => {
    const classic = await assembled(seriesOf());
    const enhanced = await assembled([enhancedOf()]);
    expect(enhanced.volume).toEqual(classic.volume);
    expect(enhanced.pixelDigest).toBe(classic.pixelDigest);
    expect(enhanced.slices.map(({ frame }) => frame.frameNumber)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('orders slices upwards along the normal when they were sent from above', async () => {
    const { slices } = await assembled(seriesOf({ ...AXIAL, step: [0, 0, -1.2] }));
    expect(slices[0]!.instance.sopInstanceUid).toBe(seriesOf()[COUNT - 1]!.sopInstanceUid);
  });

  it('tolerates the rounding of real headers', async () => {
    const rounded = seriesOf().map((instance, n) => {
      const frame = instance.frames[0]!;
      const noise = (n % 3) * 1e-4;
      const [x, y, z] = frame.imagePositionPatient!;
      return {
        ...instance,
        frames: [
          {
            ...frame,
            imagePositionPatient: [x + noise, y - noise, z + 10 * noise] as const,
            imageOrientationPatient: [1, noise, 0, -noise, 1, 0] as const,
          },
        ],
      };
    });
    expect((await assembled(rounded)).volume.shape[2]).toBe(COUNT);
  });

  it('changes the digest with one pixel and with the geometry', async () => {
    const { volume, pixelDigest } = await assembled(seriesOf());
    const data = volume.data.slice();
    data[17]! += 1;
    expect(pixelDigestOf({ ...volume, data })).not.toBe(pixelDigest);
    const moved = await assembled(seriesOf({ ...AXIAL, position: [-40, -50, -20.001] }));
    expect(pixelDigestOf({ ...moved.volume, data: volume.data })).not.toBe(pixelDigest);
    expect(pixelDigest).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('series that are no volume', () => {
  const tilted: Stack = { ...AXIAL, step: [0, 1.2 * Math.tan(0.05), 1.2] };
  const z = (n: number): Partial<FrameHeader> => ({ imagePositionPatient: [-40, -50, -20 + 1.2 * n] });
  it.each<[string, string, () => readonly InstanceHeader[]]>([
    ['no-pixel-data', 'no instances', () => []],
    [
      'no-pixel-data',
      'an instance without pixels',
      () => seriesOf().map(({ pixels, ...rest }, n) => (n === 3 ? rest : { ...rest, ...(pixels && { pixels }) })),
    ],
    [
      'no-pixel-data',
      'an instance without frames',
      () => seriesOf().map((one, n) => (n === 3 ? { ...one, frames: [] } : one)),
    ],
    ['duplicate-slice', 'one instance given twice', () => [...seriesOf(), seriesOf()[4]!]],
    ['duplicate-slice', 'two images at one position', () => change(5, z(4))],
    [
      'duplicate-slice',
      'two echoes in one series',
      () => [...seriesOf(), ...seriesOf().map((one) => ({ ...one, sopInstanceUid: `${one.sopInstanceUid}.2` }))],
    ],
    [
      'mixed-frames-of-reference',
      'two frames of reference',
      () =>
        seriesOf().map((one, n) =>
          n < 6 ? one : { ...one, series: { ...one.series, frameOfReferenceUid: '1.2.3.98' } },
        ),
    ],
    [
      'missing-geometry',
      'a slice without a position',
      () => change(3, { imagePositionPatient: undefined } as unknown as Partial<FrameHeader>),
    ],
    [
      'missing-geometry',
      'a position that is not finite',
      () => change(3, { imagePositionPatient: [0, Number.NaN, 0] }),
    ],
    ['missing-geometry', 'a pixel spacing of 0', () => change(3, { pixelSpacing: [0, 1] })],
    [
      'missing-geometry',
      'an orientation that is no pair of unit vectors',
      () => seriesOf({ ...AXIAL, orientation: [1, 0, 0, 1, 0, 0] }),
    ],
    ['missing-geometry', 'an orientation of zeros', () => seriesOf({ ...AXIAL, orientation: [0, 0, 0, 0, 0, 0] })],
    ['mixed-orientation', 'two orientations', () => change(3, { imageOrientationPatient: [1, 0, 0, 0, 0, -1] })],
    [
      'mixed-orientation',
      'a slice turned by one degree',
      () =>
        change(3, {
          imageOrientationPatient: [Math.cos(0.017), Math.sin(0.017), 0, -Math.sin(0.017), Math.cos(0.017), 0],
        }),
    ],
    ['mixed-spacing', 'two pixel spacings', () => change(3, { pixelSpacing: [0.9, 0.9] })],
    [
      'mixed-spacing',
      'two matrix sizes',
      () => seriesOf().map((one, n) => (n === 3 ? { ...one, pixels: { ...one.pixels!, rows: 7 } } : one)),
    ],
    ['too-few-slices', 'three slices', () => seriesOf(AXIAL, 3)],
    ['too-few-slices', 'one slice', () => seriesOf(AXIAL, 1)],
    ['slice-gap', 'a missing slice', () => seriesOf().filter((_, n) => n !== 6)],
    ['slice-gap', 'a slice a tenth of a step off', () => change(6, z(6.1))],
    [
      'slice-gap',
      'steps that grow along the stack',
      () =>
        seriesOf(AXIAL, 120).map((one, n) => ({ ...one, frames: [{ ...one.frames[0]!, ...z(n * (1 + n * 2e-4)) }] })),
    ],
    ['gantry-tilt', 'a tilted gantry', () => seriesOf(tilted)],
    [
      'gantry-tilt',
      'a slice shifted in its plane',
      () => change(6, { imagePositionPatient: [-39, -50, -20 + 1.2 * 6] }),
    ],
  ])('answers %s to %s', async (name, _, instances) => {
    await expect(assembled(instances())).rejects.toThrow(kind(name));
  });

  it('names duplicates in an enhanced series with two time points', async () => {
    const one = enhancedOf();
    const frames = [
      ...one.frames,
      ...one.frames.map((frame) => ({ ...frame, frameNumber: frame.frameNumber + COUNT })),
    ];
    await expect(assembled([{ ...one, frames }])).rejects.toThrow('12 of 24 slices repeat a position');
  });

  it('refuses pixels that are not finite, all alike or of the wrong number', async () => {
    const reading = (pixels: ArrayLike<number>) => assembleVolume(seriesOf(), async () => Float32Array.from(pixels));
    await expect(reading(Array(30).fill(0))).rejects.toThrow(kind('empty-image'));
    await expect(reading([Number.NaN, ...Array(29).fill(1)])).rejects.toThrow(kind('non-finite-pixels'));
    await expect(reading(Array(29).fill(1))).rejects.toThrow(kind('malformed-pixels'));
  });

  it('refuses a series beyond the limit before reading a frame', async () => {
    const vast = seriesOf().map((one) => ({ ...one, pixels: { ...one.pixels!, rows: 60_000, columns: 60_000 } }));
    let read = 0;
    const reading = assembleVolume(vast, async () => {
      read++;
      return new Float32Array(1);
    });
    await expect(reading).rejects.toThrow(kind('limit-exceeded'));
    expect(read).toBe(0);
  });

  it('passes on what reading a frame throws and asks for no further frames', async () => {
    let read = 0;
    const reading = assembleVolume(seriesOf(), async () => {
      read++;
      throw new Error('lost');
    });
    await expect(reading).rejects.toThrow('lost');
    expect(read).toBeLessThanOrEqual(4);
  });
});
