import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Affine, LabelVolume, Vec3 } from '../domain/geometry.ts';
import { frameGeometryOf, framesOf, packFrames, slicePositionOf } from './seg-frames.ts';

const IDENTITY: Affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

function volumeOf(shape: Vec3, values: readonly number[], affine: Affine = IDENTITY): LabelVolume {
  return { shape, affine, data: Uint8Array.from(values) };
}

describe('packFrames', () => {
  it('puts the first voxel into the least significant bit and starts the next frame in the middle of a byte', () => {
    // 3 x 3 voxels a frame: frame 1 takes bits 0 to 8, frame 2 bits 9 to 17.
    const labels = volumeOf([3, 3, 2], [1, 0, 2, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 2, 2]);
    const frames = framesOf(labels, 1);
    expect(frames.map(({ segmentNumber, slice }) => [segmentNumber, slice])).toEqual([
      [1, 0],
      [1, 1],
    ]);
    expect([...packFrames(labels, frames)]).toEqual([0b0000_0101, 0b0000_0011, 0b0000_0011, 0]);
  });

  it('keeps both parts of a side and nothing of the other side', () => {
    const labels = volumeOf([4, 1, 1], [1, 2, 3, 4]);
    const frames = framesOf(labels, 1);
    expect(frames.map(({ segmentNumber }) => segmentNumber)).toEqual([1, 2]);
    expect([...packFrames(labels, frames)]).toEqual([0b1100_0011, 0]);
  });

  it('has an even number of bytes and gives every voxel back, whatever the size of a frame', () => {
    const shapes = fc.tuple(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 4 }),
    );
    const cases = shapes.chain((shape) => {
      const length = shape[0] * shape[1] * shape[2];
      return fc.record({
        shape: fc.constant(shape),
        values: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: length, maxLength: length }),
        handedness: fc.constantFrom(1 as const, -1 as const),
      });
    });
    fc.assert(
      fc.property(cases, ({ shape, values, handedness }) => {
        const labels = volumeOf(shape, values);
        const frames = framesOf(labels, handedness);
        const packed = packFrames(labels, frames);
        const size = shape[0] * shape[1];
        expect(packed.length).toBe(2 * Math.ceil((frames.length * size) / 16));
        const sides = new Uint8Array(values.length);
        frames.forEach(({ segmentNumber, slice }, frame) => {
          for (let voxel = 0; voxel < size; voxel++) {
            const bit = frame * size + voxel;
            if ((packed[bit >> 3]! >> (bit & 7)) & 1) sides[slice * size + voxel]! += segmentNumber;
          }
        });
        expect([...sides]).toEqual(values.map((label) => Math.ceil(label / 2)));
      }),
    );
  });
});

describe('framesOf', () => {
  it('has no frame where a side is absent and ranks the positions over both sides', () => {
    const labels = volumeOf([2, 1, 5], [0, 0, 1, 0, 1, 3, 0, 0, 0, 4]);
    expect(framesOf(labels, 1)).toEqual([
      { segmentNumber: 1, slice: 1, positionIndex: 1 },
      { segmentNumber: 1, slice: 2, positionIndex: 2 },
      { segmentNumber: 2, slice: 2, positionIndex: 2 },
      { segmentNumber: 2, slice: 4, positionIndex: 3 },
    ]);
  });

  it('counts positions along the slice normal where the grid is left-handed', () => {
    const labels = volumeOf([1, 1, 3], [1, 1, 0]);
    expect(framesOf(labels, -1)).toEqual([
      { segmentNumber: 1, slice: 1, positionIndex: 1 },
      { segmentNumber: 1, slice: 0, positionIndex: 2 },
    ]);
  });
});

describe('frameGeometryOf', () => {
  it('says rows first, as Pixel Spacing does: j is between rows, i between columns', () => {
    const affine: Affine = [0.5, 0, 0, -10, 0, 0.75, 0, -20, 0, 0, 2, -30];
    expect(frameGeometryOf({ shape: [4, 5, 6], affine })).toEqual({
      imageOrientation: [1, 0, 0, 0, 1, 0],
      pixelSpacing: [0.75, 0.5],
      sliceSpacing: 2,
      handedness: 1,
    });
    expect(slicePositionOf({ shape: [4, 5, 6], affine }, 3)).toEqual([-10, -20, -24]);
  });

  it('tells a left-handed grid by its slices, not by its in-plane axes', () => {
    const sagittal: Affine = [0, 0, -1, 0, 1, 0, 0, 0, 0, -1, 0, 0];
    expect(frameGeometryOf({ shape: [2, 2, 2], affine: sagittal })).toMatchObject({
      imageOrientation: [0, 1, 0, 0, 0, -1],
      handedness: 1,
    });
    const mirrored: Affine = [0, 0, 1, 0, 1, 0, 0, 0, 0, -1, 0, 0];
    expect(frameGeometryOf({ shape: [2, 2, 2], affine: mirrored }).handedness).toBe(-1);
  });

  it('says a spacing of 0.9375 mm as 0.9375 after an oblique turn', () => {
    const [c, s] = [Math.cos(0.3), Math.sin(0.3)];
    const affine: Affine = [0.9375 * c, -0.9375 * s, 0, 0, 0.9375 * s, 0.9375 * c, 0, 0, 0, 0, 1.2, 0];
    expect(frameGeometryOf({ shape: [2, 2, 2], affine }).pixelSpacing).toEqual([0.9375, 0.9375]);
  });
});
