import {
  appendFileSync,
  closeSync,
  copyFileSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { RandomStream } from '../phantom/random.ts';
import { DATABASE, type TamperWorld } from './tamper-world.ts';
import type { Attempt } from './tampering.ts';

const PAGE_BYTES = 4096;
/** Of a pack: its header, and a chunk with its tag. */
const HEADER_BYTES = 32;
const LOG = `${DATABASE}-wal`;

const below = (random: RandomStream, limit: number): number => Math.floor(random.next() * limit);

function flipBit(path: string, random: RandomStream): void {
  const at = below(random, statSync(path).size);
  overwrite(path, at, Buffer.of(readAt(path, at, 1)[0]! ^ (1 << below(random, 8))));
}

function readAt(path: string, at: number, length: number): Buffer {
  const file = openSync(path, 'r');
  const bytes = Buffer.alloc(length);
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, length, at));
  } finally {
    closeSync(file);
  }
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

function cut(path: string, bytes: number): void {
  const file = openSync(path, 'r+');
  ftruncateSync(file, Math.max(0, statSync(path).size - bytes));
  closeSync(file);
}

export const packsBelow = (dataDir: string): string[] =>
  readdirSync(join(dataDir, 'blobs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.pack'))
    .map((name) => join(dataDir, 'blobs', name))
    .filter((path) => statSync(path).size > HEADER_BYTES)
    .sort();

const database = (dataDir: string): string => join(dataDir, DATABASE);

/** Places in which pages of two states of the database differ, without its first, which every start would refuse. */
function changedPages(older: string, newer: string): number[] {
  const [one, other] = [readFileSync(older), readFileSync(newer)];
  const count = Math.min(one.length, other.length) / PAGE_BYTES;
  return Array.from({ length: count }, (_, page) => page).filter((page) => {
    const [from, to] = [page * PAGE_BYTES, (page + 1) * PAGE_BYTES];
    return !one.subarray(from, to).equals(other.subarray(from, to));
  });
}

const onePack = (dataDir: string, random: RandomStream): string => {
  const packs = packsBelow(dataDir);
  return packs[below(random, packs.length)]!;
};

/** A list of attempts on files; those of chance are tried `times` times. */
export function fileAttempts(world: TamperWorld, times: number): Attempt[] {
  const often = (attempt: Attempt): Attempt[] => Array.from({ length: times }, () => attempt);
  return [
    ...often({ kind: 'a bit of the database', state: 'cold', change: (at, random) => flipBit(database(at), random) }),
    ...often({
      kind: 'a bit of the database, running',
      state: 'cold',
      running: true,
      change: (at, random) => flipBit(database(at), random),
    }),
    ...often({
      kind: 'a bit of the log, with witness',
      state: 'hot',
      witness: true,
      change: (at, random) => flipBit(join(at, LOG), random),
    }),
    ...often({
      kind: 'a bit of the log, no witness',
      state: 'hot',
      change: (at, random) => flipBit(join(at, LOG), random),
    }),
    ...often({ kind: 'a bit of a pack', state: 'cold', change: (at, random) => flipBit(onePack(at, random), random) }),
    ...often({
      kind: 'a bit of a pack, running',
      state: 'cold',
      running: true,
      change: (at, random) => flipBit(onePack(at, random), random),
    }),
    ...often({
      kind: 'a bit of keys.json',
      state: 'cold',
      change: (at, random) => flipBit(join(at, 'keys.json'), random),
    }),
    ...packAttempts(world),
    ...pageAttempts(world, times),
    ...olderAttempts(world),
    ...otherAttempts(world),
  ];
}

function packAttempts({ other }: TamperWorld): Attempt[] {
  const chunk = 2 ** 16 + 16;
  const attempts: Record<string, Attempt['change']> = {
    'two chunks of a pack swapped': (at) => {
      const [pack = ''] = packsBelow(at);
      const start = HEADER_BYTES;
      const [one, two] = [readAt(pack, start, chunk), readAt(pack, start + chunk, chunk)];
      overwrite(pack, start, two);
      overwrite(pack, start + chunk, one);
    },
    'two packs swapped': (at) => {
      const [one = '', two = ''] = packsBelow(at);
      const kept = readFileSync(one);
      copyFileSync(two, one);
      writeFileSync(two, kept);
    },
    'a pack cut by a byte': (at, random) => cut(onePack(at, random), 1),
    'a pack cut by a chunk': (at, random) => cut(onePack(at, random), chunk),
    'a pack emptied': (at, random) => cut(onePack(at, random), Number.MAX_SAFE_INTEGER),
    'a pack made longer': (at, random) => appendFileSync(onePack(at, random), Buffer.alloc(chunk, 7)),
    'a pack removed': (at, random) => rmSync(onePack(at, random)),
    'a pack replaced by a folder': (at, random) => {
      const pack = onePack(at, random);
      rmSync(pack);
      mkdirSync(pack);
    },
    'a pack of another server in the place of one': (at, random) =>
      copyFileSync(packsBelow(other)[0]!, onePack(at, random)),
    'a pack of another server added': (at) => {
      const path = packsBelow(other)[0]!;
      const added = join(at, path.slice(other.length));
      mkdirSync(dirname(added), { recursive: true });
      copyFileSync(path, added);
    },
    'all packs removed': (at) => rmSync(join(at, 'blobs'), { recursive: true }),
  };
  return named(attempts, 'cold');
}

