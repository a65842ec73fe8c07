import { describe, expect, it } from '@jest/globals';
import type { Grid, Volume } from '../../src/domain/geometry.ts';
import { applyAffine, determinantOf, invertAffine } from '../../src/imaging/affine.ts';
import { ACQUISITIONS, ALL_ORIENTATIONS, handednessOf, nameOf, reorient } from './orientations.ts';

const grid: Grid = { shape: [4, 5, 6], affine: [0.9, 0.1, 0, -20, -0.1, 1.1, 0, 7, 0, 0, 1.3, 30] };
const volume: Volume = { ...grid, data: Float32Array.from({ length: 120 }, (_, n) => n * n) };

describe('orientations', () => {
  it('are 48, of which 24 keep the handedness', () => {
    expect(new Set(ALL_ORIENTATIONS.map(nameOf)).size).toBe(48);
    expect(new Set(ACQUISITIONS.map(nameOf)).size).toBe(24);
    expect(nameOf([1, 2, 3])).toBe('LPS');
    expect(nameOf([-1, -2, 3])).toBe('RAS');
  });

  it.each(ALL_ORIENTATIONS.map((axes) => [nameOf(axes), axes] as const))(
    'leave every voxel of the patient where it is: %s',
    (_, axes) => {
      const turned = reorient(volume, axes);
      const back = invertAffine(grid.affine);
      expect(Math.sign(determinantOf(turned.affine))).toBe(handednessOf(axes));
      let at = 0;
      for (let k = 0; k < turned.shape[2]; k += 1) {
        for (let j = 0; j < turned.shape[1]; j += 1) {
          for (let i = 0; i < turned.shape[0]; i += 1, at += 1) {
            const [a, b, c] = applyAffine(back, applyAffine(turned.affine, [i, j, k])).map(Math.round);
            expect(turned.data[at]).toBe(volume.data[a! + 4 * (b! + 5 * c!)]);
          }
        }
      }
    },
  );
});
