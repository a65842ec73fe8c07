import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tamperAll } from '../harness/tamper-all.ts';
import { makeTamperWorld } from '../harness/tamper-world.ts';
import { isUnforeseen, type Outcome, type Tried } from '../harness/tampering.ts';

/**
 * Changes what lies in a data folder in every way that comes to mind, and counts what becomes of it: whether the server
 * starts, what it answers, what verify and scrub find. Exit code 1 when something goes unnoticed that is not known to.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    /** How often each attempt of chance is tried. */
    times: { type: 'string', default: '25' },
    /** Rows that are edited of each table. */
    rows: { type: 'string', default: '2' },
    /** Prints each attempt. */
    all: { type: 'boolean', default: false },
  },
});
const OUTCOMES: readonly Outcome[] = [
  'refused',
  'damaged when read',
  'found by verify',
  'found by scrub',
  'harmless',
  'server ended',
  'old, found',
  'old, not found',
  'MISSED',
];

const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-tamper-'));
await makeTamperWorld(folder);
const plan = { folder, seed: Number(values.seed), times: Number(values.times), rows: Number(values.rows) };
const write = (text: string): void => void process.stdout.write(`${text}\n`);
const isOdd = ({ outcome }: Tried): boolean => /^(MISSED|old|server)/.test(outcome);
const tried = await tamperAll(plan, (one) => {
  if (values.all || isOdd(one)) write(`${one.outcome}: ${one.kind}: ${one.told.slice(0, 6).join(' | ')}`);
});
rmSync(folder, { recursive: true, force: true });

write(['\nkind', 'tried', ...OUTCOMES].join('\t'));
const kinds = Map.groupBy(tried, ({ kind }) => kind);
for (const [kind, of] of [...kinds, ['all', tried] as const]) {
  const counts = OUTCOMES.map((outcome) => of.filter((one) => one.outcome === outcome).length);
  write([kind, of.length, ...counts].join('\t'));
}
process.exitCode = tried.some(isUnforeseen) ? 1 : 0;
