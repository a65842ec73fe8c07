import { NeuroInsightError } from '../../domain/errors.ts';
import { type Connection, rowsOf } from './database.ts';
import { MIGRATIONS } from './migrations/index.ts';

/**
 * Brings the schema to the newest version, each step in a transaction of its own. Throws invalid-configuration for a
 * database that a newer version of the software has written: an older one could misread it.
 */
export function migrate(connection: Connection, at: string, migrations: readonly string[] = MIGRATIONS): void {
  connection.exec('CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, at TEXT NOT NULL)');
  if (applied(connection) > migrations.length) {
    throw new NeuroInsightError('invalid-configuration', 'the database was written by a newer version of NeuroInsight');
  }
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

function applied(connection: Connection): number {
  return Number(rowsOf(connection.table('SELECT coalesce(max(number), 0) AS number FROM migrations'))[0]!.number);
}
