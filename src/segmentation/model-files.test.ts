import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MODEL_FOLDER } from '../../test/harness/formula-head.ts';
import { parseModelCard } from './model-card.ts';
import { loadModel } from './model-files.ts';

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
/** The smallest ONNX file: a graph without nodes. */
const emptyNetwork = Buffer.from([0x08, 8, 0x3a, 0]);

describe('loadModel', () => {
  let folder: string;
  let sums: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'neuroinsight-model-'));
    await cp(new URL('model-card.json', MODEL_FOLDER), join(folder, 'model-card.json'));
    await writeFile(join(folder, 'coarse.onnx'), emptyNetwork);
    await writeFile(join(folder, 'fine.onnx'), emptyNetwork);
    await writeSums(['coarse.onnx', 'fine.onnx', 'model-card.json']);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const writeSums = async (names: readonly string[]): Promise<void> => {
    const lines = await Promise.all(
      names.map(async (name) => `${sha256(await readFile(join(folder, name)))}  ${name}\n`),
    );
    sums = lines.join('');
    await writeFile(join(folder, 'SHA256SUMS'), sums);
  };
  const refusal = (message: RegExp) =>
    expect(loadModel(folder)).rejects.toMatchObject({
      kind: 'model-integrity',
      message: expect.stringMatching(message),
    });

  it('hands out the verified bytes and one digest for all files, whatever the order of the lines', async () => {
    const model = await loadModel(folder);
    expect(Buffer.from(model.networks.fine)).toEqual(emptyNetwork);
    const sorted = sums.split('\n').filter(Boolean).sort().join('\n');
    expect(model.identity.sha256).toBe(sha256(`${sorted}\n`));
    await writeSums(['model-card.json', 'fine.onnx', 'coarse.onnx']);
    expect((await loadModel(folder)).identity).toEqual(model.identity);
  });

  it('refuses a file that was changed', async () => {
    await writeFile(join(folder, 'fine.onnx'), Buffer.concat([emptyNetwork, emptyNetwork]));
    await refusal(/fine\.onnx does not match its digest/);
  });

  it('refuses a changed card: the threshold is part of the model', async () => {
    const card = await readFile(join(folder, 'model-card.json'), 'utf8');
    await writeFile(join(folder, 'model-card.json'), card.replace(/"threshold": [0-9.]+/, '"threshold": 0.3'));
    await refusal(/model-card\.json does not match its digest/);
  });

  it('refuses networks and cards that are not listed', async () => {
    await writeSums(['coarse.onnx', 'model-card.json']);
    await refusal(/does not list every \.onnx file/);
    await writeSums(['coarse.onnx', 'fine.onnx']);
    await refusal(/does not list model-card\.json/);
  });

  it('refuses a link in place of a file', async () => {
    await rm(join(folder, 'fine.onnx'));
    await symlink(join(folder, 'coarse.onnx'), join(folder, 'fine.onnx'));
    await refusal(/fine\.onnx cannot be read/);
  });

  it('refuses files above 8 MiB without reading them', async () => {
    await truncate(join(folder, 'fine.onnx'), 8 * 1024 * 1024 + 1);
    await refusal(/larger than 8 MiB/);
  });

  it('refuses external data even where the digest fits', async () => {
    await writeFile(join(folder, 'fine.onnx'), Buffer.from([0x3a, 6, 0x2a, 4, 0x10, 1, 0x70, 1]));
    await writeSums(['coarse.onnx', 'fine.onnx', 'model-card.json']);
    await refusal(/keeps tensors in another file/);
  });

  it.each([
    ['a path', `${'0'.repeat(64)}  ../fine.onnx\n`, /not a digest and a plain file name/],
    ['no digest', 'fine.onnx\n', /not a digest and a plain file name/],
    ['a file twice', `${'0'.repeat(64)}  a.onnx\n${'1'.repeat(64)}  a.onnx\n`, /lists a file twice/],
    ['a missing file', `${'0'.repeat(64)}  a.bin\n`, /does not list every/],
    ['a folder', `${'0'.repeat(64)}  missing.json\n`, /does not list every/],
  ])('refuses a list with %s', async (_, text, message) => {
    await writeFile(join(folder, 'SHA256SUMS'), text);
    await refusal(message);
  });

  it('refuses a folder without a list', async () => {
    await rm(join(folder, 'SHA256SUMS'));
    await refusal(/SHA256SUMS cannot be read/);
  });
});

describe('the shipped model', () => {
  it('is whole', async () => {
    const { identity, card } = await loadModel(fileURLToPath(MODEL_FOLDER));
    expect(identity).toMatchObject({ name: card.name, version: card.version });
  });
});

describe('parseModelCard', () => {
  type Json = Record<string, unknown>;
  const shipped = async (): Promise<Json> =>
    JSON.parse(await readFile(new URL('model-card.json', MODEL_FOLDER), 'utf8'));
  const changed = async (path: string, value: unknown): Promise<string> => {
    const card = await shipped();
    const keys = path.split('.');
    const parent = keys.slice(0, -1).reduce<Json>((at, key) => at[key] as Json, card);
    parent[keys.at(-1)!] = value;
    return JSON.stringify(card);
  };

  it.each([
    ['formatVersion', 2],
    ['name', 'Hippo Campus'],
    ['version', ''],
    ['files.fine', '../fine.onnx'],
    ['preprocessing.modelSpacingMm', 2],
    ['preprocessing.shift.lowPercentile', 101],
    ['preprocessing.coarse.blockVoxels', 2.5],
    ['preprocessing.coarse.shape', [56, 64, 55]],
    ['preprocessing.coarse.intensity.clip', [1.5, 0]],
    ['preprocessing.coarse.intensity.divide', 0],
    ['preprocessing.sides.gapMm', 'six'],
    ['preprocessing.intracranial', {}],
    ['preprocessing.fine.cropShape', [36, 52]],
    ['preprocessing.fine.paddedShape', [32, 56, 40]],
    ['preprocessing.fine.maxRuns', 0],
    ['postprocessing.threshold', 1.2],
    ['postprocessing', null],
  ])('refuses a card whose %s is %p', async (path, value) => {
    const text = await changed(path, value);
    expect(() => parseModelCard(text)).toThrow(/the model card has no valid/);
  });

  it('refuses what is not JSON', () => {
    expect(() => parseModelCard('{')).toThrow('the model card is not JSON');
  });
});
