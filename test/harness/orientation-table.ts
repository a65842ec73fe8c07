import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Volume } from '../../src/domain/geometry.ts';
import { assembleVolume } from '../../src/imaging/assemble.ts';
import { toModelSpace, toSourceSpace } from '../../src/imaging/model-space.ts';
import { encodeMrSeries } from '../../src/imaging/mr-series.ts';
import { writeNifti } from '../../src/imaging/nifti.ts';
import { selectSeries } from '../../src/imaging/select-series.ts';
import { measureHippocampi } from '../../src/imaging/volumetry.ts';
import type { Segmenter } from '../../src/ports/index.ts';
import { openSegmenter } from '../../src/segmentation/onnx-segmenter.ts';
import { openStudyFolder } from '../../src/storage/study-folder.ts';
import { makeHead } from '../phantom/head.ts';
import { ACQUISITIONS, ALL_ORIENTATIONS, nameOf, reorient } from '../phantom/orientations.ts';
import { renderHead } from '../phantom/raster.ts';
import { headGrid } from '../phantom/render.ts';

/** The promise: each side within this share of the truth, in every orientation. */
const PROMISED_ERROR = 0.1;
const [LEFT_MM3, RIGHT_MM3] = [2700, 3500];

interface Row {
  readonly name: string;
  readonly left: number;
  readonly right: number;
}

/** Files as a person would hand them over, through the same reading, choice and assembly as `analyse`. */
async function measure(name: string, path: string, segmenter: Segmenter): Promise<Row> {
  const source = await openStudyFolder(path);
  try {
    const { selected } = selectSeries(await source.listSeries());
    const { volume } = await assembleVolume(selected.instances, (slice) => source.readFrame(slice));
    const segmentation = await segmenter.segment(toModelSpace(volume), new AbortController().signal);
    const { left, right } = measureHippocampi(toSourceSpace(segmentation, volume));
    return { name, left: left.volumeMm3, right: right.volumeMm3 };
  } finally {
    await source.close();
  }
}

async function rowsOf(volume: Volume, folder: string, segmenter: Segmenter, tell: (row: Row) => void): Promise<void> {
  for (const axes of ALL_ORIENTATIONS) {
    const path = join(folder, `${nameOf(axes)}.nii.gz`);
    await writeFile(path, writeNifti(reorient(volume, axes)));
    tell(await measure(`NIfTI ${nameOf(axes)}`, path, segmenter));
    await rm(path);
  }
  for (const axes of ACQUISITIONS) {
    for (const sliceOrder of ['ascending', 'descending'] as const) {
      const path = join(folder, 'study');
      await mkdir(path);
      const files = encodeMrSeries(reorient(volume, axes), {
        identifiersFrom: nameOf(axes),
        kind: 'classic',
        sliceOrder,
        patient: { patientId: 'PHANTOM' },
        study: {},
        series: { seriesDescription: 'T1 MPRAGE', seriesNumber: 1 },
        acquisition: { mrAcquisitionType: '3D', repetitionTime: 2300, echoTime: 3, inversionTime: 900, flipAngle: 9 },
      });
      await Promise.all(files.map((bytes, index) => writeFile(join(path, `${index}.dcm`), bytes)));
      tell(await measure(`DICOM ${nameOf(axes)} ${sliceOrder}`, path, segmenter));
      await rm(path, { recursive: true });
    }
  }
}

/** One phantom head in 48 axis orders (NIfTI) and 24 rotations x 2 slice orders (DICOM): prints the table, exits 1 on a broken promise. */
async function main(): Promise<void> {
  const head = makeHead({ seed: 931, leftVolumeMm3: LEFT_MM3, rightVolumeMm3: RIGHT_MM3 });
  const { volume } = renderHead(head, headGrid(1));
  const folder = await mkdtemp(join(tmpdir(), 'neuroinsight-orientations-'));
  const segmenter = await openSegmenter({
    modelDir: fileURLToPath(new URL('../../config/models/hippocampus/', import.meta.url)),
  });
  let [worst, exchanged, rows] = [0, 0, 0];
  try {
    await rowsOf(volume, folder, segmenter, ({ name, left, right }) => {
      const errors = [left / LEFT_MM3 - 1, right / RIGHT_MM3 - 1];
      worst = Math.max(worst, ...errors.map(Math.abs));
      exchanged += Number(left > right);
      rows += 1;
      const percent = errors.map((error) => `${(100 * error).toFixed(1)} %`).join(' | ');
      console.log(`| ${name} | ${left.toFixed(0)} | ${right.toFixed(0)} | ${percent} |`);
    });
  } finally {
    await segmenter.close();
    await rm(folder, { recursive: true, force: true });
  }
  console.log(`${rows} orientations, worst error ${(100 * worst).toFixed(1)} %, sides exchanged ${exchanged} times`);
  if (worst > PROMISED_ERROR || exchanged > 0) process.exitCode = 1;
}

await main();
