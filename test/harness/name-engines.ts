import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { openConnection } from '../../src/storage/sqlite/database.ts';
import { macOf, readyMacKey } from '../../src/storage/sqlite/row-mac.ts';
import { trigramsOf } from './made-up-names.ts';

export interface NamedDocument {
  readonly id: number;
  /** Folded. */
  readonly name: string;
  readonly json: string;
}

/** What is compared: documents that are found by the names in them. */
export interface NameEngine {
  readonly title: string;
  /** One commit, synced. */
  commit(documents: readonly NamedDocument[]): void;
  exact(name: string): readonly string[];
  beginning(prefix: string): readonly string[];
  ending(suffix: string): readonly string[];
  /** Names that are one insertion, removal or replacement away, or none. */
  near(name: string): readonly string[];
  /** A page of 50 in the order of names, behind the first `offset`. */
  page(offset: number): readonly string[];
  close(): void;
}

type Bound = string | number | null | Uint8Array;
interface Database {
  rows(sql: string, params?: readonly Bound[]): readonly (readonly Bound[])[];
  run(sql: string, params?: readonly Bound[]): void;
  close(): void;
}

const PAGE = 50;
const PRAGMAS = `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -16384; PRAGMA secure_delete = ON;`;

/** The built-in engine. */
export function openClear(path: string): Database {
  const database = new DatabaseSync(path);
  database.exec(PRAGMAS);
  const cache = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  const prepared = (sql: string) => {
    const known = cache.get(sql) ?? database.prepare(sql);
    cache.set(sql, known);
    return known;
  };
  return {
    rows: (sql, params = []) =>
      prepared(sql)
        .all(...params)
        .map((row) => Object.values(row) as Bound[]),
    run: (sql, params = []) => void prepared(sql).run(...params),
    close: () => database.close(),
  };
}

/** The engine of the product, as the product opens it. */
export function openEnciphered(path: string, key: string): Database {
  const connection = openConnection(path, { key, busyMilliseconds: 1_000 });
  return {
    rows: (sql, params = []) => connection.table(sql, params as (string | number | null)[]).rows,
    run: (sql, params = []) => void connection.run(sql, params as (string | number | null)[]),
    close: connection.close,
  };
}

function inOneCommit(database: Database, documents: readonly NamedDocument[], write: (one: NamedDocument) => void) {
  database.run('BEGIN IMMEDIATE');
  for (const document of documents) write(document);
  database.run('COMMIT');
}

/** Names stand in an index as they are; each document has a MAC, which is checked when it is read. */
export function plainNames(title: string, database: Database): NameEngine {
  const key = readyMacKey(randomBytes(32));
  database.run('CREATE TABLE documents (id INTEGER PRIMARY KEY, json TEXT, mac TEXT)');
  database.run('CREATE TABLE names (folded TEXT, id INTEGER, PRIMARY KEY (folded, id)) WITHOUT ROWID');
  const read = (where: string, params: readonly Bound[]): string[] => {
    const sql = `SELECT d.id, d.json, d.mac FROM names n JOIN documents d ON d.id = n.id ${where}`;
    return database.rows(sql, params).map(([id, json, mac]) => {
      if (macOf(key, 'document', [Number(id), String(json)]) !== mac) throw new Error('a document is damaged');
      return String(json);
    });
  };
  return {
    title,
    commit: (documents) =>
      inOneCommit(database, documents, ({ id, name, json }) => {
        const mac = macOf(key, 'document', [id, json]);
        database.run('INSERT INTO documents VALUES (?, ?, ?)', [id, json, mac]);
        database.run('INSERT INTO names VALUES (?, ?)', [name, id]);
      }),
    exact: (name) => read('WHERE n.folded = ?', [name]),
    beginning: (prefix) => read('WHERE n.folded >= ? AND n.folded < ?', [prefix, `${prefix}\u{10ffff}`]),
    ending: (suffix) => read('WHERE substr(n.folded, ?) = ?', [-suffix.length, suffix]),
    near(name) {
      const all = database.rows('SELECT DISTINCT folded FROM names').map(([folded]) => String(folded));
      return all.filter((folded) => isNear(folded, name)).flatMap((folded) => read('WHERE n.folded = ?', [folded]));
    },
    page: (offset) => read(`ORDER BY n.folded, n.id LIMIT ${PAGE} OFFSET ${offset}`, []),
    close: () => database.close(),
  };
}

