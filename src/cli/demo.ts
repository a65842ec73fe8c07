import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { composeServer, ROLES } from '../compose-server.ts';
import { type Config, developmentKekFile } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { openStudyFiles } from '../storage/study-folder.ts';
import type { Terminal } from './main.ts';
import { openRunProgress } from './progress.ts';
import { type Json, type RunView, ServerClient } from './server-client.ts';
import { DEMO_USAGE } from './usage.ts';

interface Times {
  readonly [part: string]: number;
}

const NO_KEYS = {
  kekFile: null,
  kekEnvironment: null,
  kekCommand: null,
  vaultUrl: null,
  awsKmsKeyId: null,
  previousKekFile: null,
  previousKekEnvironment: null,
} satisfies Partial<Config['keys']>;

/**
 * The whole road on a real server with a data folder of its own: a study is sent by STOW-RS, measured, and its results
 * are fetched back through the same doors that any client has.
 *
 * `--once` ends after the report; otherwise the server goes on until it is stopped. The data folder is removed then
 * unless `--keep` is given; the results stay.
 */
export async function demo(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { once: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } },
  });
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) {
    throw new NeuroInsightError('invalid-request', `give one PATH; usage: ${DEMO_USAGE}`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'neuroinsight-demo-'));
  const dataDir = join(folder, 'data');
  const kekFile = developmentKekFile(dataDir);
  // Any free port: a demonstration must not fail because a server runs already.
  const own: Config = {
    ...config,
    storage: { ...config.storage, dataDir, witnessFile: null, archiveDir: null },
    // A key of its own, whatever is configured: it is made beside the folder.
    keys: { ...config.keys, ...NO_KEYS },
    backup: { ...config.backup, repository: null },
    server: { ...config.server, port: 0 },
  };
  try {
    return await walk(path, folder, own, terminal, values.once);
  } finally {
    // The key that opens the folder goes with it.
    if (!values.keep) await Promise.all([dataDir, kekFile].map((path) => rm(path, { recursive: true, force: true })));
  }
}

async function walk(path: string, folder: string, config: Config, terminal: Terminal, once: boolean): Promise<number> {
  const stopwatch = openStopwatch();
  const logStream = terminal.environment.NODE_DEBUG?.includes('neuroinsight') ? terminal.stderr : undefined;
  const server = await composeServer(config, { roles: ROLES, logStream });
  try {
    const { url } = await server.start();
    const { secret } = await server.createApiKey({ name: 'demo', scopes: 'system/*.cruds', days: 1 });
    const client = new ServerClient(url!, secret);
    stopwatch.lap('start the server');
    terminal.stdout.write(`server     ${url}\n`);
    const studies = await send(client, path, terminal);
    stopwatch.lap('send the study');
    let measured = 0;
    for (const study of studies) {
      const run = await follow(client, study, terminal);
      stopwatch.lap('measure it');
      if (await fetchResults(client, run, study, join(folder, 'results', run.id), terminal)) measured++;
      stopwatch.lap('fetch the results');
    }
    for (const [part, seconds] of Object.entries(stopwatch.times)) {
      terminal.stdout.write(`time       ${part.padEnd(18)} ${seconds.toFixed(2)} s\n`);
    }
    if (!once) await serveOn(url!, secret, terminal);
    return measured > 0 ? 0 : 2;
  } finally {
    await server.close();
  }
}

function openStopwatch() {
  const times: Record<string, number> = {};
  let last = performance.now();
  return {
    times: times as Times,
    lap(part: string): void {
      const now = performance.now();
      times[part] = (times[part] ?? 0) + (now - last) / 1000;
      last = now;
    },
  };
}

