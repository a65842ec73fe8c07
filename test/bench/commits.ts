import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { timeUuid } from '../../src/domain/identity.ts';
import type { AuditRow, Commit, IndexEntry, Ledger } from '../../src/ports/index.ts';
import { openSqliteStore } from '../../src/storage/sqlite/open.ts';
import { TEST_DATA_KEYS } from '../harness/test-keys.ts';

/**
 * `npm run bench:commits -- [--rows 100000] [--seconds 5] [--callers 1,4,16,64] [--folder DIR]`: commits of a document
 * of 1.5 KB with six index rows and an audit row, through the port, enciphered, acknowledged after the sync. Callers
 * wait for their answer before they ask again. The processor's time is that of the whole process, callers included.
 */

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '5' },
    callers: { type: 'string', default: '1,4,16,64' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const PATIENTS = 2_000;
const CODES = 40;
const DAY = 86_400_000;
const filler = 'Lorem ipsum dolor sit amet consetetur sadipscing elitr sed diam nonumy eirmod tempor '.repeat(13);

/** As the server makes them. */
const newId = (): string => timeUuid(Date.now(), randomBytes(10));

function commitOf(number: number): Commit {
  const id = newId();
  const now = new Date();
  const lastUpdated = now.toISOString();
  const patient = `p${(number * 7919) % PATIENTS}`;
  const code = `${10_000 + (number % CODES)}-1`;
  const resource = {
    resourceType: 'Observation' as const,
    id,
    meta: { versionId: '1', lastUpdated },
    identifier: [{ system: 'urn:oid:1.2.3', value: id }],
    status: 'final' as const,
    code: { coding: [{ system: 'http://loinc.org', code }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: lastUpdated,
    valueQuantity: { value: number % 5_000, unit: 'mm3', system: 'http://unitsofmeasure.org', code: 'mm3' },
    note: [{ text: filler }],
  };
  const index: IndexEntry[] = [
    { kind: 'token', param: 'identifier', system: 'urn:oid:1.2.3', code: id },
    { kind: 'token', param: 'code', system: 'http://loinc.org', code },
    { kind: 'token', param: 'status', system: 'http://hl7.org/fhir/observation-status', code: 'final' },
    { kind: 'reference', param: 'subject', type: 'Patient', id: patient },
    { kind: 'date', param: 'date', low: now.getTime(), high: now.getTime() + DAY - 1 },
    { kind: 'quantity', param: 'value-quantity', low: number % 5_000, high: (number % 5_000) + 1, code: 'mm3' },
  ];
  const row = { resourceType: 'Observation', id, versionId: 1, lastUpdated, method: 'POST' as const, resource, index };
  return { site: 'main', resources: [{ expected: 0, row }], audit: [auditOf(lastUpdated, id, patient)] };
}

const auditOf = (recorded: string, id: string, patient: string): AuditRow => ({
  id: newId(),
  recorded,
  action: 'C',
  interaction: 'fhir/create',
  outcome: '0',
  outcomeDesc: undefined,
  agent: { kind: 'api-key', id: 'key-1', name: 'laboratory', address: '10.0.0.1' },
  patients: [`Patient/${patient}`],
  entities: [`Observation/${id}`],
  query: undefined,
  traceId: '0'.repeat(32),
});

/** Each caller commits until the time is over. @returns milliseconds of each commit. */
async function commitFor(ledger: Ledger, callers: number, isOver: (done: number) => boolean): Promise<number[]> {
  const took: number[] = [];
  let number = 0;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (!isOver(number)) {
        const commit = commitOf(number++);
        const from = performance.now();
        await ledger.commit(commit);
        took.push(performance.now() - from);
      }
    }),
  );
  return took;
}

async function measure(ledger: Ledger, callers: number, seconds: number): Promise<Record<string, number>> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const from = performance.now();
  const cpu = process.cpuUsage();
  delay.enable();
  const took = await commitFor(ledger, callers, () => performance.now() - from > seconds * 1_000);
  delay.disable();
  const elapsed = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  took.sort((one, other) => one - other);
  const rounded = (value: number): number => Number(value.toFixed(2));
  return {
    callers,
    'commits/s': Math.round((took.length * 1_000) / elapsed),
    'p50 ms': rounded(took[Math.floor(took.length * 0.5)]!),
    'p99 ms': rounded(took[Math.floor(took.length * 0.99)]!),
    'CPU ms each': rounded((user + system) / 1_000 / took.length),
    'loop delay p99 ms': rounded(delay.percentile(99) / 1e6),
  };
}

const folder = mkdtempSync(join(values.folder, 'neuroinsight-commits-'));
const clock = { now: () => new Date() };
const store = await openSqliteStore({ dataDir: folder, clock, keys: TEST_DATA_KEYS });
try {
  const rows = Number(values.rows);
  if (rows > 0) await commitFor(store.ledger, 256, (done) => done >= rows);
  await commitFor(store.ledger, 16, (done) => done >= 500);
  const results: Record<string, number>[] = [];
  for (const callers of values.callers.split(',')) {
    results.push(await measure(store.ledger, Number(callers), Number(values.seconds)));
  }
  console.table(results);
} finally {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}
