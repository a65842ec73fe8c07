import type { Change, IndexEntry, ResourceVersion } from '../../ports/index.ts';
import type { Value } from './database.ts';
import type { Operation } from './operation.ts';
import { assertNextVersion } from './plan-commit.ts';
import { INDEX_KINDS, INDEX_ROWS, type IndexKind, indexInsert } from './statements.ts';

/** The new version, its place in the history, and its index in place of that of the version before. */
export function planResource(site: string, { expected, row }: Change<ResourceVersion>): Operation[] {
  assertNextVersion(expected, row.versionId);
  const key = [site, row.resourceType, row.id];
  const json = row.resource === undefined ? null : (row.json ?? JSON.stringify(row.resource));
  const version: Value[] = [...key, row.versionId, row.lastUpdated, row.method, json];
  return [
    [expected === 0 ? 'create resource' : 'update resource', version, 'one'],
    ['keep version', key],
    ...(expected === 0 ? [] : INDEX_KINDS.map((kind): Operation => [`unindex_${kind}`, key])),
    ...INDEX_KINDS.flatMap((kind) => planIndex(kind, key, row.index)),
  ];
}

function planIndex(kind: IndexKind, key: readonly string[], index: readonly IndexEntry[]): Operation[] {
  const rows = index.filter((entry) => entry.kind === kind).map(valuesOf);
  const operations: Operation[] = [];
  for (let start = 0; start < rows.length; start += INDEX_ROWS) {
    const some = rows.slice(start, start + INDEX_ROWS);
    operations.push([indexInsert(kind, some.length), [...key, ...some.flat()]]);
  }
  return operations;
}

/** The name of the parameter, then the columns of INDEX_COLUMNS. */
function valuesOf(entry: IndexEntry): Value[] {
  switch (entry.kind) {
    case 'token':
      return [entry.param, entry.system ?? null, entry.code ?? null];
    case 'string':
      return [entry.param, entry.value, entry.folded];
    case 'date':
      return [entry.param, entry.low, entry.high];
    case 'quantity':
      return [entry.param, entry.low, entry.high, entry.system ?? null, entry.code ?? null];
    case 'reference':
      return [
        entry.param,
        entry.type ?? null,
        entry.id ?? null,
        entry.url ?? null,
        entry.system ?? null,
        entry.code ?? null,
      ];
    case 'uri':
      return [entry.param, entry.value];
  }
}
