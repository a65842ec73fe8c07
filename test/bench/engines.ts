import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { guessByPieces, guessByRank, type SeenDigests } from '../harness/guess-names.ts';
import { drawnBy, madeUpNames, seeded } from '../harness/made-up-names.ts';
import {
  blindNames,
  type NamedDocument,
  type NameEngine,
  openClear,
  openEnciphered,
  plainNames,
} from '../harness/name-engines.ts';

/**
 * `npm run bench:engines -- [--rows 20000] [--folder DIR]`: documents that are found by names, in the enciphered file of
 * the product, in a file in clear, and in a file in clear of which documents are sealed and names are keyed digests.
 * Milliseconds of the clock / of the processor.
 */

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '20000' }, folder: { type: 'string', default: tmpdir() } },
});
const ROWS = Number(values.rows);
const [GROUPS_OF_16, SINGLES, OPENINGS] = [200, 300, 20];
const NAMES = madeUpNames(4_000, 7);
const filler = 'Lorem ipsum dolor sit amet consetetur sadipscing elitr '.repeat(12);
const draw = drawnBy(NAMES, seeded(1));
const documents: readonly NamedDocument[] = Array.from({ length: ROWS + GROUPS_OF_16 * 16 + SINGLES }, (_, at) => {
  const name = draw();
  const json = { resourceType: 'Patient', id: String(at), name: [{ family: name }], text: filler };
  return { id: at + 1, name, json: JSON.stringify(json) };
});

interface Measured {
  readonly engine: string;
  readonly what: string;
  readonly times: number;
  /** Milliseconds each. */
  readonly wall: number;
  readonly processor: number;
  readonly found?: number;
}
const measured: Measured[] = [];

function measure(engine: string, what: string, times: number, body: (at: number) => number | undefined): void {
  const before = process.cpuUsage();
  const begin = performance.now();
  let found: number | undefined;
  for (let at = 0; at < times; at++) found = body(at);
  const wall = (performance.now() - begin) / times;
  const { user, system } = process.cpuUsage(before);
  const row = { engine, what, times, wall: rounded(wall), processor: rounded((user + system) / 1000 / times) };
  measured.push({ ...row, ...(found !== undefined && { found }) });
}

const rounded = (number: number): number => Number(number.toPrecision(3));

function write(engine: NameEngine): void {
  const groups = (from: number, count: number, size: number, what: string): void =>
    measure(engine.title, what, count, (at) => {
      engine.commit(documents.slice(from + at * size, from + Math.min((at + 1) * size, documents.length)));
      return undefined;
    });
  const full = Math.floor(ROWS / 256);
  groups(0, full, 256, 'commit of 256');
  engine.commit(documents.slice(full * 256, ROWS));
  groups(ROWS, GROUPS_OF_16, 16, 'commit of 16');
  groups(ROWS + GROUPS_OF_16 * 16, SINGLES, 1, 'commit of 1');
}

function search(engine: NameEngine): void {
  // Neither the most frequent nor the rarest.
  const sought = NAMES.slice(100, 120);
  const ask = (what: string, times: number, of: (name: string) => readonly string[]): void =>
    measure(engine.title, what, times, (at) => of(sought[at % sought.length]!).length);
  ask('name', 200, engine.exact);
  ask('beginning of a name', 40, (name) => engine.beginning(name.slice(0, 4)));
  ask('end of a name', 40, (name) => engine.ending(name.slice(-4)));
  ask('name with one mistake', 20, (name) => engine.near(`${name[0]}${name.slice(2)}`));
  ask('first page by name', 5, () => engine.page(0));
  ask('page in the middle', 5, () => engine.page(ROWS / 2));
}

/** How often names stand in the files as they are. */
function canaries(path: string): number {
  const names = new Set(documents.slice(-50).map(({ name }) => name));
  return ['', '-wal']
    .filter((end) => existsSync(path + end))
    .map((end) => readFileSync(path + end))
    .reduce((sum, bytes) => sum + [...names].filter((name) => bytes.includes(name)).length, 0);
}

const sizeOf = (path: string): number => rounded(statSync(path).size / 2 ** 20);

