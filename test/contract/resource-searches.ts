import { foldText } from '../../src/domain/fold-text.ts';
import type {
  Bounds,
  Comparator,
  Condition,
  IndexEntry,
  ResourceQuery,
  ResourceVersion,
  SortKey,
} from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { type OpenedStore, openedStore } from './opened-store.ts';

/** A resource to be stored as its first version; `index` is all that a search can find it by, beside id and time. */
export interface Searchable {
  readonly type?: string;
  readonly id: string;
  readonly index?: readonly IndexEntry[];
  readonly lastUpdated?: string;
}

export const AT = '2026-11-24T10:00:00.000Z';

export function versionOf({ type = 'Observation', id, index = [], lastUpdated = AT }: Searchable): ResourceVersion {
  const meta = { versionId: '1', lastUpdated };
  // The store keeps what it is given; it knows no profiles.
  const resource = { resourceType: type, id, meta } as unknown as NonNullable<ResourceVersion['resource']>;
  return { resourceType: type, id, versionId: 1, lastUpdated, method: 'POST', resource, index };
}

export const token = (param: string, code?: string, system?: string): IndexEntry => ({
  kind: 'token',
  param,
  ...(system !== undefined && { system }),
  ...(code !== undefined && { code }),
});
export const text = (param: string, value: string): IndexEntry => ({
  kind: 'string',
  param,
  value,
  folded: foldText(value),
});
export const date = (param: string, low: number, high = low): IndexEntry => ({ kind: 'date', param, low, high });
export const quantity = (low: number, high = low, code = 'mm3'): IndexEntry => ({
  kind: 'quantity',
  param: 'value-quantity',
  low,
  high,
  system: 'http://unitsofmeasure.org',
  code,
});
export const reference = (param: string, type: string, id: string): IndexEntry => ({
  kind: 'reference',
  param,
  type,
  id,
});
export const uri = (value: string): IndexEntry => ({ kind: 'uri', param: 'url', value });
export const bounds = (comparator: Comparator, low: number, high = low): Bounds => ({ comparator, low, high });
export const key = (param: string, kind: SortKey['kind'], descending = false): SortKey => ({ param, kind, descending });

export const queryOf = (given: Partial<ResourceQuery>): ResourceQuery => ({
  resourceType: 'Observation',
  where: [],
  sort: [key('_id', 'id')],
  count: 1000,
  offset: 0,
  total: false,
  ...given,
});

/** What the suites of searching do with a store. */
export interface SearchedStore extends OpenedStore {
  /** Stores the resources in a site of their own. */
  stored(resources: readonly Searchable[]): Promise<string>;
  idsOf(site: string, query: Partial<ResourceQuery>): Promise<string[]>;
  /** Stores one resource for each list of entries, named a, b, c, ..., and says which are found. */
  found(indexes: readonly (readonly IndexEntry[])[], ...where: readonly Condition[]): Promise<string>;
}

export function searchedStore(open: () => Promise<Store>): SearchedStore {
  const opened = openedStore(open);
  const { store, newSite } = opened;
  const put = async (site: string, resources: readonly Searchable[]): Promise<void> => {
    await store().ledger.commit({
      site,
      resources: resources.map((resource) => ({ expected: 0, row: versionOf(resource) })),
    });
  };
  const stored = async (resources: readonly Searchable[]): Promise<string> => {
    const site = newSite();
    await put(site, resources);
    return site;
  };
  const idsOf = async (site: string, query: Partial<ResourceQuery>): Promise<string[]> =>
    (await store().resources.search(site, queryOf(query))).rows.map(({ id }) => id);
  /** Stores one resource for each list of entries, named a, b, c, ..., and says which are found. */
  const found = async (indexes: readonly (readonly IndexEntry[])[], ...where: readonly Condition[]) => {
    const site = await stored(indexes.map((index, i) => ({ id: String.fromCharCode(97 + i), index })));
    return (await idsOf(site, { where })).join('');
  };
  return { ...opened, stored, idsOf, found };
}
