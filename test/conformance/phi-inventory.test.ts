import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openFoundation } from '../../src/compose-foundation.ts';
import { loadConfig } from '../../src/config.ts';
import { type Connection, openConnection } from '../../src/storage/sqlite/database.ts';
import { migrate } from '../../src/storage/sqlite/migrate.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-inventory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Cells of the table below a heading, without its head. */
function tableBelow(heading: string): readonly (readonly string[])[] {
  const section = page.split(`## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

const namesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

describe('the inventory of the tables', () => {
  let connection: Connection;
  beforeAll(() => {
    connection = openConnection(join(folder, 'schema.sqlite'), { key: 'ab'.repeat(32), busyMilliseconds: 1_000 });
    migrate(connection, '2026-01-02T03:04:05.000Z');
  });
  afterAll(() => connection.close());

  it('names every table and every column that the migrations make, in their order, and no other', () => {
    const tables = connection
      .table("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
      .rows.map(([name]) => String(name));
    const made = tables.map((table) => [
      table,
      connection.table(`PRAGMA table_info(${table})`).rows.map(([, column]) => String(column)),
    ]);
    const told = tableBelow('Inventory: tables of the database').map(([table, columns]) => [
      namesIn(table!)[0],
      namesIn(columns!),
    ]);
    const byName = (rows: unknown[][]) => Object.fromEntries(rows);
    expect(made.length).toBeGreaterThan(20);
    expect(byName(told)).toEqual(byName(made));
  });

  it('says of each what it holds of people, what notices a change and what removes it', () => {
    const cells = tableBelow('Inventory: tables of the database');
    expect(cells.filter((row) => row.length !== 5 || row.some((cell) => cell === ''))).toEqual([]);
  });
});

/** Calls that make a file, a folder or a socket, or give one a name. */
const MAKES =
  /\b(?:writeFile(?:Sync|Whole)?|mkdir(?:Sync)?|mkdtemp(?:Sync)?|rename(?:Sync)?|link|symlink|copyFile(?:Sync)?|appendFile(?:Sync)?|createWriteStream|chmodSync|new Libsql)\(|\bopen(?:Sync)?\([^)]*'(?:wx?|ax?|r\+)'/;

const sources = globSync('src/**/*.ts', { cwd: ROOT })
  .filter((path) => !/\.test\.ts$|\.d\.ts$|src\/(?:web|training)\//.test(path))
  .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));

/** Those that can reach a disk at all. */
const reaching = sources.filter(({ text }) => /from 'node:fs(?:\/promises)?'|from 'libsql'|writeFileWhole/.test(text));

/** Pieces of names that a source puts together: texts in `join(...)`, constants in it, and ends like `.new`. */
function pieces(text: string): string[] {
  const constants = new Map(
    [...text.matchAll(/const ([A-Z_]+) = '([^']+)'/g)].map(([, name, value]) => [name!, value!]),
  );
  const found: string[] = [];
  for (const [, list] of text.matchAll(/(?<![.\w])join\(([^()]*(?:\([^()]*\)[^()]*)*)\)/g)) {
    const names = list!.replaceAll(/toString\('\w+'\)/g, '');
    found.push(...[...names.matchAll(/'([^'$]+)'/g)].map((match) => match[1]!));
    for (const [name] of list!.matchAll(/\b[A-Z_]{3,}\b/g)) if (constants.has(name)) found.push(constants.get(name)!);
  }
  found.push(...[...text.matchAll(/\}(\.[a-z]+)`/g)].map((match) => match[1]!));
  return found.filter((piece) => !['..', '.', '/'].includes(piece));
}

describe('the inventory of the files', () => {
  const rows = tableBelow('Inventory: files');
  const names = rows.map(([name]) => name).join(' ');
  const makers = rows.flatMap(([, madeBy]) => namesIn(madeBy!));

  it('names every source that can make one, and none that cannot', () => {
    const making = reaching.filter(({ text }) => MAKES.test(text)).map(({ path }) => path);
    expect(making.length).toBeGreaterThan(15);
    expect([...new Set(makers)].sort()).toEqual(making.sort());
  });

  it('names every file and folder of the data folder, the backups and what lies beside them', () => {
    const used = reaching
      .filter(({ path }) => /^src\/(?:storage|admin)\//.test(path))
      .flatMap(({ path, text }) => pieces(text).map((piece) => ({ path, piece })));
    expect(used.length).toBeGreaterThan(12);
    expect(used.filter(({ piece }) => !names.includes(piece))).toEqual([]);
  });

  it('names nothing that the sources no longer know', () => {
    const all = sources.map(({ text }) => text).join('\n');
    const parts = namesIn(names)
      .flatMap((name) => name.split('/'))
      // What is written in capitals stands for what differs.
      .flatMap((part) => part.split(/[A-Z]{2,}(?:[0-9]+)?/))
      .map((part) => part.replace(/^neuroinsight (?:analyse|demo|doctor)$/, '').replace(/-(?:wal|shm)?$/, ''))
      .filter((part) => part.length > 1);
    expect(parts.length).toBeGreaterThan(12);
    expect(parts.filter((part) => !all.includes(part) && !isPutTogether(part, all))).toEqual([]);
  });

  it('has every file that a server makes in its folder', async () => {
    const dataDir = join(folder, 'data');
    const environment = { NEUROINSIGHT_DATA_DIR: dataDir, NEUROINSIGHT_LOG_LEVEL: 'silent' };
    const config = loadConfig(new URL('../../config/default.json', import.meta.url), environment);
    const foundation = await openFoundation(config, { purpose: 'inventory' });
    const pack = await foundation.blobs.openPack('main', '1.2.3');
    await pack.append(new Uint8Array(10));
    await pack.seal();
    const found = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).map((name) =>
      name.replace(/blobs\/[0-9a-f]{2}/, 'blobs/XX').replace(/[0-9a-f]{32}/, 'NAME'),
    );
    const beside = readdirSync(folder).filter((name) => name.startsWith('data.'));
    await foundation.close();
    expect(beside).toEqual(['data.kek']);
    const known = [...namesIn(names), 'blobs', 'blobs/XX'];
    expect(found.filter((name) => !known.includes(name))).toEqual([]);
    expect(found.map((name) => basename(name))).toEqual(
      expect.arrayContaining(['neuroinsight.sqlite', 'neuroinsight.sqlite-wal', 'keys.json', 'lock.json', 'NAME.pack']),
    );
  });

  it('would notice a name, and a source that makes a file', () => {
    expect(pieces("const SPILL = 'spill.bin';\njoin(dataDir, SPILL)")).toEqual(['spill.bin']);
    expect(pieces("join(root, of(pack), 'x')")).toEqual(['x']);
    expect(names.includes('spill.bin')).toBe(false);
    expect(MAKES.test("await open(path, 'wx', 0o600)")).toBe(true);
    expect(MAKES.test("await open(path, 'r')")).toBe(false);
  });
});

/** `keys.json.new`: the name and its end stand apart in the sources. */
function isPutTogether(part: string, all: string): boolean {
  const dot = part.lastIndexOf('.');
  return dot >= 0 && all.includes(part.slice(dot)) && (dot === 0 || all.includes(part.slice(0, dot)));
}
