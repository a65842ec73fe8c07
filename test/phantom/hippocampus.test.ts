import { describe, expect, it } from '@jest/globals';
import {
  type HippocampusParameters,
  type HippocampusPoint,
  type HippocampusShape,
  hippocampusLocator,
  solveHippocampus,
} from './hippocampus.ts';

const PLAIN: HippocampusParameters = {
  start: [18.5, 8, -19.5],
  run: 29.5,
  headBend: 8.5,
  tailBend: 7,
  rise: 4,
  tailRise: 11,
  widthHead: 5.4,
  widthTail: 2.9,
  heightHead: 4.6,
  heightTail: 2.6,
  digitation: 0.05,
  digitationPhase: 0,
  lobes: 0.05,
  lobePhase: 0,
  headCap: 4,
  tailCap: 3,
};
/** Everything at the bent, bumpy and thick end of what heads are drawn from. */
const BENT: HippocampusParameters = {
  ...PLAIN,
  headBend: 11,
  tailBend: 9.5,
  tailRise: 14,
  digitation: 0.09,
  lobes: 0.08,
  lobePhase: 2,
};

/** Integrates the shape on a lattice of `step` mm: whole and anterior volume, and the extent of the centre line part. */
function integrate(shape: HippocampusShape, step: number): { whole: number; anterior: number } {
  const locate = hippocampusLocator(shape);
  const here: HippocampusPoint = { t: 0, level: 0, distance: 0, lateral: 0, up: 0 };
  let whole = 0;
  let anterior = 0;
  for (let z = -30 + step / 2; z < 12; z += step) {
    for (let y = 1 + step / 2; y < 48; y += step) {
      for (let x = 6 + step / 2; x < 40; x += step) {
        locate(x, y, z, here);
        if (here.level > 1) continue;
        whole += 1;
        if (here.t < shape.split) anterior += 1;
      }
    }
  }
  return { whole: whole * step ** 3, anterior: anterior * step ** 3 };
}

describe('the analytic hippocampus', () => {
  it.each([
    ['plain', PLAIN, 3200],
    ['bent and large', BENT, 4500],
  ] as const)('has the wanted volume within 0.2 %% when integrated at 0.2 mm: %s', (_, parameters, volume) => {
    const shape = solveHippocampus(parameters, volume, 0.52);
    const { whole, anterior } = integrate(shape, 0.2);
    expect(shape.volume).toBe(volume);
    expect(Math.abs(whole / volume - 1)).toBeLessThan(0.002);
    expect(Math.abs(anterior / shape.anteriorVolume - 1)).toBeLessThan(0.002);
  });

  it('has human length, and its middle section is where the split says', () => {
    const shape = solveHippocampus(PLAIN, 3200, 0.52);
    expect(shape.length).toBeGreaterThan(38);
    expect(shape.length).toBeLessThan(50);
    expect(shape.sectionScale).toBeGreaterThan(0.9);
    expect(shape.sectionScale).toBeLessThan(1.3);
    expect(shape.split).toBeGreaterThan(0.25);
    expect(shape.split).toBeLessThan(0.55);
  });

  it('measures distances from its surface that are right next to it', () => {
    const shape = solveHippocampus({ ...PLAIN, lobes: 0, digitation: 0 }, 3200, 0.5);
    const locate = hippocampusLocator(shape);
    const here: HippocampusPoint = { t: 0, level: 0, distance: 0, lateral: 0, up: 0 };
    for (const outwards of [-0.6, -0.2, 0.2, 0.6]) {
      // Straight forward from the tip of the head: the surface is one cap away from the first section.
      const [x, y, z] = PLAIN.start;
      const slope = [3 * PLAIN.headBend, PLAIN.run, PLAIN.rise];
      const length = Math.hypot(...slope);
      const along = slope.map((value) => (-value / length) * (PLAIN.headCap + outwards));
      locate(x + along[0]!, y + along[1]!, z + along[2]!, here);
      expect(here.distance).toBeCloseTo(outwards, 6);
      expect(here.t).toBe(0);
    }
  });
});
