import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { main } from '../../src/cli/main.ts';
import { encodeDicom } from '../../src/dicom/encode.ts';
import type { Volume } from '../../src/domain/geometry.ts';
import { encodeMrSeries, type MrSeriesOptions } from '../../src/imaging/mr-series.ts';
import { writeNifti } from '../../src/imaging/nifti.ts';
import { mrSlice } from '../harness/mr-slice.ts';
import { recordTerminal } from '../harness/terminal.ts';
import { zipOf } from '../harness/zip.ts';

const SHAPE = [24, 24, 16] as const;

function volumeOf(value: (index: number) => number, slices: number = SHAPE[2]): Volume {
  const data = Float32Array.from({ length: SHAPE[0] * SHAPE[1] * slices }, (_, index) => value(index));
  return { shape: [SHAPE[0], SHAPE[1], slices], affine: [1, 0, 0, -12, 0, 1, 0, -12, 0, 0, 1, -8], data };
}

const pattern = (index: number): number => (index * 37) % 500;

/** Large enough to pass for a head, and dark throughout. */
const darkHead = (): Volume => ({
  shape: [100, 120, 120],
  affine: [1.4, 0, 0, -70, 0, 1.4, 0, -84, 0, 0, 1.4, -84],
  data: new Float32Array(100 * 120 * 120),
});

const T1: MrSeriesOptions = {
  identifiersFrom: 'refusals',
  kind: 'classic',
  sliceOrder: 'ascending',
  patient: { patientId: 'P1' },
  study: {},
  series: { seriesDescription: 'T1 MPRAGE', seriesNumber: 1 },
  acquisition: { mrAcquisitionType: '3D', repetitionTime: 2300, echoTime: 3, inversionTime: 900, flipAngle: 9 },
};

const t1 = (change: Partial<MrSeriesOptions> = {}, volume = volumeOf(pattern)): Uint8Array[] =>
  encodeMrSeries(volume, { ...T1, ...change });

const slice = (change: Parameters<typeof encodeDicom>[0]): Uint8Array =>
  encodeDicom({ ...mrSlice({ rows: 16, columns: 16, slice: 0 }), ...change });

/** Replaces the dataset behind the file meta information, whose length stands at byte 140. */
function withDataset(file: Uint8Array, dataset: Uint8Array): Uint8Array {
  const start = 144 + new DataView(file.buffer, file.byteOffset).getUint32(140, true);
  return Buffer.concat([file.subarray(0, start), dataset]);
}

/** A sequence in an item in a sequence, `depth` times, lengths undefined, explicit little endian. */
function nested(depth: number): Uint8Array {
  const level = Buffer.from('080040115351' + '0000ffffffff' + 'feff00e0ffffffff', 'hex');
  return Buffer.concat(Array.from({ length: depth }, () => level));
}

const DEFLATED = '1.2.840.10008.1.2.1.99';
const GIBIBYTE = 2 ** 30;

/** Every input is a folder of these files; the answer is one line that begins with the kind. */
const INPUTS: readonly [string, string, () => readonly Uint8Array[]][] = [
  ['text that is not DICOM', 'nothing-to-read', () => [Buffer.from('hello'), Buffer.from('world')]],
  [
    'a truncated slice among good ones',
    'truncated',
    () => t1().map((file, index) => (index === 3 ? file.subarray(0, 600) : file)),
  ],
  ['no pixel data', 'no-pixel-data', () => [slice({ PixelData: undefined })]],
  ['CT only', 'no-usable-series', () => [slice({ SOPClassUID: '1.2.840.10008.5.1.4.1.1.2', Modality: 'CT' })]],
  [
    'T2 only',
    'no-usable-series',
    () => t1({ series: { seriesDescription: 'T2 TSE' }, acquisition: { repetitionTime: 4000, echoTime: 95 } }),
  ],
  ['three slices', 'no-usable-series', () => t1({}, volumeOf(pattern, 3))],
  ['zeros', 'empty-image', () => t1({}, darkHead())],
  [
    'two patients',
    'mixed-patients',
    () => [...t1(), ...t1({ identifiersFrom: 'other', patient: { patientId: 'P2' } })],
  ],
  ['nesting 20 000 deep', 'limit-exceeded', () => [withDataset(slice({}), nested(20_000))]],
  [
    'a 1 GiB deflate bomb',
    'limit-exceeded',
    () => [
      withDataset(
        encodeDicom(mrSlice({ rows: 16, columns: 16, slice: 0 }), DEFLATED),
        deflateRawSync(Buffer.alloc(GIBIBYTE)),
      ),
    ],
  ],
  ['one UID for two different objects', 'conflict', () => [slice({ InstanceNumber: 1 }), slice({ InstanceNumber: 2 })]],
];

describe('bad input', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'neuroinsight-refusals-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const lay = async (name: string, files: readonly Uint8Array[]): Promise<string> => {
    const path = join(folder, name);
    await mkdir(path);
    await Promise.all(files.map((bytes, index) => writeFile(join(path, `${index}.dcm`), bytes)));
    return path;
  };

  const refused = async (path: string, kind: string): Promise<void> => {
    const terminal = recordTerminal();
    const out = join(folder, 'out');
    const code = await main(['analyse', path, '--out', out], terminal);
    const lines = terminal.written.err.split('\n').filter((line) => /^(refused|defect)/.test(line));
    expect({ code, lines }).toEqual({ code: 2, lines: [expect.stringMatching(new RegExp(`^refused: ${kind}: \\S`))] });
    await expect(readdir(out)).rejects.toThrow();
  };

  it.each(INPUTS)('%s ends as %s, with one line and nothing written', async (name, kind, files) => {
    await refused(await lay(name.replaceAll(/\W/g, '-'), files()), kind);
  });

  it.each([
    ['values that are no numbers', 'non-finite-pixels', Number.NaN],
    ['infinite values', 'non-finite-pixels', Number.POSITIVE_INFINITY],
    ['zeros', 'empty-image', 0],
  ])('a NIfTI file of %s ends as %s', async (_, kind, value) => {
    const path = join(folder, `${kind}-${value}.nii.gz`);
    await writeFile(path, writeNifti(volumeOf((index) => (index % 5 === 0 ? value : value && pattern(index)))));
    await refused(path, kind);
  });

  it('a NIfTI file in a folder with others is refused, since one file is one study', async () => {
    const path = await lay('mixed', t1());
    await writeFile(join(path, 'head.nii'), 'x');
    await refused(path, 'invalid-request');
  });

  it('a zip archive is read like its folder, and a damaged one refused', async () => {
    const path = await lay('zipped', t1({}, darkHead()));
    const archive = join(folder, 'study.zip');
    await writeFile(archive, await zipOf(path));
    await refused(archive, 'empty-image');
    await writeFile(archive, (await zipOf(path)).subarray(0, 500));
    await refused(archive, 'malformed-archive');
  });
});
