import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { main } from '../../src/cli/main.ts';
import { encodeMrSeries } from '../../src/imaging/mr-series.ts';
import { readNifti, writeNifti } from '../../src/imaging/nifti.ts';
import { recordTerminal } from '../harness/terminal.ts';
import { makeHead } from '../phantom/head.ts';
import { renderHead } from '../phantom/raster.ts';
import { headGrid } from '../phantom/render.ts';

const head = makeHead({ seed: 11, leftVolumeMm3: 2600, rightVolumeMm3: 3500 });
const FILES = [
  'bundle.json',
  'labels.nii.gz',
  'measurements.json',
  'overlay',
  'overlay.png',
  'parts.nii.gz',
  'report.dcm',
  'report.pdf',
  'seg.dcm',
  'sr.dcm',
];

interface Measurements {
  readonly left: { readonly volumeMm3: number; readonly percentile: number | null };
  readonly right: { readonly volumeMm3: number };
  readonly asymmetryIndex: number;
  readonly geometry: { readonly voxelVolumeMm3: number };
  readonly withheld: Record<string, string>;
  readonly runKey: string;
}

describe('the walk on the command line', () => {
  let folder = '';
  const measurementsIn = async (out: string): Promise<Measurements> =>
    JSON.parse(await readFile(join(folder, out, 'measurements.json'), 'utf8'));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'neuroinsight-journey-'));
    const { volume } = renderHead(head, headGrid(1));
    await writeFile(join(folder, 'head.nii.gz'), writeNifti(volume));
    await mkdir(join(folder, 'study'));
    const files = encodeMrSeries(volume, {
      identifiersFrom: 'journey',
      kind: 'classic',
      sliceOrder: 'descending',
      patient: { patientName: 'Phantom^Eleven', patientId: 'P11', patientSex: 'F', patientAge: '042Y' },
      study: { studyDate: '20240301', studyTime: '101500' },
      series: { seriesDescription: 'T1 MPRAGE SAG', seriesNumber: 3 },
      acquisition: {
        mrAcquisitionType: '3D',
        scanningSequence: ['GR', 'IR'],
        sequenceVariant: ['SP', 'MP'],
        repetitionTime: 2300,
        echoTime: 2.98,
        inversionTime: 900,
        flipAngle: 9,
        magneticFieldStrength: 3,
      },
    });
    await Promise.all(files.map((bytes, index) => writeFile(join(folder, 'study', `${index}.dcm`), bytes)));
    await writeFile(join(folder, 'study', 'readme.txt'), 'not an image');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('takes a DICOM folder to every form of the result, left as left', async () => {
    const terminal = recordTerminal();
    const code = await main(['analyse', join(folder, 'study'), '--out', join(folder, 'out'), '--times'], terminal);
    expect(terminal.written.err).toContain('passed over readme.txt');
    expect({ code, err: terminal.written.err.match(/refused.*|defect.*/)?.[0] }).toEqual({ code: 0, err: undefined });
    expect((await readdir(join(folder, 'out'))).sort()).toEqual(FILES);
    const measured = await measurementsIn('out');
    expect(measured.asymmetryIndex).toBeLessThan(0);
    const labels = readNifti(await readFile(join(folder, 'out', 'labels.nii.gz')));
    const count = (label: number): number => labels.data.reduce((sum, value) => sum + Number(value === label), 0);
    expect(count(1) * measured.geometry.voxelVolumeMm3).toBeCloseTo(measured.left.volumeMm3, 3);
    expect(count(2) * measured.geometry.voxelVolumeMm3).toBeCloseTo(measured.right.volumeMm3, 3);
    expect(terminal.written.out).toContain('research use only');
  });

  it('changes no byte when it is repeated', async () => {
    const before = await readFile(join(folder, 'out', 'seg.dcm'));
    expect(await main(['analyse', join(folder, 'study'), '--out', join(folder, 'out')], recordTerminal())).toBe(0);
    expect(Buffer.compare(await readFile(join(folder, 'out', 'seg.dcm')), before)).toBe(0);
  });

  it('takes a NIfTI file and withholds percentiles without an age', async () => {
    expect(await main(['analyse', join(folder, 'head.nii.gz'), '--out', join(folder, 'nifti')], recordTerminal())).toBe(
      0,
    );
    const measured = await measurementsIn('nifti');
    expect(measured.left.percentile).toBeNull();
    expect(measured.withheld['left.percentile']).toMatch(/age|quality/);
    expect(measured.asymmetryIndex).toBeLessThan(0);
  });

  it.each([
    ['a missing path', 'nowhere', 'nothing-to-read'],
    ['a text file', 'study/readme.txt', 'not-dicom'],
  ])('refuses %s by name and writes nothing', async (_, path, kind) => {
    const terminal = recordTerminal();
    expect(await main(['analyse', join(folder, path), '--out', join(folder, 'none')], terminal)).toBe(2);
    expect(terminal.written.err).toMatch(new RegExp(`^refused: ${kind}: .*\n$`));
    await expect(readdir(join(folder, 'none'))).rejects.toThrow();
  });

  it.each([
    [['analyse'], 'invalid-request'],
    [['analyse', 'x'], 'invalid-request'],
    [['analyse', 'x', '--out', 'y', '--age', 'old'], 'invalid-request'],
    [['analyse', 'x', '--out', 'y', '--sex', 'Q'], 'invalid-request'],
    [['analyse', 'x', '--colour'], 'invalid-request'],
    [['paint'], 'invalid-request'],
  ])('refuses %j with the usage', async (args, kind) => {
    const terminal = recordTerminal();
    expect(await main(args, terminal)).toBe(2);
    expect(terminal.written.err).toContain(`refused: ${kind}`);
  });

  it('prints help, version and what the doctor found', async () => {
    const terminal = recordTerminal();
    expect(await main(['help'], terminal)).toBe(0);
    expect(await main(['version'], terminal)).toBe(0);
    expect(await main(['doctor'], terminal)).toBe(0);
    expect(terminal.written.out).toMatch(/usage: neuroinsight/);
    expect(terminal.written.out).toMatch(/0\.1\.0/);
    expect(terminal.written.out).toMatch(/this machine can run NeuroInsight/);
  });
});
