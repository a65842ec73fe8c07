import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../src/domain/identity.ts';
import type { FixtureOptions } from '../harness/result-fixture.ts';
import { makeResultObjects, type ResultObjects } from '../harness/result-objects.ts';
import { describeWith, sharedPath } from '../harness/shared-data.ts';

const CASES: Readonly<Record<string, FixtureOptions>> = {
  classic: {},
  'multi-frame': { source: 'enhanced' },
  oblique: { orientation: 'oblique' },
  'left-handed sagittal': { orientation: 'sagittal-rightwards' },
  'coronal, forwards': { orientation: 'coronal-forwards' },
  withheld: { withheld: true },
  'bare header': { bare: true },
};
const NAMES = Object.keys(CASES);
/** Studies with pictures; those of the others would differ in what is drawn only. */
const WITH_CAPTURES = ['classic', 'multi-frame', 'bare header'];

let folder: string;
const objects = new Map<string, ResultObjects>();
const folderOf = (name: string) => join(folder, name.replaceAll(/\W+/g, '-'));
const objectFilesOf = (name: string) =>
  readdirSync(folderOf(name))
    .filter((file) => file.endsWith('.dcm'))
    .map((file) => join(folderOf(name), file));

function writeObjects(name: string): void {
  const made = makeResultObjects(CASES[name], { withCaptures: WITH_CAPTURES.includes(name) });
  const target = folderOf(name);
  mkdirSync(join(target, 'source'), { recursive: true });
  made.source.forEach((file, index) => {
    writeFileSync(join(target, 'source', `${String(index).padStart(4, '0')}.dcm`), file);
  });
  writeFileSync(join(target, 'seg.dcm'), made.seg);
  writeFileSync(join(target, 'sr.dcm'), made.sr);
  writeFileSync(join(target, 'pdf.dcm'), made.pdf);
  made.captures.forEach((file, index) => {
    writeFileSync(join(target, `sc-${index + 1}.dcm`), file);
  });
  objects.set(name, made);
}

