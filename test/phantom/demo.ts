import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../../src/cli/main.ts';
import { phantomStudy, writePhantomStudy } from './write-dicom.ts';

/** The head of the demonstration: its volumes are known, so that everybody can see how far the figures are off. */
const DEMO_HEAD = { seed: 931, leftVolumeMm3: 2700, rightVolumeMm3: 3500 };

/** `npm run demo [-- PATH] [--once]`: without a PATH, a phantom is written and measured. */
async function demonstrate(args: readonly string[]): Promise<number> {
  if (args.some((argument) => !argument.startsWith('-'))) return main(['demo', ...args]);
  const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-phantom-'));
  try {
    const { leftVolumeMm3, rightVolumeMm3 } = DEMO_HEAD;
    const started = performance.now();
    const files = phantomStudy(DEMO_HEAD, { kind: 'classic', distractors: false, spacing: 1 });
    writePhantomStudy(folder, files);
    process.stdout.write(
      `phantom    ${files.length} instances, made in ${((performance.now() - started) / 1000).toFixed(2)} s, ` +
        `true volumes left ${leftVolumeMm3}, right ${rightVolumeMm3} mm3\n`,
    );
    return await main(['demo', folder, ...args]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await demonstrate(process.argv.slice(2));
setTimeout(() => process.exit(), 100).unref();
