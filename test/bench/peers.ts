import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort, startOrthanc } from '../harness/orthanc.ts';
import { makeKey, startServerProcess } from '../harness/server-process.ts';
import { sharedPath } from '../harness/shared-path.ts';

/**
 * `npm run bench:peers`: the shared benches against this server and its peers, in turn in one run, as one table of
 * ratios. Peers: Orthanc for DICOMweb; for FHIR a HAPI that is started beforehand (`--hapi URL --hapi-pid PID`).
 */
const { values } = parseArgs({
  options: {
    hapi: { type: 'string' },
    'hapi-pid': { type: 'string' },
    small: { type: 'string', default: '200' },
    repeat: { type: 'string', default: '3' },
    iters: { type: 'string', default: '100' },
    resources: { type: 'string', default: '2000' },
    only: { type: 'string' },
  },
});

type Row = Readonly<Record<string, unknown>>;
const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-bench-'));
const options = {
  dataDir: join(folder, 'data'),
  port: await freePort(),
  entry: ['src/cli/launch.js', 'serve', '--roles', 'web'],
  environment: { NEUROINSIGHT_LOG_LEVEL: 'warn' },
};
const key = makeKey(options);
const server = await startServerProcess(options);
try {
  if (values.only !== 'fhir') await compareDicomweb();
  if (values.only !== 'dicomweb') await compareFhir();
} finally {
  await server.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function dicomweb(base: string, name: string, token?: string): Promise<Record<string, Row>> {
  const out = join(folder, `${name}.json`);
  const { small, repeat, iters } = values;
  const args = [
    sharedPath('bench/dicomweb_bench.py')!,
    '--base',
    base,
    '--small',
    small!,
    '--repeat',
    repeat!,
    '--iters',
    iters!,
    '--json',
    out,
  ];
  const child = spawn('python3', token ? [...args, '--token', token] : args, {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await new Promise((resolve) => child.once('exit', resolve));
  return JSON.parse(readFileSync(out, 'utf8'));
}

/** Rates count upwards, latencies downwards: the ratio says how many times as fast this server is. */
async function compareDicomweb(): Promise<void> {
  const before = cpuSeconds(server.pid);
  const ours = await dicomweb(`${server.url}/dicomweb`, 'ours', key);
  const cpu = cpuSeconds(server.pid) - before;
  const orthanc = await startOrthanc();
  try {
    const theirs = await dicomweb(orthanc.dicomweb, 'orthanc');
    process.stdout.write('\n| DICOMweb | NeuroInsight | Orthanc | times as fast |\n|---|---|---|---|\n');
    for (const [measure, row] of Object.entries(ours)) {
      if (typeof row !== 'object') continue;
      const figure = ['MB_per_s', 'inst_per_s', 'p50_ms', 'req_per_s', 'seconds'].find(
        (name) => typeof row[name] === 'number',
      );
      const peer = theirs[measure]?.[figure ?? ''];
      if (!figure) {
        process.stdout.write(`| ${measure} | ${JSON.stringify(row)} | ${JSON.stringify(theirs[measure])} | |\n`);
        continue;
      }
      const mine = Number(row[figure]);
      const ratio =
        typeof peer !== 'number' ? '' : figure.endsWith('ms') || figure === 'seconds' ? peer / mine : mine / peer;
      const status =
        row.status === undefined ? '' : ` (${JSON.stringify(row.status)} / ${JSON.stringify(theirs[measure]?.status)})`;
      process.stdout.write(
        `| ${measure}${status} | ${mine} ${figure} | ${peer ?? ''} | ${ratio === '' ? '' : ratio.toFixed(2)} |\n`,
      );
    }
    process.stdout.write(`CPU of this server over the whole bench: ${cpu.toFixed(1)} s\n`);
  } finally {
    await orthanc.close();
  }
}

function fhirLoad(base: string, pid: string, token?: string): string[] {
  const script = sharedPath('bench/fhir_load.mjs')!;
  const { stdout } = spawnSync(process.execPath, [script, base, values.resources!, '8', pid], {
    env: { ...process.env, ...(token ? { TOKEN: token } : {}) },
    encoding: 'utf8',
  });
  return stdout.trim().split('\n');
}

async function compareFhir(): Promise<void> {
  const ours = fhirLoad(`${server.url}/fhir/R4`, String(server.pid), key);
  const theirs = values.hapi ? fhirLoad(values.hapi, values['hapi-pid'] ?? '') : [];
  process.stdout.write('\nFHIR, NeuroInsight\n');
  for (const line of ours) process.stdout.write(`${line}\n`);
  if (values.hapi) process.stdout.write('FHIR, HAPI\n');
  for (const line of theirs) process.stdout.write(`${line}\n`);
  const rate = (line: string | undefined): number => Number(/(\d+) \/s/.exec(line ?? '')?.[1] ?? Number.NaN);
  for (const line of theirs) {
    const label = line.slice(0, 40).trim();
    const mine = ours.find((candidate) => candidate.startsWith(label));
    process.stdout.write(`${label.padEnd(42)} ${(rate(mine) / rate(line)).toFixed(2)} times as fast\n`);
  }
}
