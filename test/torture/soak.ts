import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../harness/orthanc.ts';
import { clientOf, makeKey, startServerProcess } from '../harness/server-process.ts';
import { smallStudy } from '../harness/small-study.ts';

/**
 * Small studies without end, each sent, measured by the recorded analyst, read back and searched for; memory, open files
 * and event-loop delay are read at even intervals and their slopes printed. Exit code 1 when a run does not complete.
 */
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, every: { type: 'string', default: '10' } },
});

interface Sample {
  readonly minutes: number;
  readonly rssMiB: number;
  readonly heapMiB: number;
  readonly externalMiB: number;
  readonly files: number;
  readonly loopP99Ms: number;
  readonly studies: number;
}

const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-soak-'));
const options = {
  dataDir: join(folder, 'data'),
  port: await freePort(),
  environment: { NEUROINSIGHT_LOG_LEVEL: 'warn' },
};
const key = makeKey(options);
const server = await startServerProcess(options);
const client = clientOf(server, key);
const started = performance.now();
const minutes = (): number => (performance.now() - started) / 60_000;
let studies = 0;
let failed = 0;

async function oneStudy(): Promise<void> {
  const study = smallStudy(`soak-${studies}`);
  const body = async function* (): AsyncGenerator<Uint8Array> {
    yield* study.files;
  };
  await client.stow(body());
  let { id, state } = await client.requestRun(study.studyInstanceUid);
  for await (const view of client.watchRun(id)) ({ state } = view);
  if (state !== 'completed') failed++;
  await client.bytes(`/dicomweb/studies/${study.studyInstanceUid}`, 'multipart/related; type="application/dicom"');
  await client.json('/dicomweb/studies?PatientName=Phantom*&limit=20');
  const run = await client.json<{ result: { diagnosticReport: string } }>(`/api/v1/runs/${id}`);
  await client.json(`/fhir/R4/${run.result.diagnosticReport}`);
  await client.json('/fhir/R4/Observation?_sort=-date&_count=20');
  studies++;
}

async function sample(): Promise<Sample> {
  const status = readFileSync(`/proc/${server.pid}/status`, 'latin1');
  const metrics = await (await client.request('/metrics')).text();
  const delay = Number(/neuroinsight_event_loop_delay_seconds\{[^}]*p99[^}]*\} (\S+)/.exec(metrics)?.[1] ?? Number.NaN);
  const memory = (kind: string): number =>
    Number(new RegExp(`neuroinsight_process_memory_bytes\\{[^}]*"${kind}"[^}]*\\} (\\S+)`).exec(metrics)?.[1]) /
    2 ** 20;
  return {
    minutes: minutes(),
    heapMiB: memory('heapUsed'),
    externalMiB: memory('external'),
    rssMiB: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024,
    files: readdirSync(`/proc/${server.pid}/fd`).length,
    loopP99Ms: delay * 1000,
    studies,
  };
}

/** Least squares over the second half: the first is warming up. */
function slope(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  const mean = (f: (sample: Sample) => number): number => half.reduce((sum, s) => sum + f(s), 0) / half.length;
  const [x, y] = [mean((s) => s.minutes), mean(of)];
  const over = half.reduce((sum, s) => sum + (s.minutes - x) * (of(s) - y), 0);
  return over / half.reduce((sum, s) => sum + (s.minutes - x) ** 2, 0);
}

const samples: Sample[] = [];
let next = 0;
while (minutes() < Number(values.minutes)) {
  await oneStudy();
  if (minutes() * 60 >= next) {
    const taken = await sample();
    samples.push(taken);
    next += Number(values.every);
    process.stdout.write(
      `${taken.minutes.toFixed(2)} min  ${taken.studies} studies  RSS ${taken.rssMiB.toFixed(0)} MiB  heap ${taken.heapMiB.toFixed(0)}  external ${taken.externalMiB.toFixed(0)}  ${taken.files} files  loop p99 ${taken.loopP99Ms.toFixed(1)} ms\n`,
    );
  }
}
process.stdout.write(
  `slopes over the second half: RSS ${slope(samples, (s) => s.rssMiB).toFixed(2)} MiB/min, ` +
    `heap ${slope(samples, (s) => s.heapMiB).toFixed(2)} MiB/min, external ${slope(samples, (s) => s.externalMiB).toFixed(2)} MiB/min, ` +
    `files ${slope(samples, (s) => s.files).toFixed(2)} /min, loop p99 ${slope(samples, (s) => s.loopP99Ms).toFixed(2)} ms/min; ` +
    `${studies} studies, ${failed} not completed\n`,
);
await server.kill('SIGTERM');
rmSync(folder, { recursive: true, force: true });
process.exitCode = failed === 0 ? 0 : 1;
