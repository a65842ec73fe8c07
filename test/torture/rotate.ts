import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { rotateAndKill } from '../harness/rotate-and-kill.ts';

/**
 * Rotates the key-encryption key of many studies while they are read, with a kill half-way. Exit code 1 when a read
 * failed, or when the new key alone does not open everything at the end.
 */
const { values } = parseArgs({
  options: { keys: { type: 'string', default: '9800' }, packs: { type: 'string', default: '200' } },
});
const [keys, packs] = [Number(values.keys), Number(values.packs)];
const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-rotate-'));
try {
  const { before, after, refusals, check } = await rotateAndKill(folder, keys, packs);
  const reads = (before.reads ?? 0) + (after.reads ?? 0);
  const failed = (before.failed ?? 0) + (after.failed ?? 0);
  const [quiet, busy] = after.p99Milliseconds ?? [0, 0];
  process.stdout.write(
    [
      `${keys + packs} studies: ${keys + packs - (after.found ?? 0)} keys moved before the kill, ${after.found} after it`,
      `one key only: ${refusals.join('; ')}`,
      `resumed: ${after.state} in ${after.seconds?.toFixed(1)} s, ${after.stored} studies stored meanwhile`,
      `${reads} reads, ${failed} failed; 99 of 100 within ${quiet} ms before and ${busy} ms while keys move, slowest ${after.slowestMilliseconds} ms`,
      `the new key alone opens ${check.readable} of ${keys + packs}; ${check.failed} keys under another`,
      '',
    ].join('\n'),
  );
  process.exitCode = failed === 0 && after.state === 'done' && check.readable === keys + packs ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
