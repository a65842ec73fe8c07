import Libsql from 'libsql';
import { NeuroInsightError } from '../../domain/errors.ts';
import { guardedRow, guardedSql, isGuarded } from './guarded-rows.ts';

/** What can be bound to a statement. Anything else would end the process inside the native code. */
export type Value = string | number | null;

/** Rows as arrays, with the names of the columns once: little to copy between threads. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}

export type Row = Readonly<Record<string, Value>>;

/** One connection to the database file; synchronous, so a thread of its own or short point reads only. */
export interface Connection {
  /** Every row that the statement gives. */
  table(sql: string, params?: readonly Value[]): Table;
  run(sql: string, params?: readonly Value[]): { readonly changes: number; readonly rowid: number };
  /** Several statements without parameters. */
  exec(sql: string): void;
  readonly inTransaction: boolean;
  close(): void;
}

export interface ConnectionOptions {
  /** Passphrase of the file, see DataKeys. */
  readonly key: string;
  /** Milliseconds to wait for another process's lock. */
  readonly busyMilliseconds: number;
  readonly readOnly?: boolean;
  /** Upper bound of the file in pages of 4096 bytes. */
  readonly maxPages?: number;
}

interface Prepared {
  statement: Libsql.Statement<unknown[]>;
  columns: readonly string[] | undefined;
}

/** Search statements differ in form, not in values; more forms than this are rare, and then the oldest goes. */
const CACHED_STATEMENTS = 512;

/** The only cipher in the driver's prebuilt binary; it enciphers the log as well, and authenticates nothing. */
const CIPHER = 'aes256cbc';

/**
 * Opens the file, which must be there unless `readOnly` is absent. Enciphered, WAL, every commit synced, temporary data
 * in memory, deleted rows overwritten. @throws an error with the code SQLITE_NOTADB when it is not a file of this key.
 */
export function openConnection(path: string, options: ConnectionOptions): Connection {
  // The driver's declarations know the options of its siblings only.
  const how = { timeout: options.busyMilliseconds, encryptionKey: options.key, encryptionCipher: CIPHER };
  const database = new Libsql(path, how);
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = 0;
    PRAGMA secure_delete = ON;`);
  if (options.readOnly) database.exec('PRAGMA query_only = 1');
  if (options.maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${Math.trunc(options.maxPages)}`);
  const cache = new Map<string, Prepared>();

  const prepare = (sql: string): Prepared => {
    const known = cache.get(sql);
    if (known) {
      cache.delete(sql);
      cache.set(sql, known);
      return known;
    }
    if (cache.size >= CACHED_STATEMENTS) cache.delete(cache.keys().next().value!);
    const prepared = { statement: database.prepare(sql), columns: undefined };
    cache.set(sql, prepared);
    return prepared;
  };
  return {
    table(sql, params = []) {
      const prepared = prepare(sql);
      if (!prepared.columns) {
        // Raw rows: the driver adds a member of its own to rows that are objects.
        const columns = prepared.statement.raw().columns();
        prepared.columns = columns.map(({ name }) => name);
        if (isGuarded(sql)) prepared.statement = database.prepare(guardedSql(sql, columns.length)).raw();
      }
      const { statement, columns } = prepared;
      const rows = statement.all(params as unknown[]) as Value[][];
      if (!isGuarded(sql)) return { columns, rows };
      return { columns, rows: rows.map(([row]) => guardedRow(row as unknown as Uint8Array)) };
    },
    run(sql, params = []) {
      const { changes, lastInsertRowid } = prepare(sql).statement.run(params as unknown[]);
      return { changes, rowid: Number(lastInsertRowid) };
    },
    exec: (sql) => void database.exec(sql),
    get inTransaction() {
      return database.inTransaction;
    },
    close() {
      cache.clear();
      database.close();
    },
  };
}

/** Rows as objects by column. */
export function rowsOf({ columns, rows }: Table): Row[] {
  return rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null])));
}

/**
 * Refuses what the native code cannot bind: it ends the whole process for a boolean and cuts text at a NUL, so that
 * two keys could become one. Throws invalid-request for a NUL, an Error for a value of another type.
 */
export function assertBindable(params: readonly unknown[]): void {
  for (const value of params) {
    if (typeof value === 'string') {
      if (value.includes('\0')) throw new NeuroInsightError('invalid-request', 'text holds a NUL character');
    } else if (typeof value !== 'number' && value !== null) {
      throw new Error(`a statement cannot take a value of type ${typeof value}`);
    }
  }
}

/** The driver's code of an error, SQLITE_FULL for one; empty when the error is not the driver's. */
export function sqliteCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : '';
}

/**
 * Tells the planner how the tables have grown; it looks at a bounded number of rows. Other connections read statistics
 * only when the schema changes, so a table comes and goes. Not worth an error: searches are slower without it.
 */
export function refreshStatistics(connection: Connection): void {
  try {
    connection.exec('PRAGMA analysis_limit = 400; ANALYZE');
    connection.exec('BEGIN IMMEDIATE; CREATE TABLE statistics_changed (x); DROP TABLE statistics_changed; COMMIT');
  } catch {
    if (connection.inTransaction) connection.exec('ROLLBACK');
  }
}

/** Leaves everything in one file. Not worth an error: the log is read at the next start as well. */
export function foldLog(connection: Connection): void {
  try {
    connection.table('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // A reader of another process is in its way.
  }
}
