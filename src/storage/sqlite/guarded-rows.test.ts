import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Connection, openConnection } from './database.ts';

let folder = '';
let connection: Connection;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-guarded-'));
  connection = openConnection(join(folder, 'test.sqlite'), { key: '00', busyMilliseconds: 0 });
  connection.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)');
});
afterAll(() => {
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

const put = (id: number, sql: string): void => connection.exec(`INSERT OR REPLACE INTO t VALUES (${id}, ${sql})`);
const got = (id: number): unknown => connection.table('SELECT text FROM t WHERE id = ?', [id]).rows[0]![0];

describe('rows of a database', () => {
  it('come as they were put, whatever the text', () => {
    const texts = [
      '',
      '\\ "\' \n\t\u0001\u001f',
      'Müller 山田 \u{1f9e0}\ufeff',
      '{"a":[1,"\\u0000"]}',
      '\u2028\u007f',
      '\ufeffx',
    ];
    for (const [id, text] of texts.entries()) connection.run('INSERT OR REPLACE INTO t VALUES (?, ?)', [id, text]);
    const { columns, rows } = connection.table('SELECT id, text, id AS id, NULL AS none FROM t ORDER BY id DESC');
    expect(columns).toEqual(['id', 'text', 'id', 'none']);
    expect(rows).toEqual(texts.map((text, id) => [id, text, id, null]).reverse());
    expect(connection.table('WITH a AS (SELECT 9007199254740991 AS x) SELECT x FROM a').rows).toEqual([[2 ** 53 - 1]]);
  });

  it.each(["CAST(x'61ff62' AS TEXT)", "CAST(x'c328' AS TEXT)", "CAST(x'eda080' AS TEXT)"])(
    'whose text is not UTF-8 (%s) are an error and not the end of the process',
    (sql) => {
      put(100, sql);
      expect(() => got(100)).toThrow(expect.objectContaining({ kind: 'damaged' }));
      put(100, "'mended'");
      expect(got(100)).toBe('mended');
    },
  );

  it('that hold what is no text are an error', () => {
    put(101, "x'6162'");
    expect(() => got(101)).toThrow('BLOB');
  });
});
