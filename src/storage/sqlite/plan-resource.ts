import { NeuroInsightError } from '../../domain/errors.ts';
import type { Change, IndexEntry, ResourceVersion } from '../../ports/index.ts';
import type { Value } from './database.ts';
import { MOST_ENTRIES, scopeOf } from './index-scope.ts';
import type { Operation } from './operation.ts';
import { assertNextVersion } from './plan-commit.ts';
import type { MacKey } from './row-mac.ts';
import { sealOf } from './sealed-rows.ts';
import { INDEX_KINDS, INDEX_ROWS, type IndexKind, indexInsert, indexRemoval } from './statements.ts';

/** The new version, its place in the history, and its index in place of that of the version before. */
export function planResource(site: string, { expected, row }: Change<ResourceVersion>, key: MacKey): Operation[] {
  assertNextVersion(expected, row.versionId);
  const { resourceType: type, id, versionId: version, lastUpdated: last_updated, method } = row;
  const json = row.resource === undefined ? null : (row.json ?? JSON.stringify(row.resource));
  const mac = sealOf(key, 'resource', { site, type, id, version, last_updated, method, json });
  const values: Value[] = [site, type, id, version, last_updated, method, json, mac];
  const action = json === null ? 'delete' : expected === 0 ? 'create' : 'update';
  const note = { said: { kind: 'resource', action, key: `${type}/${id}`, version, mac } } as const;
  return [
    expected === 0
      ? ['create resource', values, 'new resource', note]
      : ['update resource', values, 'known resource', note],
    ['add version', [...values, null], 'in log'],
    ...(expected === 0 ? [] : INDEX_KINDS.map((kind): Operation => [indexRemoval(kind), [null], 'of resource'])),
    ...planIndex(site, type, row.index),
  ];
}

function planIndex(site: string, type: string, index: readonly IndexEntry[]): Operation[] {
  if (index.length > MOST_ENTRIES) throw new NeuroInsightError('limit-exceeded', 'a resource has too many values');
  const rows = new Map<IndexKind, Value[][]>();
  for (const entry of index) {
    const values = [scopeOf(site, type, entry.param), ...valuesOf(entry)];
    const ofKind = rows.get(entry.kind);
    if (ofKind) ofKind.push(values);
    else rows.set(entry.kind, [values]);
  }
  const operations: Operation[] = [];
  for (const [kind, ofKind] of rows) {
    for (let start = 0; start < ofKind.length; start += INDEX_ROWS) {
      const some = ofKind.slice(start, start + INDEX_ROWS);
      operations.push([indexInsert(kind, some.length), [null, start, ...some.flat()], 'of resource']);
    }
  }
  return operations;
}

/** The columns of INDEX_COLUMNS. */
function valuesOf(entry: IndexEntry): Value[] {
  switch (entry.kind) {
    case 'token':
      return [entry.system ?? null, entry.code ?? null];
    case 'string':
      return [entry.value, entry.folded];
    case 'date':
      return [entry.low, entry.high];
    case 'quantity':
      return [entry.low, entry.high, entry.system ?? null, entry.code ?? null];
    case 'reference':
      return [entry.type ?? null, entry.id ?? null, entry.url ?? null, entry.system ?? null, entry.code ?? null];
    case 'uri':
      return [entry.value];
  }
}