/** What the file alone tells of the hundred most frequent names, to somebody with a list of names of other people. */
function guess(path: string): void {
  const database = openClear(path);
  const gramsOf = new Map<number, string[]>();
  const counts = database.rows('SELECT gram FROM grams GROUP BY gram').length;
  for (const [gram, id] of database.rows('SELECT gram, id FROM grams')) {
    const of = gramsOf.get(Number(id)) ?? [];
    gramsOf.set(Number(id), of);
    of.push(Buffer.from(gram as Uint8Array).toString('hex'));
  }
  database.close();
  const seen: SeenDigests = { gramsOf: withoutWholeNames(gramsOf) };
  const list = namesElsewhere(200_000, 0);
  // A third of the names is not in it, and the others are borne up to twice as often, or half as often, as here.
  const poorer = namesElsewhere(20_000, 1 / 3);
  for (const [how, guesses] of [
    ['order of frequency', guessByRank(seen, [...list.keys()])],
    ['frequency and pieces', guessByPieces(seen, list)],
    ['frequency and pieces, with a poor list', guessByPieces(seen, poorer)],
  ] as const) {
    const isRight = ({ id, name }: NamedDocument): boolean => guesses.get(id) === name;
    const frequent = NAMES.slice(0, 100).filter((name) => {
      const bearer = documents.find((document) => document.name === name);
      return bearer && isRight(bearer);
    });
    const people = documents.filter(isRight).length;
    console.log(`guessed by ${how}: ${frequent.length} of 100 frequent names, ${people} of ${documents.length} people`);
  }
  console.log(`(${counts} digests, ${list.size} and ${poorer.size} names in the lists)`);
}

/** How often names are borne by so many other people, the most frequent first. */
function namesElsewhere(people: number, missing: number): ReadonlyMap<string, number> {
  const random = seeded(3);
  const drawElsewhere = drawnBy(NAMES, seeded(2));
  const borne = new Map<string, number>();
  for (let at = 0; at < people; at++) {
    const name = drawElsewhere();
    borne.set(name, (borne.get(name) ?? 0) + 1 / people);
  }
  const told = [...borne].filter(() => random() >= missing);
  const disturbed = told.map(([name, share]) => [name, missing > 0 ? share * 2 ** (2 * random() - 1) : share] as const);
  return new Map(disturbed.toSorted((a, b) => b[1] - a[1]));
}

/** The digest of a whole name stands with exactly the documents of its name: it adds nothing and is told by that. */
function withoutWholeNames(gramsOf: Map<number, string[]>): Map<number, readonly string[]> {
  const members = new Map<string, number>();
  for (const grams of gramsOf.values()) for (const gram of grams) members.set(gram, (members.get(gram) ?? 0) + 1);
  return new Map(
    [...gramsOf].map(([id, grams]) => {
      const rarest = grams.reduce((a, b) => (members.get(b)! < members.get(a)! ? b : a));
      return [id, grams.filter((gram) => gram !== rarest)];
    }),
  );
}

const folder = mkdtempSync(join(values.folder, 'neuroinsight-engines-'));
try {
  const key = randomBytes(32).toString('hex');
  const path = (name: string): string => join(folder, `${name}.sqlite`);
  const engines = [
    { name: 'enciphered', make: () => plainNames('libsql, enciphered, MACs', openEnciphered(path('enciphered'), key)) },
    { name: 'clear', make: () => plainNames('node:sqlite, in clear, MACs', openClear(path('clear'))) },
    { name: 'blind', make: () => blindNames('node:sqlite, sealed, blind index', openClear(path('blind'))) },
  ];
  for (const { name, make } of engines) {
    const engine = make();
    write(engine);
    search(engine);
    const found = canaries(path(name));
    engine.close();
    console.log(`${engine.title}: ${sizeOf(path(name))} MiB, ${found} names found in the files`);
  }
  measure('libsql, enciphered, MACs', 'opening', OPENINGS, () => {
    openEnciphered(path('enciphered'), key).close();
    return undefined;
  });
  measure('node:sqlite, in clear, MACs', 'opening', OPENINGS, () => {
    openClear(path('clear')).close();
    return undefined;
  });
  guess(path('blind'));
  const order = [...new Set(measured.map(({ what }) => what))];
  console.table(measured.toSorted((a, b) => order.indexOf(a.what) - order.indexOf(b.what)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
