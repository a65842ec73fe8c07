import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { main } from '../../src/cli/main.ts';
import { readNifti } from '../../src/imaging/nifti.ts';
import { recordTerminal } from '../harness/terminal.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
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
}

/** A program of the repository in a process of its own, as a person starts it. */
function start(...args: string[]): { readonly code: number | null; readonly out: string; readonly err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

const analyse = (path: string, out: string): ReturnType<typeof start> =>
  start('src/cli/launch.js', 'analyse', path, '--out', out, '--times');

describe('the walk on the command line', () => {
  let folder = '';
  const measurementsIn = async (out: string): Promise<Measurements> =>
    JSON.parse(await readFile(join(folder, out, 'measurements.json'), 'utf8'));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'neuroinsight-journey-'));
    const rendered = start('test/phantom/render.ts', '--out', folder, '--count', '1', '--seed', '11');
    expect({ code: rendered.code, err: rendered.err }).toEqual({ code: 0, err: '' });
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('takes a head to every form of the result, left as left', async () => {
    const { code, out, err } = analyse(join(folder, 'head_001.nii.gz'), join(folder, 'out'));
    expect({ code, refusal: err.match(/refused.*|defect.*/)?.[0] }).toEqual({ code: 0, refusal: undefined });
    expect((await readdir(join(folder, 'out'))).sort()).toEqual(FILES);
    const measured = await measurementsIn('out');
    const [truth] = JSON.parse(await readFile(join(folder, 'truth.json'), 'utf8'));
    expect(Math.sign(measured.asymmetryIndex)).toBe(Math.sign(truth.left.volumeMm3 - truth.right.volumeMm3));
    const labels = readNifti(await readFile(join(folder, 'out', 'labels.nii.gz')));
    const count = (label: number): number => labels.data.reduce((sum, value) => sum + Number(value === label), 0);
    expect(count(1) * measured.geometry.voxelVolumeMm3).toBeCloseTo(measured.left.volumeMm3, 0);
    expect(count(2) * measured.geometry.voxelVolumeMm3).toBeCloseTo(measured.right.volumeMm3, 0);
    expect(measured.left.percentile).toBeNull();
    expect(measured.withheld['left.percentile']).toMatch(/age|quality/);
    expect(out).toContain('research use only');
  }, 300_000);

  it('changes no byte when it is repeated', async () => {
    const names = ['seg.dcm', 'sr.dcm', 'bundle.json', 'measurements.json'];
    const read = (): Promise<Buffer[]> => Promise.all(names.map((name) => readFile(join(folder, 'out', name))));
    const before = await read();
    expect(analyse(join(folder, 'head_001.nii.gz'), join(folder, 'out')).code).toBe(0);
    expect((await read()).map((bytes, index) => bytes.equals(before[index]!))).toEqual(names.map(() => true));
  }, 300_000);

  it.each([
    ['a missing path', 'nowhere', 'nothing-to-read'],
    ['a text file', 'truth.json', 'not-dicom'],
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
