import type { Resource } from '@medplum/fhirtypes';
import type { IndexEntry } from '../ports/index.ts';
import { entriesOf } from './search-entries.ts';
import { isSupportedType, type Place, type SearchParameter, searchParametersOf } from './search-parameters.ts';
import { typeReferredTo } from './search-references.ts';

type Values = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Values => typeof value === 'object' && value !== null;

/** The `where` of an expression: one system of contact points, or references to one type. */
function isWanted(value: unknown, { filter, target, dataType }: Place): boolean {
  if (filter !== undefined) return isObject(value) && value[filter.key] === filter.value;
  return target === undefined || dataType !== 'Reference' || (isObject(value) && typeReferredTo(value) === target);
}

/** Walks into the property, and through its array: FHIR nests no arrays. */
function visit(parent: Values, place: Place, depth: number, found: (value: unknown) => void): void {
  const value = parent[place.keys[depth]!];
  if (value === undefined || value === null) return;
  const isLast = depth === place.keys.length - 1;
  for (const one of Array.isArray(value) ? value : [value]) {
    if (isLast) {
      if (isWanted(one, place)) found(one);
    } else if (isObject(one)) visit(one, place, depth + 1, found);
  }
}

/** What the parameter finds in a resource, as it lies there; the datatype is the place's. */
export function valuesOf(resource: Resource, parameter: SearchParameter): { value: unknown; place: Place }[] {
  const values: { value: unknown; place: Place }[] = [];
  for (const place of parameter.places) {
    visit(resource as unknown as Values, place, 0, (value) => values.push({ value, place }));
  }
  return values;
}

function withoutRepetition(entries: IndexEntry[]): IndexEntry[] {
  if (entries.length < 2) return entries;
  return [...new Map(entries.map((entry) => [JSON.stringify(entry), entry])).values()];
}

function indexOfParameter(resource: Resource, parameter: SearchParameter, publicUrl: string | undefined): IndexEntry[] {
  const entries: IndexEntry[] = [];
  // Every person is alive or not: Patient.deceased is the one parameter that finds something where nothing is.
  if (parameter.places[0]?.target === 'exists') {
    const isTrue = valuesOf(resource, parameter).some(({ value }) => value !== false);
    return [{ kind: 'token', param: parameter.name, code: String(isTrue) }];
  }
  for (const place of parameter.places) {
    visit(resource as unknown as Values, place, 0, (value) => {
      entriesOf(parameter, place, value, publicUrl, entries);
    });
  }
  return withoutRepetition(entries);
}

/**
 * Everything by which a resource can be found but its id and the time of its update, which its row holds. Values that
 * are not what the definitions say are passed over: it throws nothing, whatever the resource. Contained resources are
 * not indexed. Quantities are points: JSON does not keep how many digits were written.
 *
 * @param publicUrl where the server says it is: absolute references below its FHIR base become relative ones.
 */
export function indexOf(resource: Resource, publicUrl?: string): IndexEntry[] {
  if (!isSupportedType(resource.resourceType)) return [];
  const entries: IndexEntry[] = [];
  for (const parameter of searchParametersOf(resource.resourceType).values()) {
    if (parameter.name === '_id' || parameter.name === '_lastUpdated' || parameter.type === 'composite') continue;
    const found = indexOfParameter(resource, parameter, publicUrl);
    for (const entry of found) entries.push(entry);
  }
  return entries;
}

/**
 * The local resources to which a resource refers by a search parameter, each once; for `_include`.
 * Empty where the type has no such parameter of type reference.
 */
export function referencesOf(
  resource: Resource,
  name: string,
  publicUrl?: string,
): { readonly type: string; readonly id: string }[] {
  if (!isSupportedType(resource.resourceType)) return [];
  const parameter = searchParametersOf(resource.resourceType).get(name);
  if (parameter?.type !== 'reference') return [];
  return indexOfParameter(resource, parameter, publicUrl).flatMap((entry) =>
    entry.kind === 'reference' && entry.type !== undefined && entry.id !== undefined
      ? [{ type: entry.type, id: entry.id }]
      : [],
  );
}
