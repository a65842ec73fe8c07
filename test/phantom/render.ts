import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeNifti } from '../../src/imaging/nifti.ts';
import { headGrid } from './grids.ts';
import { type Contrast, type HeadOptions, makeHead } from './head.ts';
import { renderHead } from './raster.ts';
import { phantomStudy, writePhantomStudy } from './write-dicom.ts';

export { headGrid };

const OPTIONS = {
  out: { type: 'string', default: '.' },
  count: { type: 'string', default: '1' },
  seed: { type: 'string', default: '1' },
  spacing: { type: 'string', default: '1' },
  /** classic or enhanced: a study folder for each head instead of NIfTI. */
  dicom: { type: 'string' },
  distractors: { type: 'boolean', default: false },
  left: { type: 'string' },
  right: { type: 'string' },
  noise: { type: 'string' },
  bias: { type: 'string' },
  ghosting: { type: 'string' },
  contrast: { type: 'string' },
} as const;

/** Writes heads as NIfTI pairs (image, labels) or DICOM studies, and truth.json beside them. */
function main(): void {
  const { values } = parseArgs({ options: OPTIONS });
  const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
  mkdirSync(values.out, { recursive: true });
  const truths = [];
  for (let n = 0; n < Number(values.count); n += 1) {
    const options: HeadOptions = {
      seed: Number(values.seed) + n,
      leftVolumeMm3: number(values.left),
      rightVolumeMm3: number(values.right),
      noise: number(values.noise),
      bias: number(values.bias),
      ghosting: number(values.ghosting),
      contrast: values.contrast as Contrast | undefined,
    };
    const name = `head_${String(n + 1).padStart(3, '0')}`;
    const { truth } = makeHead(options);
    if (values.dicom === 'classic' || values.dicom === 'enhanced') {
      const wanted = { kind: values.dicom, distractors: values.distractors, spacing: Number(values.spacing) } as const;
      writePhantomStudy(join(values.out, name), phantomStudy(options, wanted));
    } else {
      const { volume, labels } = renderHead(makeHead(options), headGrid(Number(values.spacing)));
      writeFileSync(join(values.out, `${name}.nii.gz`), writeNifti(volume));
      writeFileSync(join(values.out, `${name}_labels.nii.gz`), writeNifti(labels));
    }
    truths.push({ name, seed: options.seed, ...truth });
    writeFileSync(join(values.out, 'truth.json'), `${JSON.stringify(truths, null, 2)}\n`);
    const [left, right] = [truth.left, truth.right].map(({ volumeMm3 }) => volumeMm3.toFixed(0));
    console.log(`${name} seed ${options.seed} left ${left} right ${right} mm3`);
  }
}

if (import.meta.main) main();
