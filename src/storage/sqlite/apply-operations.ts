import type { ErrorKind } from '../../domain/errors.ts';
import { type CommitLog, saidBy } from './commit-log.ts';
import { type Connection, sqliteCode, type Value } from './database.ts';
import type { Note, Operation, OperationResult, WriteAnswer, WriteRequest } from './operation.ts';
import { sqlOf } from './statements.ts';

/** Ends one request and leaves the others of its group alone. */
class Refusal extends Error {
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** What requests are applied to. */
export interface Writing {
  readonly connection: Connection;
  readonly log: CommitLog;
}

/**
 * Applies a group of requests in one transaction and syncs once. Nearly always every request of a group can be applied;
 * when one is refused the transaction is begun anew with a savepoint for each, so that it leaves nothing and takes no
 * other with it. When the transaction itself is lost (a full disk, an I/O error), each request is tried alone, so that
 * a small one still gets through. Never throws.
 */
export function applyGroup(writing: Writing, group: readonly WriteRequest[]): WriteAnswer[] {
  const whole = inTransaction(writing, group, applyRequest);
  if ('answers' in whole) return whole.answers;
  if (group.length === 1) return [refusalOf(group[0]!.id, whole.error)];
  if (!isLost(whole.error)) {
    const apart = inTransaction(writing, group, applyApart);
    if ('answers' in apart) return apart.answers;
  }
  return group.flatMap((request) => applyGroup(writing, [request]));
}

function inTransaction(
  writing: Writing,
  group: readonly WriteRequest[],
  apply: (writing: Writing, request: WriteRequest) => WriteAnswer,
): { readonly answers: WriteAnswer[] } | { readonly error: unknown } {
  const { connection, log } = writing;
  const { head } = log;
  try {
    connection.run('BEGIN IMMEDIATE');
    const answers = group.map((request) => apply(writing, request));
    connection.run('COMMIT');
    return { answers };
  } catch (error) {
    log.head = head;
    rollBack(connection);
    return { error };
  }
}

/** Throws only when the transaction is gone. */
function applyApart(writing: Writing, request: WriteRequest): WriteAnswer {
  const { connection, log } = writing;
  const { head } = log;
  connection.run('SAVEPOINT request');
  try {
    const answer = applyRequest(writing, request);
    connection.run('RELEASE request');
    return answer;
  } catch (error) {
    if (!connection.inTransaction || isLost(error)) throw error;
    connection.run('ROLLBACK TO request');
    connection.run('RELEASE request');
    log.head = head;
    return refusalOf(request.id, error);
  }
}

/** One request within the transaction that is open. Throws what refuses it. */
export function applyRequest({ connection, log }: Writing, { id, commit, operations }: WriteRequest): WriteAnswer {
  const sequence = log.head.sequence + 1;
  const notes: Note[] = [];
  const results = applyOperations(connection, operations, sequence, notes);
  if (!commit) return { id, results };
  log.append(commit, saidBy(notes));
  return { id, results: [sequence, ...results] };
}

/** @param notes those of operations that changed a row are added. */
function applyOperations(
  connection: Connection,
  operations: readonly Operation[],
  sequence: number,
  notes: Note[],
): OperationResult[] {
  const results: OperationResult[] = [];
  let resource: Value = null;
  for (let index = 0; index < operations.length; index++) {
    const [name, given, expectation, note] = operations[index]!;
    const sql = sqlOf(name);
    if (expectation === 'none' || expectation === 'no-other-bytes' || expectation === 'rows') {
      const table = connection.table(sql, given);
      if (expectation === 'rows') results.push(table);
      else if (table.rows.length > 0) throw found(expectation);
      continue;
    }
    if (expectation === 'known resource') {
      const [row] = connection.table(sql, given).rows;
      if (!row) throw movedOn();
      resource = row[0]!;
      if (note) notes.push(note);
      continue;
    }
    const { changes, rowid } = connection.run(sql, filledIn(given, expectation, resource, sequence));
    if (changes > 0 && note) notes.push(note);
    if (expectation === undefined) continue;
    if (expectation === 'one' || expectation === 'new resource') {
      if (changes !== 1) throw movedOn();
      resource = rowid;
    } else if (expectation === 'rowid') results.push(rowid);
    else if (expectation === 'changes') results.push(changes);
    else if (typeof expectation === 'object' && changes === 0) index += expectation.elsePass;
  }
  return results;
}

function filledIn(
  params: readonly Value[],
  expectation: Operation[2],
  resource: Value,
  sequence: number,
): readonly Value[] {
  if (expectation === 'of resource') return params.with(0, resource);
  return expectation === 'in log' ? params.with(-1, sequence) : params;
}

const movedOn = (): Refusal => new Refusal('conflict', 'the row was changed by somebody else');

function found(expectation: 'none' | 'no-other-bytes'): Refusal {
  return expectation === 'none'
    ? new Refusal('conflict', 'something exists that must not exist')
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
