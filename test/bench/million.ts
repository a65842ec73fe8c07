import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ResourceVersion } from '../../src/ports/index.ts';
import { databaseBytes, openSqliteStore, type SqliteStore } from '../../src/storage/sqlite/open.ts';
import { TEST_DATA_KEYS } from '../harness/test-keys.ts';
import { imagingStudyOf, instancesOf, observationOf, patientOf, reportOf } from './million-rows.ts';
import { dicomSearches, fhirSearches, type Measured } from './million-searches.ts';

/**
 * `npm run bench:million`: a store with a million resources and a million instance rows, written through the ledger;
 * then how long reading, searching and opening take. `-- --resources N --studies N` for another size, `--data DIR`
 * keeps the folder, and uses it again when it is filled.
 */
const { values } = parseArgs({
  options: {
    resources: { type: 'string', default: '1000000' },
    studies: { type: 'string', default: '10000' },
    queries: { type: 'string', default: '200' },
    data: { type: 'string' },
  },
});
const site = 'main';
const INSTANCES = 100;
const RESOURCES_A_COMMIT = 2_000;
const STUDIES_A_COMMIT = 10;
const [resources, studies, queries] = [values.resources, values.studies, values.queries].map(Number) as [
  number,
  number,
  number,
];
const patients = Math.max(1, Math.floor(resources / 10));
const dataDir = values.data ?? mkdtempSync(join(tmpdir(), 'neuroinsight-million-'));
const clock = { now: () => new Date() };
const open = (): Promise<SqliteStore> => openSqliteStore({ dataDir, clock, keys: TEST_DATA_KEYS });

const isFilled = existsSync(join(dataDir, 'neuroinsight.sqlite'));
if (!isFilled) await fill();
const started = performance.now();
const store = await open();
report('opening the store', `${(performance.now() - started).toFixed(0)} ms`);
report('database file', `${((await databaseBytes(dataDir)).database / 2 ** 20).toFixed(0)} MiB`);
const filled = { site, patients, studies };
for (const measured of [...fhirSearches(store, filled), ...dicomSearches(store, filled)]) await measure(measured);
await store.close();
if (values.data === undefined) rmSync(dataDir, { recursive: true, force: true });

function report(name: string, figures: string): void {
  console.log(`${name.padEnd(46)} ${figures}`);
}

/** Two commits under way at a time: while one is written the next is made. */
async function fill(): Promise<void> {
  const filling = await open();
  const begun = performance.now();
  await inPairs(resourceCommits(), (rows) =>
    filling.ledger.commit({ site, resources: rows.map((row) => ({ expected: 0, row })) }),
  );
  const between = performance.now();
  report('resources written a second', (resources / ((between - begun) / 1_000)).toFixed(0));
  await inPairs(studyCommits(), (numbers) =>
    filling.ledger.commit({ site, instances: numbers.flatMap((study) => [...instancesOf(study, INSTANCES)]) }),
  );
  const seconds = (performance.now() - between) / 1_000;
  report('instances written a second', ((studies * INSTANCES) / seconds).toFixed(0));
  await filling.close();
}

async function inPairs<T>(items: Iterable<T>, work: (item: T) => Promise<unknown>): Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  for (const item of items) {
    const next = work(item);
    await last;
    last = next;
  }
  await last;
}

function* resourceCommits(): Generator<ResourceVersion[]> {
  let rows: ResourceVersion[] = [];
  for (let n = 0; n < resources; n++) {
    rows.push(resourceOf(n));
    if (rows.length < RESOURCES_A_COMMIT && n < resources - 1) continue;
    yield rows;
    rows = [];
  }
}

/** A tenth each patients; of the others six in nine observations. */
function resourceOf(n: number): ResourceVersion {
  const tenth = n % 10;
  const number = Math.floor(n / 10);
  if (tenth === 0) return patientOf(number);
  if (tenth < 7) return observationOf(number * 6 + tenth - 1, patients);
  return tenth < 9 ? reportOf(number * 2 + tenth - 7, patients) : imagingStudyOf(number, patients);
}

function* studyCommits(): Generator<number[]> {
  for (let first = 0; first < studies; first += STUDIES_A_COMMIT) {
    yield Array.from({ length: Math.min(STUDIES_A_COMMIT, studies - first) }, (_, index) => first + index);
  }
}

async function measure({ name, ask }: Measured): Promise<void> {
  const times: number[] = [];
  let rows = 0;
  await ask(0);
  for (let n = 0; n < queries; n++) {
    const begun = performance.now();
    rows += await ask(n);
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): string => times[Math.min(times.length - 1, Math.floor(times.length * share))]!.toFixed(2);
  report(
    name,
    `p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  max ${times.at(-1)!.toFixed(2)} ms  rows ${(rows / queries).toFixed(1)}`,
  );
}
