import type { ErrorKind } from '../../domain/errors.ts';
import type { Table, Value } from './database.ts';

/**
 * What must hold of one operation, or what is wanted back of it.
 * - `one`: exactly one row changed; else the whole request is refused with conflict (compare-and-set)
 * - `none`: the query finds nothing; else conflict
 * - `no-other-bytes`: the query finds nothing; else duplicate-instance
 * - `{ elsePass: n }`: when no row changed the next n operations are passed over
 * - `rowid`, `changes`, `rows`: given back, in order, as results of the request
 */
export type Expectation =
  | 'one'
  | 'none'
  | 'no-other-bytes'
  | 'rowid'
  | 'changes'
  | 'rows'
  | { readonly elsePass: number };

/** `statement`: a name of STATEMENTS, an index insert (`index_token*3`), or SQL. */
export type Operation = readonly [statement: string, params: readonly Value[], expectation?: Expectation];

/** Operations that happen together or not at all. */
export interface WriteRequest {
  readonly id: number;
  readonly operations: readonly Operation[];
}

export type OperationResult = number | Table;

export type WriteAnswer =
  | { readonly id: number; readonly results: readonly OperationResult[] }
  | { readonly id: number; readonly refused: ErrorKind | 'defect'; readonly message: string };
