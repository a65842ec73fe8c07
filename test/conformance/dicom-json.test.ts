import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { readDicom } from '../../src/dicom/file.ts';
import { jsonOf } from '../../src/dicom/json.ts';
import type { JsonAttribute, JsonDataset } from '../../src/ports/dicom-index.ts';
import { describeWith, withUnpacked } from '../harness/shared-data.ts';

const SCRIPT = fileURLToPath(new URL('dicom_json.py', import.meta.url));
const ODD = 'data/odd-dicom.tar.xz';
const REAL = 'data/real-t1.tar.xz';
/** pydicom drops an IS that is no number; the standard lets a string stand for it. */
const DROPPED_BY_PYDICOM: ReadonlySet<string> = new Set(['badVR.dcm 00280008']);

interface PydicomAnswer {
  readonly name: string;
  readonly json?: JsonDataset;
}

function pydicomJson(paths: readonly string[]): readonly PydicomAnswer[] {
  const { stdout, status } = spawnSync('python3', [SCRIPT, ...paths], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error('pydicom failed');
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as PydicomAnswer);
}

function ourJson(path: string): JsonDataset | undefined {
  try {
    const json = jsonOf(readDicom(readFileSync(path)), { bulkDataUri: (tagPath) => tagPath });
    return JSON.parse(JSON.stringify(json)) as JsonDataset;
  } catch {
    return undefined;
  }
}

/**
 * What both must agree on. Left out: group lengths and the name of the character set, which pydicom keeps; where a
 * binary value stands, which each decides by its own threshold. An empty value among others is null (PS3.18 F.2.5).
 */
function comparable(dataset: JsonDataset): Record<string, unknown> {
  const kept = Object.entries(dataset).filter(([tag]) => tag !== '00080005' && !tag.endsWith('0000'));
  return Object.fromEntries(kept.map(([tag, attribute]) => [tag, comparableAttribute(attribute)]));
}

function comparableAttribute({ vr, Value, BulkDataURI, InlineBinary }: JsonAttribute): unknown {
  if (BulkDataURI !== undefined || InlineBinary !== undefined) return { vr, binary: true };
  if (!Value || Value.length === 0) return { vr };
  return {
    vr,
    Value: Value.map((value) => (vr === 'SQ' ? comparable(value as JsonDataset) : value === '' ? null : value)),
  };
}

async function differences(archive: string, pick: (name: string) => boolean): Promise<readonly unknown[]> {
  return withUnpacked(archive, async (folder) => {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => pick(basename(name)));
    const answers = new Map(
      pydicomJson(names.map((name) => join(folder, name))).map((answer) => [answer.name, answer]),
    );
    const pairs = names.flatMap((name) => {
      const ours = ourJson(join(folder, name));
      const theirs = answers.get(basename(name))?.json;
      return ours && theirs ? [{ name: basename(name), ours: comparable(ours), theirs: comparable(theirs) }] : [];
    });
    expect(pairs.length).toBeGreaterThan(2);
    return pairs.flatMap(({ name, ours, theirs }) =>
      [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
        .filter((tag) => !DROPPED_BY_PYDICOM.has(`${name} ${tag}`))
        .filter((tag) => JSON.stringify(ours[tag]) !== JSON.stringify(theirs[tag]))
        .map((tag) => ({ name, tag, ours: ours[tag], theirs: theirs[tag] })),
    );
  });
}

describeWith([{ pythonModule: 'pydicom' }, { shared: ODD }, { shared: REAL }], 'DICOM JSON beside pydicom', () => {
  it('says the same of every odd file that both can read', async () => {
    expect(await differences(ODD, (name) => /\.dcm$|^DICOMDIR$/.test(name))).toEqual([]);
  });

  it('says the same of slices from a scanner', async () => {
    expect(await differences(REAL, (name) => /^N2D_000[1-5]\.dcm$/.test(name))).toEqual([]);
  });
});
