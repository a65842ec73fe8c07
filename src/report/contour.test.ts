import { describe, expect, it } from '@jest/globals';
import { contourOf, type Field, strokeMask } from './contour.ts';

/** A field from a formula. */
function fieldOf(width: number, height: number, value: (x: number, y: number) => number): Field {
  const values = Float32Array.from({ length: width * height }, (_, at) => value(at % width, Math.floor(at / width)));
  return { width, height, values };
}

describe('contourOf', () => {
  it('follows a circle to a tenth of a pixel', () => {
    const disc = fieldOf(64, 64, (x, y) => 20.3 - Math.hypot(x - 31.2, y - 30.7));
    const segments = contourOf(disc, 0);
    const radii = segments.flatMap(([x0, y0, x1, y1]) => [
      Math.hypot(x0 - 31.2, y0 - 30.7),
      Math.hypot(x1 - 31.2, y1 - 30.7),
    ]);
    expect(Math.max(...radii.map((radius) => Math.abs(radius - 20.3)))).toBeLessThan(0.1);
    const length = segments.reduce((sum, [x0, y0, x1, y1]) => sum + Math.hypot(x1 - x0, y1 - y0), 0);
    expect(Math.abs(length / (2 * Math.PI * 20.3) - 1)).toBeLessThan(0.01);
  });

  it('closes every line: each end is shared by two pieces', () => {
    const wavy = fieldOf(50, 50, (x, y) =>
      x === 0 || y === 0 || x === 49 || y === 49 ? -1 : Math.sin(x / 3) + Math.cos(y / 2.5),
    );
    const ends = new Map<string, number>();
    for (const [x0, y0, x1, y1] of contourOf(wavy, 0)) {
      for (const end of [`${x0.toFixed(4)},${y0.toFixed(4)}`, `${x1.toFixed(4)},${y1.toFixed(4)}`]) {
        ends.set(end, (ends.get(end) ?? 0) + 1);
      }
    }
    expect(ends.size).toBeGreaterThan(20);
    expect([...ends.values()].filter((count) => count % 2 !== 0)).toEqual([]);
  });

  it('splits a saddle into two pieces that do not cross, joined by the mean of the corners', () => {
    const joined = contourOf({ width: 2, height: 2, values: Float32Array.of(1, 0.4, 1, 0.4).reverse() }, 0.5);
    expect(joined).toHaveLength(1);
    const high = contourOf({ width: 2, height: 2, values: Float32Array.of(1, 0.4, 0.4, 1) }, 0.5);
    const low = contourOf({ width: 2, height: 2, values: Float32Array.of(0.6, 0, 0, 0.6) }, 0.5);
    expect([high.length, low.length]).toEqual([2, 2]);
    // Where the middle is inside, the pieces cut off the two outer corners (top right and bottom left).
    expect(high.map(([x0, y0, x1, y1]) => x0 + x1 > y0 + y1).sort()).toEqual([false, true]);
    expect(low.map(([x0, y0, x1, y1]) => x0 + x1 + y0 + y1 > 2).sort()).toEqual([false, true]);
  });

  it('draws nothing where the level is not crossed', () => {
    expect(
      contourOf(
        fieldOf(8, 8, () => 1),
        0.5,
      ),
    ).toEqual([]);
  });
});

describe('strokeMask', () => {
  it('covers the line fully and fades over one pixel', () => {
    const mask = strokeMask([[2, 5, 12, 5]], 15, 11, 2);
    const at = (x: number, y: number) => mask[x + 15 * y];
    expect([at(7, 5), at(7, 6), at(7, 7), at(7, 3)]).toEqual([1, 0.5, 0, 0]);
  });

  it('does not grow darker where pieces overlap, and takes points and lines that leave the picture', () => {
    const once = strokeMask([[0, 3, 9, 3]], 10, 7, 1.5);
    const twice = strokeMask(
      [
        [0, 3, 5, 3],
        [4, 3, 9, 3],
        [5, 3, 5, 3],
      ],
      10,
      7,
      1.5,
    );
    expect(twice).toEqual(once);
    expect(Math.max(...strokeMask([[-20, -20, -10, -10]], 10, 7, 2))).toBe(0);
  });
});
