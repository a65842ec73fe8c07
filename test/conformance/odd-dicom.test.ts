import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { readInstanceHeader } from '../../src/dicom/instance.ts';
import { openPixels } from '../../src/dicom/pixels.ts';
import { NeuroInsightError } from '../../src/domain/errors.ts';
import { describeWith, withUnpacked } from '../harness/shared-data.ts';

const ARCHIVE = 'data/odd-dicom.tar.xz';
const GOLDEN = fileURLToPath(new URL('../golden/odd-dicom.json', import.meta.url));

/** What a file is answered with: its header and first frame in short, or the named reasons. */
interface Answer {
  readonly header: string;
  readonly pixels: string;
}

function reasonOf(error: unknown): string {
  return error instanceof NeuroInsightError ? `${error.kind}: ${error.message}` : `DEFECT ${String(error)}`;
}

function headerAnswer(bytes: Uint8Array): string {
  try {
    const { series, patient, frames } = readInstanceHeader(bytes);
    return `${series.modality ?? '-'}, ${frames.length} frames, ${patient.patientName ?? 'no name'}`;
  } catch (error) {
    return reasonOf(error);
  }
}

async function pixelAnswer(bytes: Uint8Array): Promise<string> {
  try {
    const reader = await openPixels(bytes);
    const last = await reader.readFrame(reader.header.frames.length);
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    for (const value of last) {
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    return `${last.length} values from ${least} to ${most}`;
  } catch (error) {
    return reasonOf(error);
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();
}

describeWith([{ shared: ARCHIVE }], 'odd DICOM files', () => {
  it('answers every file with its content or a named reason, as the golden table says', async () => {
    const answers = await withUnpacked(ARCHIVE, async (folder) => {
      const found: Record<string, Answer> = {};
      for (const name of filesBelow(folder)) {
        const bytes = readFileSync(join(folder, name));
        found[name] = { header: headerAnswer(bytes), pixels: await pixelAnswer(bytes) };
      }
      return found;
    });
    if (process.env.UPDATE_GOLDEN) writeFileSync(GOLDEN, `${JSON.stringify(answers, undefined, 2)}\n`);
    expect(JSON.stringify(answers)).not.toContain('DEFECT');
    expect(answers).toEqual(JSON.parse(readFileSync(GOLDEN, 'utf8')));
  });
});
