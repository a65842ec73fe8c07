import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ServerClient } from '../../src/cli/server-client.ts';
import { freePort } from '../harness/orthanc.ts';
import { clientOf, makeKey, type ServerProcess, startServerProcess } from '../harness/server-process.ts';
import { countsOf } from '../harness/server-walk.ts';
import { type SmallStudy, smallStudy } from '../harness/small-study.ts';

/**
 * Kills the server with SIGKILL at random moments while studies are sent and measured, starts it again each time, and
 * at the end counts what every study has: exactly one SEG, SR, PDF and DiagnosticReport. Exit code 1 when one has not,
 * or when something that was acknowledged is gone.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    studies: { type: 'string', default: '20' },
    /** Longest time between a start and a kill, milliseconds. */
    longest: { type: 'string', default: '1500' },
  },
});
const kills = Number(values.kills);
const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-kill-'));
const options = {
  dataDir: join(folder, 'data'),
  port: await freePort(),
  environment: {
    NEUROINSIGHT_QUIET_SECONDS: '1',
    NEUROINSIGHT_RUN_LEASE_SECONDS: '5',
    NEUROINSIGHT_RUN_ATTEMPTS: '20',
    NEUROINSIGHT_LOG_LEVEL: 'warn',
  },
};
const key = makeKey(options);
const studies = Array.from({ length: Number(values.studies) }, (_, n) => smallStudy(`kill-${n}`));
const acknowledged = new Map<string, number>();

let server: ServerProcess = await startServerProcess(options);
let killed = 0;
let stopping = false;

/** Sends every study until it is acknowledged, whatever happens to the server meanwhile. */
async function sendAll(): Promise<void> {
  for (const study of studies) {
    while (!acknowledged.has(study.studyInstanceUid)) {
      await send(study).catch(() => new Promise((resolve) => setTimeout(resolve, 50)));
    }
    await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 900));
  }
}

async function send({ studyInstanceUid, files }: SmallStudy): Promise<void> {
  const body = async function* (): AsyncGenerator<Uint8Array> {
    yield* files;
  };
  const answer = await clientOf(server, key).stow(body());
  const stored = (answer['00081199'] as { Value?: unknown[] } | undefined)?.Value?.length ?? 0;
  if (stored === files.length) acknowledged.set(studyInstanceUid, stored);
}

async function killAtRandom(): Promise<void> {
  while (killed < kills) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * Number(values.longest)));
    await server.kill('SIGKILL');
    killed++;
    server = await startServerProcess(options);
  }
  stopping = true;
}

const started = performance.now();
await Promise.all([sendAll(), killAtRandom()]);
const client = (): ServerClient => clientOf(server, key);
process.stdout.write(
  `${killed} kills in ${((performance.now() - started) / 1000).toFixed(0)} s, ${stopping ? 'waiting for the runs' : ''}\n`,
);
const deadline = Date.now() + 180_000;
for (;;) {
  const { runs } = await client().json<{ runs: { state: string }[] }>('/api/v1/runs?limit=100');
  const open = runs.filter(({ state }) => ['queued', 'running', 'built'].includes(state)).length;
  if ((runs.length >= studies.length && open === 0) || Date.now() > deadline) break;
  await new Promise((resolve) => setTimeout(resolve, 500));
}
let wrong = 0;
for (const { studyInstanceUid, files } of studies) {
  const counts = await countsOf(client(), studyInstanceUid);
  const right =
    counts.MR === files.length && counts.SEG === 1 && counts.SR === 1 && counts.PDF === 1 && counts.reports === 1;
  if (!right) {
    wrong++;
    process.stdout.write(`WRONG ${studyInstanceUid} ${JSON.stringify(counts)}\n`);
  }
}
const total = await client().json<{ total: number }>('/fhir/R4/DiagnosticReport?_summary=count');
const { runs } = await client().json<{ runs: { state: string; attempt: number }[] }>('/api/v1/runs?limit=100');
const states = Object.entries(Object.groupBy(runs, ({ state }) => state)).map(
  ([state, rows]) => `${rows?.length} ${state}`,
);
process.stdout.write(
  `${studies.length - wrong} of ${studies.length} studies have exactly one SEG, SR, PDF and report; ${total.total} reports; runs: ${states.join(', ')}; ` +
    `attempts up to ${Math.max(...runs.map(({ attempt }) => attempt))}\n`,
);
await server.kill('SIGTERM');
rmSync(folder, { recursive: true, force: true });
process.exitCode = wrong === 0 && total.total === studies.length ? 0 : 1;
