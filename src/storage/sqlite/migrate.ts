import { NeuroInsightError } from '../../domain/errors.ts';
import { type Connection, rowsOf } from './database.ts';
import { MIGRATIONS } from './migrations/index.ts';

const TABLE = 'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, at TEXT NOT NULL)';

/**
 * Brings the schema to the newest version, each step in a transaction of its own. Throws invalid-configuration for a
 * database that a newer version of the software has written: an older one could misread it.
 */
export function migrate(connection: Connection, at: string, migrations: readonly string[] = MIGRATIONS): void {
  connection.exec(TABLE);
  requireKnown(applied(connection), migrations);
  for (let number = applied(connection) + 1; number <= migrations.length; number++) {
    connection.exec('BEGIN IMMEDIATE');
    try {
      // Another process may have done this step while this one waited for the lock.
      if (applied(connection) < number) {
        connection.exec(migrations[number - 1]!);
        connection.run('INSERT INTO migrations (number, at) VALUES (?, ?)', [number, at]);
      }
      connection.exec('COMMIT');
    } catch (error) {
      if (connection.inTransaction) connection.exec('ROLLBACK');
      throw error;
    }
  }
}

/** What bringing the schema up to date would do. */
export interface MigrationPlan {
  /** Number of the last step that was applied. */
  readonly current: number;
  readonly newest: number;
  readonly steps: readonly { readonly number: number; readonly milliseconds: number }[];
}

/**
 * Tries the steps that are due on the database itself, in one transaction that is taken back: a step that would fail
 * fails here, with nothing changed. Nobody can write meanwhile. @throws invalid-configuration as `migrate` does.
 */
export function planMigrations(connection: Connection, migrations: readonly string[] = MIGRATIONS): MigrationPlan {
  connection.exec('BEGIN IMMEDIATE');
  try {
    connection.exec(TABLE);
    const current = applied(connection);
    requireKnown(current, migrations);
    const due = migrations.slice(current);
    const steps = due.map((sql, index) => {
      const begun = performance.now();
      connection.exec(sql);
      return { number: current + index + 1, milliseconds: performance.now() - begun };
    });
    return { current, newest: migrations.length, steps };
  } finally {
    if (connection.inTransaction) connection.exec('ROLLBACK');
  }
}

function requireKnown(current: number, migrations: readonly string[]): void {
  if (current <= migrations.length) return;
  throw new NeuroInsightError('invalid-configuration', 'the database was written by a newer version of NeuroInsight');
}

function applied(connection: Connection): number {
  return Number(rowsOf(connection.table('SELECT coalesce(max(number), 0) AS number FROM migrations'))[0]!.number);
}