/** Runs a judge; what it says on either stream, line by line. */
function run(program: string, parameters: readonly string[]): { status: number | null; lines: string[] } {
  const { status, stdout, stderr } = spawnSync(program, parameters, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  return { status, lines: `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '') };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-objects-'));
  for (const name of NAMES) writeObjects(name);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeWith([{ program: 'dciodvfy' }], 'dciodvfy', () => {
  /** What it warns of, and why that stays: docs/conformance/dicom-objects.md. */
  const EXPLAINED = [
    /Unrecognized defined term = <99NEUROINSIGHT>/,
    /Missing attribute or value that would be needed to build DICOMDIR/,
  ];

  it.each(NAMES)('finds no error in any object of the study that is %s', (name) => {
    for (const file of objectFilesOf(name)) {
      const { status, lines } = run('dciodvfy', ['-new', file]);
      expect({ file, errors: lines.filter((line) => line.startsWith('Error')) }).toEqual({ file, errors: [] });
      expect(status).toBe(0);
      const warnings = lines.filter((line) => line.startsWith('Warning'));
      expect(warnings.filter((line) => !EXPLAINED.some((known) => known.test(line)))).toEqual([]);
    }
  });

  it('finds the error in a segmentation that lost its segment numbers', () => {
    const file = join(folder, 'broken.dcm');
    const broken = Buffer.from(objects.get('classic')!.seg);
    const at = broken.indexOf(Buffer.from([0x62, 0x00, 0x04, 0x00, 0x55, 0x53]));
    broken[at + 2] = 0x7f;
    writeFileSync(file, broken);
    expect(run('dciodvfy', [file]).lines.some((line) => line.startsWith('Error'))).toBe(true);
  });
});

describeWith([{ program: 'dcentvfy' }], 'dcentvfy', () => {
  it.each(NAMES)('finds one patient, one study and whole series in the study that is %s, source included', (name) => {
    const sources = readdirSync(join(folderOf(name), 'source')).map((file) => join(folderOf(name), 'source', file));
    const { status, lines } = run('dcentvfy', [...sources, ...objectFilesOf(name)]);
    expect(lines.filter((line) => line.startsWith('Error'))).toEqual([]);
    expect(status).toBe(0);
  });
});

describeWith([{ program: 'dsrdump' }], 'dsrdump', () => {
  it.each(NAMES)('reads the report of the study that is %s to its end', (name) => {
    const { status, lines } = run('dsrdump', ['+Pc', join(folderOf(name), 'sr.dcm')]);
    expect(status).toBe(0);
    // It says of itself that it cannot check text in ISO_IR 192.
    expect(lines.filter((line) => /^[WEF]: /.test(line) && !line.includes('ISO_IR 192'))).toEqual([]);
    expect(lines.join('\n')).toMatch(/NUM:\(118565006,SCT,"Volume"\)="[\d.]+" \(mm3,UCUM,/);
    expect(lines.join('\n')).toContain('Research use only');
  });
});

describeWith([{ pythonModule: 'highdicom' }], 'highdicom', () => {
  interface Found {
    segments: Record<
      string,
      { voxels: number; mm3: number; centroid: number[]; trackingUid: string; laterality: string }
    >;
    groups: { laterality: string; trackingUid: string; volumes: number[]; segments: number[] }[];
  }
  let found: Record<string, Found>;

  beforeAll(() => {
    const script = fileURLToPath(new URL('read_objects.py', import.meta.url));
    const { status, stdout, stderr } = spawnSync('python3', ['-W', 'ignore', script, ...NAMES.map(folderOf)], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    found = JSON.parse(stdout) as Record<string, Found>;
  });

  it.each(NAMES)('finds every voxel on its own side in the study that is %s', (name) => {
    const { result } = objects.get(name)!;
    const { segments } = found[folderOf(name).split('/').at(-1)!]!;
    for (const [number, side, x] of [
      ['1', result.left, 27],
      ['2', result.right, -27],
    ] as const) {
      const segment = segments[number]!;
      expect(segment.voxels).toBe(side.voxelCount);
      expect(segment.mm3).toBeCloseTo(side.volumeMm3, 3);
      expect(segment.laterality.toLowerCase()).toBe(side.laterality);
      expect(Math.abs(segment.centroid[0]! - x)).toBeLessThan(0.5);
      expect(Math.abs(segment.centroid[1]! - 4)).toBeLessThan(0.5);
    }
  });

  it.each(NAMES)('finds one measurement group a side, tied to its segment, in the study that is %s', (name) => {
    const { result } = objects.get(name)!;
    const { segments, groups } = found[folderOf(name).split('/').at(-1)!]!;
    expect(groups).toEqual([
      { laterality: 'Left', trackingUid: segments['1']!.trackingUid, volumes: [result.left.volumeMm3], segments: [1] },
      {
        laterality: 'Right',
        trackingUid: segments['2']!.trackingUid,
        volumes: [result.right.volumeMm3],
        segments: [2],
      },
    ]);
  });
});

describeWith([{ shared: 'judges/dicom' }, { pythonModule: 'highdicom' }], 'the judge of SEG and SR', () => {
  it('accepts both, with the volumes of the result by source instance', () => {
    const { result } = objects.get('classic')!;
    const at = folderOf('classic');
    const judge = sharedPath('judges/dicom/check_seg_sr.py')!;
    const { status, lines } = run('python3', [judge, join(at, 'seg.dcm'), join(at, 'sr.dcm'), join(at, 'source')]);
    expect({ status, lines: status === 0 ? [] : lines }).toEqual({ status: 0, lines: [] });
    const voxels = lines.flatMap((line) => /^ +seg (\d) voxels (\d+) mm3 ([\d.]+)/.exec(line)?.slice(1) ?? []);
    expect(voxels.map(Number)).toEqual([
      1,
      result.left.voxelCount,
      expect.closeTo(result.left.volumeMm3, 0),
      2,
      result.right.voxelCount,
      expect.closeTo(result.right.volumeMm3, 0),
    ]);
    expect(lines.filter((line) => /refSeg True/.test(line))).toHaveLength(2);
  });
});

describe('the objects of one result', () => {
  it('are the same bytes when they are made again', () => {
    const digestsOf = ({ seg, sr, pdf, captures }: ResultObjects) =>
      [seg, sr, pdf, ...captures].map((file) => digestOf([file]));
    expect(digestsOf(makeResultObjects(CASES['multi-frame']))).toEqual(digestsOf(objects.get('multi-frame')!));
  });
});
