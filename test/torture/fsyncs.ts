import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '../harness/orthanc.ts';
import { clientOf, makeKey, startServerProcess } from '../harness/server-process.ts';
import { stow } from '../harness/server-walk.ts';
import { smallStudy } from '../harness/small-study.ts';

/** Counts with strace what one STOW-RS request syncs, one request after the other, and prints it. */
const { values } = parseArgs({
  options: { requests: { type: 'string', default: '40' }, instances: { type: 'string', default: '8' } },
});
const MOST_A_REQUEST = 2;
const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-fsyncs-'));
const environment = { NEUROINSIGHT_LOG_LEVEL: 'error', NEUROINSIGHT_QUIET_SECONDS: '86400' };
const options = { dataDir: join(folder, 'data'), port: await freePort(), environment };
const key = makeKey(options);
const server = await startServerProcess(options);
const trace = join(folder, 'trace');
let tracer: ChildProcess | undefined;

/** The lines of calls that have come since the last look: `fsync(21</folder/file>)`. */
let looked = 0;
function newCalls(): string[] {
  const text = readFileSync(trace, 'utf8');
  const lines = text.slice(looked).split('\n');
  looked = text.length;
  return lines.filter((line) => /f(data)?sync\(/.test(line) && !line.includes('resumed>'));
}

const fileOf = (line: string): string => {
  const path = /<([^>]*)>/.exec(line)?.[1] ?? '';
  if (path.endsWith('-wal')) return 'log';
  if (path.endsWith('.pack')) return 'pack';
  return path.endsWith('.sqlite') ? 'database' : 'folder';
};

try {
  const client = clientOf(server, key);
  for (let n = 0; n < 4; n++) await stow(client, smallStudy(`fsync-warm-${n}`, Number(values.instances)));
  tracer = spawn(
    'strace',
    ['-f', '-y', '-e', 'trace=fsync,fdatasync,sync_file_range,msync', '-o', trace, '-p', `${server.pid}`],
    {
      stdio: 'ignore',
    },
  );
  await sleep(1500);
  newCalls();
  const counts: number[] = [];
  const files: Record<string, number> = {};
  for (let n = 0; n < Number(values.requests); n++) {
    await stow(client, smallStudy(`fsync-${n}`, Number(values.instances)));
    // What follows the answer is counted too.
    await sleep(60);
    const calls = newCalls();
    counts.push(calls.length);
    for (const file of calls.map(fileOf)) files[file] = (files[file] ?? 0) + 1;
  }
  counts.sort((a, b) => a - b);
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  process.stdout.write(
    `${counts.length} requests of ${values.instances} instances: ${mean.toFixed(2)} syncs each on average, ` +
      `median ${counts[counts.length >> 1]}, most ${counts.at(-1)}; by file ${JSON.stringify(files)}\n`,
  );
  process.exitCode = counts[counts.length >> 1]! <= MOST_A_REQUEST && mean > 0 ? 0 : 1;
} finally {
  tracer?.kill('SIGINT');
  await server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
