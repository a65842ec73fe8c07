import type { ErrorKind } from '../../domain/errors.ts';
import type { LoggedChange } from '../../ports/index.ts';
import type { Table, Value } from './database.ts';

/**
 * What must hold of one operation, or what is wanted back of it.
 * - `one`: exactly one row changed; else the whole request is refused with conflict (compare-and-set)
 * - `none`: the query finds nothing; else conflict
 * - `no-other-bytes`: the query finds nothing; else duplicate-instance
 * - `{ elsePass: n }`: when no row changed the next n operations are passed over
 * - `new resource`, `known resource`: exactly one row changed, which is the resource that the next operations index; the
 *   second gives its rowid with RETURNING
 * - `of resource`: the first parameter becomes the rowid of that resource
 * - `in log`: the last parameter becomes the sequence of the commit
 * - `rowid`, `changes`, `rows`: given back, in order, as results of the request
 */
export type Expectation =
  | 'one'
  | 'none'
  | 'no-other-bytes'
  | 'new resource'
  | 'known resource'
  | 'of resource'
  | 'in log'
  | 'rowid'
  | 'changes'
  | 'rows'
  | { readonly elsePass: number };

/** One row of the log of changes, but for its place. */
export type Said = Pick<LoggedChange, 'kind' | 'action' | 'key' | 'version'> & { readonly mac: string };

/**
 * What the log of commits says when the operation changed a row: `said` as it stands, once; of a study what came to it
 * or left it is counted, and its MAC is made of those of the instances.
 */
export type Note =
  | { readonly said: Said }
  | { readonly study: string; readonly part: 'begun' }
  | { readonly study: string; readonly part: 'added' | 'removed'; readonly mac: string };

/**
 * `statement`: a name of STATEMENTS, an index insert (`index_token*3`), or SQL.
 * Parameters that the writer fills in (`of resource`, `in log`) are there already, as null.
 */
export type Operation = readonly [statement: string, params: readonly Value[], expectation?: Expectation, note?: Note];

/** Operations that happen together or not at all. */
export interface WriteRequest {
  readonly id: number;
  /** A commit takes a place in the log, which is the first of its results. */
  readonly commit?: LoggedAt | undefined;
  readonly operations: readonly Operation[];
}

/** Whose commit it is, and when: a FHIR instant. */
export interface LoggedAt {
  readonly site: string;
  readonly at: string;
}

export type OperationResult = number | Table;

export type WriteAnswer =
  | { readonly id: number; readonly results: readonly OperationResult[] }
  | { readonly id: number; readonly refused: ErrorKind | 'defect'; readonly message: string };
