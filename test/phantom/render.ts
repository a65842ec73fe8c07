import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Grid } from '../../src/domain/geometry.ts';
import { writeNifti } from '../../src/imaging/nifti.ts';
import { makeHead } from './head.ts';
import { renderHead } from './raster.ts';

/** A grid that holds the whole head: axes i = left, j = back, k = up, centred on the head. */
export function headGrid(spacing: number): Grid {
  const shape = [180, 220, 180].map((mm) => Math.round(mm / spacing)) as [number, number, number];
  const first = [0, 10, -8].map((middle, axis) => middle - ((shape[axis]! - 1) / 2) * spacing);
  return { shape, affine: [spacing, 0, 0, first[0]!, 0, spacing, 0, first[1]!, 0, 0, spacing, first[2]!] };
}

function main(): void {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: '.' },
      count: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
      spacing: { type: 'string', default: '1' },
    },
  });
  mkdirSync(values.out, { recursive: true });
  const truths = [];
  for (let n = 0; n < Number(values.count); n += 1) {
    const seed = Number(values.seed) + n;
    const head = makeHead({ seed });
    const { volume, labels } = renderHead(head, headGrid(Number(values.spacing)));
    const name = `head_${String(n + 1).padStart(3, '0')}`;
    writeFileSync(join(values.out, `${name}.nii.gz`), writeNifti(volume));
    writeFileSync(join(values.out, `${name}_labels.nii.gz`), writeNifti(labels));
    truths.push({ name, seed, ...head.truth });
    writeFileSync(join(values.out, 'truth.json'), `${JSON.stringify(truths, null, 2)}\n`);
    console.log(
      `${name} seed ${seed} left ${head.truth.left.volumeMm3.toFixed(0)} right ${head.truth.right.volumeMm3.toFixed(0)} mm3`,
    );
  }
}

if (import.meta.main) main();