const DIGEST_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Documents and names are sealed one by one; they are found by keyed digests of the name and of its trigrams. */
export function blindNames(
  title: string,
  database: Database,
  keys = { seal: randomBytes(32), blind: randomBytes(32) },
) {
  const blind = readyMacKey(keys.blind);
  const digest = (of: string): Uint8Array => createHmac('sha256', blind).update(of).digest().subarray(0, DIGEST_BYTES);
  const seal = (text: string): Uint8Array => {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', keys.seal, nonce);
    return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  };
  const open = (sealed: Bound): string => {
    const bytes = sealed as Uint8Array;
    const cipher = createDecipheriv('aes-256-gcm', keys.seal, bytes.subarray(0, NONCE_BYTES));
    cipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return `${cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8')}${cipher.final('utf8')}`;
  };
  database.run('CREATE TABLE documents (id INTEGER PRIMARY KEY, name BLOB, json BLOB)');
  database.run('CREATE TABLE grams (gram BLOB, id INTEGER, PRIMARY KEY (gram, id)) WITHOUT ROWID');
  /** Those that have at least so many of these pieces; then each name is opened and looked at. */
  const read = (pieces: readonly string[], least: number, isIt: (name: string) => boolean): string[] => {
    const sql = `SELECT name, json FROM documents WHERE id IN (SELECT id FROM grams WHERE gram IN
      (${pieces.map(() => '?').join(', ')}) GROUP BY id HAVING count(*) >= ${least})`;
    const found = database.rows(sql, pieces.map(digest));
    return found.filter(([name]) => isIt(open(name!))).map(([, json]) => open(json!));
  };
  const all = (pieces: readonly string[], isIt: (name: string) => boolean) => read(pieces, pieces.length, isIt);
  const engine: NameEngine = {
    title,
    commit: (documents) =>
      inOneCommit(database, documents, ({ id, name, json }) => {
        database.run('INSERT INTO documents VALUES (?, ?, ?)', [id, seal(name), seal(json)]);
        for (const piece of [`=${name}`, ...trigramsOf(name)]) {
          database.run('INSERT INTO grams VALUES (?, ?)', [digest(piece), id]);
        }
      }),
    exact: (name) => all([`=${name}`], (found) => found === name),
    beginning: (prefix) => all(trigramsOf(prefix).filter(hasNoEnd), (found) => found.startsWith(prefix)),
    ending: (suffix) => all(trigramsOf(suffix).filter(hasNoBeginning), (found) => found.endsWith(suffix)),
    near(name) {
      // One edit spoils three pieces at most.
      const pieces = trigramsOf(name);
      return read(pieces, Math.max(1, pieces.length - 3), (found) => isNear(found, name));
    },
    page(offset) {
      const opened = database.rows('SELECT id, name FROM documents').map(([id, name]) => ({ id, name: open(name!) }));
      opened.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : Number(a.id) - Number(b.id)));
      const sql = 'SELECT json FROM documents WHERE id = ?';
      return opened.slice(offset, offset + PAGE).map(({ id }) => open(database.rows(sql, [id!])[0]![0]!));
    },
    close: () => database.close(),
  };
  return engine;
}

const hasNoEnd = (piece: string): boolean => !piece.endsWith('$');
const hasNoBeginning = (piece: string): boolean => !piece.startsWith('^');

/** At most one insertion, removal or replacement apart. */
export function isNear(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const [restA, restB] = [a.slice(at), b.slice(at)];
  return restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1);
}
