import type { ErrorKind } from '../../domain/errors.ts';
import { type Connection, sqliteCode } from './database.ts';
import type { Operation, OperationResult, WriteAnswer, WriteRequest } from './operation.ts';
import { sqlOf } from './statements.ts';

/** Ends one request and leaves the others of its group alone. */
class Refusal extends Error {
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * Applies a group of requests in one transaction, each in its own savepoint, and syncs once. A request that is refused
 * leaves nothing and takes no other with it. When the transaction itself is lost (a full disk, an I/O error), each
 * request is tried alone, so that a small one still gets through. Never throws.
 */
export function applyGroup(connection: Connection, group: readonly WriteRequest[]): WriteAnswer[] {
  try {
    connection.run('BEGIN IMMEDIATE');
    const answers = group.map((request) => applyOne(connection, request));
    connection.run('COMMIT');
    return answers;
  } catch (error) {
    rollBack(connection);
    if (group.length > 1) return group.flatMap((request) => applyGroup(connection, [request]));
    return [refusalOf(group[0]!.id, error)];
  }
}

/** Throws only when the transaction is gone. */
function applyOne(connection: Connection, request: WriteRequest): WriteAnswer {
  connection.run('SAVEPOINT request');
  try {
    const results = applyOperations(connection, request.operations);
    connection.run('RELEASE request');
    return { id: request.id, results };
  } catch (error) {
    if (!connection.inTransaction || isLost(error)) throw error;
    connection.run('ROLLBACK TO request');
    connection.run('RELEASE request');
    return refusalOf(request.id, error);
  }
}

function applyOperations(connection: Connection, operations: readonly Operation[]): OperationResult[] {
  const results: OperationResult[] = [];
  for (let index = 0; index < operations.length; index++) {
    const [name, params, expectation] = operations[index]!;
    const sql = sqlOf(name);
    if (expectation === 'none' || expectation === 'no-other-bytes' || expectation === 'rows') {
      const table = connection.table(sql, params);
      if (expectation === 'rows') results.push(table);
      else if (table.rows.length > 0) throw found(expectation);
      continue;
    }
    const { changes, rowid } = connection.run(sql, params);
    if (expectation === undefined) continue;
    if (expectation === 'one') {
      if (changes !== 1) throw new Refusal('conflict', 'the row was changed by somebody else');
    } else if (expectation === 'rowid') results.push(rowid);
    else if (expectation === 'changes') results.push(changes);
    else if (changes === 0) index += expectation.elsePass;
  }
  return results;
}

function found(expectation: 'none' | 'no-other-bytes'): Refusal {
  return expectation === 'none'
    ? new Refusal('conflict', 'a resource that must not exist does exist')
    : new Refusal('duplicate-instance', 'an instance with this SOP Instance UID and other content is stored');
}

/** Errors after which SQLite may have rolled back more than the savepoint. */
const isLost = (error: unknown): boolean => /^SQLITE_(FULL|IOERR|BUSY|NOMEM|CORRUPT)/.test(sqliteCode(error));

function refusalOf(id: number, error: unknown): WriteAnswer {
  if (error instanceof Refusal) return { id, refused: error.kind, message: error.message };
  const code = sqliteCode(error);
  if (/^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY|ROWID)/.test(code)) {
    return { id, refused: 'conflict', message: 'a row with this key exists' };
  }
  if (code === 'SQLITE_FULL') return { id, refused: 'storage-full', message: 'the disk of the database is full' };
  if (code.startsWith('SQLITE_BUSY')) {
    return { id, refused: 'overloaded', message: 'another process holds the database' };
  }
  return { id, refused: 'defect', message: `${code} ${error instanceof Error ? error.message : String(error)}`.trim() };
}

function rollBack(connection: Connection): void {
  try {
    if (connection.inTransaction) connection.run('ROLLBACK');
  } catch {
    // Without a transaction there is nothing to take back, and the first error is the one to tell.
  }
}
