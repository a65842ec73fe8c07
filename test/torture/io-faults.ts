import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../harness/orthanc.ts';
import { clientOf, makeKey, type ServerProcess, startServerProcess } from '../harness/server-process.ts';
import { itemsOf, stow } from '../harness/server-walk.ts';
import { type SmallStudy, smallStudy } from '../harness/small-study.ts';
import { type Injected, type InjectedError, openFaults } from './fault-shims.ts';
import { verifyImage } from './verify-image.ts';

/**
 * Fails the N-th call that writes below the data folder, for every N of one STOW-RS request until it passes untouched,
 * with EIO and ENOSPC, once and from then on. After each: the answer was no success unless what failed was none of the
 * request's own files; the study is there whole or not at all; the same request then succeeds, after a new start where
 * it must; everything acknowledged before is there. Exit code 1 when one of it does not hold.
 */
const { values } = parseArgs({
  options: {
    instances: { type: 'string', default: '4' },
    /** Stops after so many cases of each kind; 0: when the request passes untouched. */
    most: { type: 'string', default: '0' },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-io-faults-'));
const dataDir = join(folder, 'data');
const environment = {
  NEUROINSIGHT_LOG_LEVEL: 'error',
  NEUROINSIGHT_MINIMUM_FREE_MIB: '0',
  // No run comes in between and adds its own writes and results.
  NEUROINSIGHT_QUIET_SECONDS: '86400',
};
const port = await freePort();
const key = makeKey({ dataDir, port, environment });
const faults = openFaults(folder, dataDir);
const options = { dataDir, port, environment: { ...environment, ...faults.environment } };
let server: ServerProcess = await startServerProcess(options);

const acknowledged: { readonly study: SmallStudy; readonly stored: readonly string[] }[] = [];
const totals = { cases: 0, refused: 0, passed: 0, background: 0, restarts: 0, wrong: 0 };
const wrong = (line: string): void => {
  totals.wrong++;
  say(`WRONG ${line}`);
};

/** UIDs that the answer says are stored; undefined: no answer, or an error. */
async function send(study: SmallStudy): Promise<readonly string[] | undefined> {
  try {
    const answer = await stow(clientOf(server, key), study);
    return itemsOf(answer, '00081199').map((item) => (item['00081155'] as { Value: string[] }).Value[0]!);
  } catch {
    return undefined;
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function instancesThere({ studyInstanceUid }: SmallStudy): Promise<number> {
  const response = await clientOf(server, key).request(`/dicomweb/studies/${studyInstanceUid}/instances`);
  return response.status === 200 ? ((await response.json()) as unknown[]).length : 0;
}

async function restart(): Promise<void> {
  await server.kill('SIGKILL');
  server = await startServerProcess(options);
  totals.restarts++;
}

/** The same request until it succeeds; a server that cannot go on is started anew, once. */
async function sendAgain(study: SmallStudy, name: string): Promise<readonly string[] | undefined> {
  const again = await send(study);
  if (again?.length === study.files.length) return again;
  await restart();
  const after = await send(study);
  if (after?.length !== study.files.length) wrong(`${name}: the request does not succeed after a new start`);
  return after;
}

/** Writes that no answer waits for: files made ahead, the log folded into the file, jobs. */
const isOwn = ({ what }: Injected, during: boolean): boolean =>
  during && /(\.pack|-wal)$/.test(what) && !what.startsWith('create');

async function inject(error: InjectedError, sticky: boolean, at: number): Promise<boolean> {
  const name = `${error}${sticky ? ' from' : ' at'} call ${at}`;
  const restarts = totals.restarts;
  const study = smallStudy(`fault-${error}-${sticky}-${at}`, Number(values.instances));
  faults.arm({ error, at, sticky });
  const stored = await send(study);
  const injected = faults.disarm();
  if (injected.failed === 0) return false;
  totals.cases++;
  const succeeded = stored?.length === study.files.length;
  if (!succeeded) totals.refused++;
  else if (isOwn(injected, true)) wrong(`${name} (${injected.what}): answered with success`);
  else totals.background++;
  const there = await instancesThere(study).catch(() => restart().then(() => instancesThere(study)));
  if (there !== 0 && there !== study.files.length) wrong(`${name} (${injected.what}): ${there} instances are there`);
  if (succeeded && there !== study.files.length) wrong(`${name} (${injected.what}): acknowledged, but not there`);
  const again = await sendAgain(study, `${name} (${injected.what})`);
  if (again) acknowledged.push({ study, stored: again });
  const before = acknowledged[Math.floor(Math.random() * acknowledged.length)]!;
  if ((await instancesThere(before.study)) !== before.study.files.length) wrong(`${name}: an earlier study is gone`);
  say(
    `${name}: ${injected.what}, ${injected.failed} failed: ${succeeded ? 'success' : 'refused'}${totals.restarts > restarts ? ', started anew' : ''}`,
  );
  return true;
}

try {
  // What is made at the first use is made.
  for (const seed of ['fault-warm-1', 'fault-warm-2']) {
    const study = smallStudy(seed, Number(values.instances));
    acknowledged.push({ study, stored: (await send(study))! });
  }
  for (const error of ['EIO', 'ENOSPC'] as const) {
    for (const sticky of [false, true]) {
      const most = Number(values.most) || 1_000;
      let untouched = 0;
      // A call of the background may come in between: three requests in a row must pass.
      for (let at = 1; at <= most && untouched < 3; at++)
        untouched = (await inject(error, sticky, at)) ? 0 : untouched + 1;
      if (untouched === 3) totals.passed++;
    }
  }
  await server.kill('SIGTERM');
  const stows = acknowledged.map(({ study, stored }) => ({
    studyInstanceUid: study.studyInstanceUid,
    stored,
    files: study.files.map(sha256),
  }));
  const attemptedStudies = stows.map(({ studyInstanceUid, files }) => ({ studyInstanceUid, requests: [files] }));
  const record = { stows, versions: [], attemptedStudies, attemptedTransactions: [], refused: [] };
  const { lost, torn, unaudited } = await verifyImage(dataDir, record);
  for (const line of [...lost, ...torn, ...unaudited]) wrong(line);
  say(`${stows.length} studies acknowledged, each byte compared; ${JSON.stringify(totals)}`);
  process.exitCode = totals.wrong === 0 && totals.passed === 4 ? 0 : 1;
} finally {
  await server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
