import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { type Checkpoint, createCheckpoint } from './checkpoint.ts';
import { openConnection } from './database.ts';

const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-checkpoint-'));
const opened: Checkpoint[] = [];
afterEach(async () => {
  // A thread that is left over would keep the tests from ending.
  await Promise.all(opened.splice(0).map((checkpoint) => checkpoint.close()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function checkpointOf(path: string): Checkpoint {
  const checkpoint = createCheckpoint({ path, options: OPTIONS });
  opened.push(checkpoint);
  return checkpoint;
}

const OPTIONS = { key: 'ab'.repeat(32), busyMilliseconds: 5_000 } as const;
const digestOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

function openFilled(name: string) {
  const path = join(folder, name);
  const connection = openConnection(path, OPTIONS);
  connection.exec('CREATE TABLE things (number INTEGER)');
  connection.run('INSERT INTO things VALUES (1)');
  const add = (rows: number): void => {
    for (let row = 0; row < rows; row++) connection.run('INSERT INTO things VALUES (?)', [row]);
  };
  const tryToFold = (mode: string): void => {
    try {
      connection.table(`PRAGMA busy_timeout = 0`);
      connection.table(`PRAGMA wal_checkpoint(${mode})`);
    } catch {
      // Told as an error or in the answer: either way it may not have happened.
    }
  };
  return { path, connection, add, tryToFold };
}

describe('a held checkpoint', () => {
  it('leaves the file as it is while commits go on, and answers from the state that is in it', async () => {
    const { path, connection, add, tryToFold } = openFilled('held.sqlite');
    const checkpoint = checkpointOf(path);
    const snapshot = await checkpoint.snapshot();
    const before = digestOf(path);
    add(300);
    for (const mode of ['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE']) tryToFold(mode);
    expect(digestOf(path)).toBe(before);
    expect(await snapshot.rows('SELECT count(*) AS number FROM things')).toEqual([{ number: 1 }]);
    expect(await snapshot.rows('SELECT count(*) AS number FROM things WHERE number > ?', [1])).toEqual([{ number: 0 }]);
    await snapshot.release();
    await snapshot.release();
    tryToFold('TRUNCATE');
    expect(digestOf(path)).not.toBe(before);
    expect(readFileSync(`${path}-wal`)).toHaveLength(0);
    await expect(snapshot.rows('SELECT 1')).rejects.toThrow('released');
    connection.close();
  });

  it('tells what the database says of a wrong question, and goes on', async () => {
    const { path, connection } = openFilled('asked.sqlite');
    const checkpoint = checkpointOf(path);
    const snapshot = await checkpoint.snapshot();
    await expect(snapshot.rows('SELECT number FROM missing')).rejects.toThrow('no such table');
    expect(await snapshot.rows('SELECT number FROM things')).toEqual([{ number: 1 }]);
    await checkpoint.close();
    await expect(snapshot.rows('SELECT 1')).rejects.toThrow('released');
    connection.close();
  });

  it('is let go by what `hold` gives, and by closing', async () => {
    const { path, connection, add, tryToFold } = openFilled('hold.sqlite');
    const checkpoint = checkpointOf(path);
    const release = await checkpoint.hold();
    add(10);
    tryToFold('TRUNCATE');
    expect(readFileSync(`${path}-wal`).length).toBeGreaterThan(0);
    release();
    await checkpoint.hold();
    await checkpoint.close();
    tryToFold('TRUNCATE');
    expect(readFileSync(`${path}-wal`)).toHaveLength(0);
    connection.close();
  });

  it('waits for writers that never rest, and takes a state between two commits', async () => {
    const { path, connection } = openFilled('busy.sqlite');
    const checkpoint = checkpointOf(path);
    let writing = true;
    const writer = (async () => {
      for (let row = 0; writing; row++) {
        connection.exec(
          `BEGIN IMMEDIATE; INSERT INTO things VALUES (${row}); INSERT INTO things VALUES (${row}); COMMIT`,
        );
        if (row % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const snapshot = await checkpoint.snapshot();
    const [row] = await snapshot.rows('SELECT count(*) AS number FROM things');
    expect(Number(row!.number) % 2).toBe(1);
    writing = false;
    await writer;
    await checkpoint.close();
    connection.close();
  });

  it('waits until a reader of an old state is done', async () => {
    const { path, connection, add } = openFilled('old-state.sqlite');
    const old = openConnection(path, { ...OPTIONS, readOnly: true });
    old.exec('BEGIN');
    old.table('SELECT count(*) FROM things');
    add(10);
    const held = checkpointOf(path).snapshot();
    setTimeout(() => old.exec('COMMIT'), 200);
    const snapshot = await held;
    expect(await snapshot.rows('SELECT count(*) AS number FROM things')).toEqual([{ number: 11 }]);
    await snapshot.release();
    old.close();
    connection.close();
  });
});
