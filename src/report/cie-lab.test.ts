import { describe, expect, it } from '@jest/globals';
import { cieLabOf } from './cie-lab.ts';

/** L*, a*, b* as numbers, from the scaled values. */
const unscaled = ([l, a, b]: readonly [number, number, number]) => [
  (l * 100) / 65535,
  (a * 255) / 65535 - 128,
  (b * 255) / 65535 - 128,
];

describe('cieLabOf', () => {
  it.each([
    ['black', [0, 0, 0], [0, 0, 0]],
    ['white', [255, 255, 255], [100, 0, 0]],
    // Under D50, as an ICC profile connection space has them.
    ['red', [255, 0, 0], [54.29, 80.81, 69.89]],
    ['green', [0, 255, 0], [87.82, -79.27, 80.99]],
    ['blue', [0, 0, 255], [29.57, 68.3, -112.03]],
  ] as const)('gives %s its place in CIELab', (_, rgb, lab) => {
    const found = unscaled(cieLabOf(rgb));
    for (const axis of [0, 1, 2]) expect(Math.abs(found[axis]! - lab[axis]!)).toBeLessThan(0.05);
  });
});