function pageAttempts({ folder }: TamperWorld, times: number): Attempt[] {
  const [older, newer] = [join(folder, 'older', DATABASE), join(folder, 'cold', DATABASE)];
  const changed = changedPages(older, newer);
  const putBack = changed.slice(1).map((page) => (at: string) => {
    overwrite(database(at), page * PAGE_BYTES, readAt(older, page * PAGE_BYTES, PAGE_BYTES));
  });
  const pages = statSync(newer).size / PAGE_BYTES;
  // Of many each, of few some from all over the file.
  const chosen = putBack.filter((_, index) => times >= 10 || index % Math.ceil(putBack.length / times) === 0);
  return [
    ...chosen.map((change): Attempt => ({ kind: 'a page put back to its older state', state: 'cold', change })),
    ...Array.from(
      { length: times },
      (): Attempt => ({
        kind: 'a page in the place of another',
        state: 'cold',
        change: (at, random) => {
          const [from, to] = [1 + below(random, pages - 1), 1 + below(random, pages - 1)];
          overwrite(database(at), to * PAGE_BYTES, readAt(newer, from * PAGE_BYTES, PAGE_BYTES));
        },
      }),
    ),
    ...named(
      {
        'the database cut': (at) => cut(database(at), 5 * PAGE_BYTES),
        'the database made longer': (at) => appendFileSync(database(at), Buffer.alloc(PAGE_BYTES, 7)),
        'the database emptied': (at) => writeFileSync(database(at), ''),
        'the database removed': (at) => rmSync(database(at)),
      },
      'cold',
    ),
    ...named(
      {
        'the log cut, no witness': (at) => cut(join(at, LOG), 9 * PAGE_BYTES),
        'the log removed, no witness': (at) => rmSync(join(at, LOG)),
      },
      'hot',
    ),
    ...named(
      {
        'the log cut, with witness': (at) => cut(join(at, LOG), 9 * PAGE_BYTES),
        'the log removed, with witness': (at) => rmSync(join(at, LOG)),
      },
      'hot',
      true,
    ),
  ];
}

/** The rollback attacks. */
function olderAttempts({ folder }: TamperWorld): Attempt[] {
  const older = join(folder, 'older');
  const database = (at: string): void => copyFileSync(join(older, DATABASE), join(at, DATABASE));
  const whole = (at: string): void => {
    rmSync(at, { recursive: true });
    cpSync(older, at, { recursive: true });
  };
  return [
    ...named(
      { 'an old database put back, with witness': database, 'an old folder put back, with witness': whole },
      'cold',
      true,
    ),
    ...named({ 'an old database put back, no witness': database, 'an old folder put back, no witness': whole }, 'cold'),
    ...named(
      {
        'an old folder put back with its witness': (at) => {
          whole(at);
          copyFileSync(`${older}.witness`, `${at}.witness`);
        },
      },
      'cold',
      true,
    ),
  ];
}

function otherAttempts({ folder, other }: TamperWorld): Attempt[] {
  return [
    ...named(
      {
        'the keys.json of another server': (at) => copyFileSync(join(other, 'keys.json'), join(at, 'keys.json')),
        'keys.json removed': (at) => rmSync(join(at, 'keys.json')),
        'keys.json and database of another server': (at) => {
          for (const name of ['keys.json', DATABASE]) copyFileSync(join(other, name), join(at, name));
        },
        'the lock made a text': (at) => writeFileSync(join(at, 'lock'), 'x'.repeat(9999)),
        'the lock made a folder': (at) => {
          rmSync(join(at, 'lock'), { force: true });
          mkdirSync(join(at, 'lock'));
        },
        'the lock led elsewhere': (at) => {
          rmSync(join(at, 'lock'), { force: true });
          symlinkSync(join(folder, 'kek'), join(at, 'lock'));
        },
        'the holder of the lock made up': (at) => writeFileSync(join(at, 'lock.json'), '{"pid":1}'),
        'the socket made a text': (at) => writeFileSync(join(at, 'admin.sock'), 'x'),
      },
      'cold',
    ),
    ...named(
      {
        'keys.json and database of another server, with witness': (at) => {
          for (const name of ['keys.json', DATABASE]) copyFileSync(join(other, name), join(at, name));
        },
      },
      'cold',
      true,
    ),
  ];
}

const named = (
  attempts: Readonly<Record<string, Attempt['change']>>,
  state: Attempt['state'],
  witness = false,
): Attempt[] => Object.entries(attempts).map(([kind, change]) => ({ kind, state, witness, change }));