/** Sends every file in one request. Resolves to the studies that the server holds of them. */
async function send(client: ServerClient, path: string, terminal: Terminal): Promise<readonly string[]> {
  const source = await openStudyFiles(path);
  try {
    const files = async function* (): AsyncGenerator<Uint8Array> {
      for (const file of source.files) yield await file.read();
    };
    const answer = await client.stow(files());
    const stored = itemsOf(answer, '00081199');
    const refused = itemsOf(answer, '00081198').length + itemsOf(answer, '0008119A').length;
    terminal.stdout.write(`stored     ${stored.length} instances, refused ${refused}\n`);
    const studies = stored.map((item) => /studies\/([0-9.]+)/.exec(String(itemValue(item, '00081190')))?.[1]);
    return [...new Set(studies.filter((uid) => uid !== undefined))];
  } finally {
    await source.close();
  }
}

function itemsOf(dataset: Json, tag: string): readonly Json[] {
  return ((dataset[tag] as { readonly Value?: readonly Json[] } | undefined)?.Value ?? []) as readonly Json[];
}

function itemValue(dataset: Json, tag: string): unknown {
  return (dataset[tag] as { readonly Value?: readonly unknown[] } | undefined)?.Value?.[0];
}

async function follow(client: ServerClient, study: string, terminal: Terminal): Promise<RunView> {
  let run = await client.requestRun(study);
  const progress = openRunProgress(terminal.stderr);
  try {
    for await (const view of client.watchRun(run.id)) {
      run = view;
      progress.update(view.percent, view.step ?? view.state);
    }
  } finally {
    progress.finish(run.state === 'completed');
  }
  return client.json<RunView>(`/api/v1/runs/${run.id}`);
}

/** Fetches what a radiologist and an EHR would; resolves to whether there was a result. */
async function fetchResults(
  client: ServerClient,
  run: RunView,
  study: string,
  folder: string,
  { stdout }: Terminal,
): Promise<boolean> {
  if (!run.result) {
    stdout.write(`run        ${run.state}: ${run.failure?.kind ?? 'no reason'}: ${run.failure?.message ?? ''}\n`);
    return false;
  }
  const { result } = run;
  await mkdir(folder, { recursive: true });
  const keep = async (label: string, name: string, bytes: Uint8Array): Promise<void> => {
    await writeFile(join(folder, name), bytes);
    stdout.write(`${label.padEnd(10)} ${join(folder, name)}\n`);
  };
  const instance = async (uid: string): Promise<Uint8Array> => {
    const [row] = await client.json<Json[]>(`/dicomweb/studies/${study}/instances?SOPInstanceUID=${uid}`);
    const series = String(itemValue(row!, '0020000E'));
    return client.bytes(`/dicomweb/studies/${study}/series/${series}/instances/${uid}`, 'application/dicom');
  };
  stdout.write(
    `left       ${result.leftVolumeMm3.toFixed(0)} mm3\nright      ${result.rightVolumeMm3.toFixed(0)} mm3\n`,
  );
  stdout.write(`quality    ${result.qualityVerdict}\n`);
  await keep('FHIR', 'diagnostic-report.json', await client.bytes(`/fhir/R4/${result.diagnosticReport}`));
  await keep('SEG', 'seg.dcm', await instance(result.segSopInstanceUid));
  await keep('SR', 'sr.dcm', await instance(result.srSopInstanceUid));
  await keep('PDF object', 'report.dcm', await instance(result.pdfSopInstanceUid));
  for (const [label, name] of Object.entries({
    report: 'report.pdf',
    overlay: 'overlay.png',
    figures: 'measurements.json',
  })) {
    await keep(label, name, await client.bytes(`/api/v1/runs/${run.id}/files/${name}`));
  }
  stdout.write(`picture    ${pathToFileURL(join(folder, 'overlay.png')).href}\n`);
  return true;
}

async function serveOn(url: string, secret: string, { stdout, signal }: Terminal): Promise<void> {
  stdout.write(`explorer   ${url}/docs\nDICOMweb   ${url}/dicomweb\nFHIR       ${url}/fhir/R4\nkey        ${secret}\n`);
  stdout.write('the server goes on; Ctrl-C stops it\n');
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
