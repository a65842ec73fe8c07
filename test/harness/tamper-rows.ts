import { join } from 'node:path';
import { type Connection, openConnection, type Value } from '../../src/storage/sqlite/database.ts';
import { readyMacKey } from '../../src/storage/sqlite/row-mac.ts';
import { verified } from '../../src/storage/sqlite/verify-loop.ts';
import { answersOf, DATABASE, type TamperWorld } from './tamper-world.ts';
import { differenceOf, outcomeOf, type Tried } from './tampering.ts';

/** One statement of somebody who has the key of the database and not that of the MACs. */
interface Edit {
  readonly kind: string;
  readonly sql: string;
  readonly params: readonly Value[];
}

/** Planning of work to come: it holds nothing that is answered. */
const NOT_CONTENT: readonly string[] = ['jobs', 'sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4', 'schema_version'];

/**
 * Edits rows of a running server's database one after the other, asks for everything and verifies after each, and puts
 * the table back.
 * @param rowsOfTable how many rows of each table are edited.
 */
export async function editRows(world: TamperWorld, rowsOfTable: number, tell: (tried: Tried) => void): Promise<void> {
  const dataDir = world.copy('cold', 'edited');
  const foundation = await world.start(dataDir, false);
  const { database, rowMac } = foundation.keys.keys;
  const disk = openConnection(join(dataDir, DATABASE), { key: database, busyMilliseconds: 5_000 });
  const older = openConnection(join(world.copy('older', 'older-copy'), DATABASE), {
    key: database,
    busyMilliseconds: 0,
  });
  try {
    for (const table of tablesOf(disk)) {
      const kept = disk.table(`SELECT * FROM ${table}`);
      for (const edit of [...editsOf(disk, table, rowsOfTable), ...replaysOf(disk, older, table)]) {
        if (!applied(disk, edit)) continue;
        const difference = differenceOf(await answersOf(foundation), world);
        const { findings } = await verified(disk, readyMacKey(rowMac), () => undefined);
        const found = findings.map(({ check }) => check);
        const told = [edit.sql, ...Object.values(difference).flat(), ...found];
        tell({ kind: edit.kind, outcome: outcomeOf(difference, found, 0), told });
        putBack(disk, table, kept);
      }
    }
  } finally {
    older.close();
    disk.close();
    await foundation.close();
  }
}

const tablesOf = (disk: Connection): string[] =>
  disk
    .table("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .rows.map(([name]) => String(name))
    .filter((name) => !NOT_CONTENT.includes(name) && !name.startsWith('libsql_'));

function editsOf(disk: Connection, table: string, most: number): Edit[] {
  const { columns, rows } = disk.table(`SELECT * FROM ${table}`);
  // The first and the last were written at different times.
  const chosen = [...new Set([0, rows.length - 1, ...rows.keys()])].filter(
    (place) => place >= 0 && place < rows.length,
  );
  return chosen.slice(0, most).flatMap((place) => {
    const row = rows[place]!;
    const other = rows[(place + 1) % rows.length]!;
    const where = columns.map((column) => `${column} IS ?`).join(' AND ');
    const updates = columns.flatMap((column, index) =>
      [changed(row[index]!), other[index]!]
        .filter((value) => value !== row[index])
        .map((value) => ({
          kind: `${table}: a column changed`,
          sql: `UPDATE ${table} SET ${column} = ? WHERE ${where}`,
          params: [value, ...row],
        })),
    );
    const copy = row.map((value, index) => (isKey(columns[index]!) ? changed(value) : value));
    return [
      ...updates,
      { kind: `${table}: a row removed`, sql: `DELETE FROM ${table} WHERE ${where}`, params: row },
      {
        kind: `${table}: a row copied to another key`,
        sql: `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
        params: copy,
      },
    ];
  });
}

/** Rows as they once were, with the MACs that they had, in the place of those that came after them. */
function replaysOf(disk: Connection, older: Connection, table: string): Edit[] {
  const { columns, rows } = older.table(`SELECT * FROM ${table}`);
  const present = new Set(disk.table(`SELECT * FROM ${table}`).rows.map((row) => JSON.stringify(row)));
  return rows
    .filter((row) => !present.has(JSON.stringify(row)))
    .slice(0, 2)
    .map((row) => ({
      kind: `${table}: a row put back to its older state`,
      sql: `REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      params: row,
    }));
}

const KEYS = /^(rid|sid|eid|iid|id|key|entry|sequence|ordinal|pack|study|owner|entity|secret_sha256|.*InstanceUID)$/;
const isKey = (column: string): boolean => KEYS.test(column);
const changed = (value: Value): Value => (typeof value === 'number' ? value + 1_000 : `${value ?? ''}x`);

/** False where a unique index or a rule of the table forbids it. */
function applied(disk: Connection, { sql, params }: Edit): boolean {
  try {
    return disk.run(sql, params).changes > 0;
  } catch {
    return false;
  }
}

function putBack(disk: Connection, table: string, { columns, rows }: ReturnType<Connection['table']>): void {
  disk.run('BEGIN IMMEDIATE');
  disk.run(`DELETE FROM ${table}`);
  const insert = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
  for (const row of rows) disk.run(insert, row);
  disk.run('COMMIT');
}
