import type { Resource } from '@medplum/fhirtypes';

/** Names of elements of the types uri, url, canonical, uuid and oid, and of Reference.reference (R4 http 3.1.0.11.2). */
const LINKING = /^(?:reference|.*[uU]r[il]|value(?:Canonical|Uuid|Oid)|instantiates(?:Canonical|Uri)|parameterized)$/;
const LINK_IN_NARRATIVE = /(\b(?:href|src)\s*=\s*)(["'])([^"']*)\2/g;
const CONDITIONAL = /^([A-Z][A-Za-z]{1,63})\?(.+)$/s;

/** Says what a link is to become; undefined leaves it as it is. */
export type Rename = (link: string) => string | undefined;

function renameInNarrative(div: string, rename: Rename): string {
  return div.replace(LINK_IN_NARRATIVE, (whole, lead: string, quote: string, link: string) => {
    const target = rename(link);
    return target === undefined ? whole : `${lead}${quote}${target}${quote}`;
  });
}

function renamedText(text: string, name: string, rename: Rename): string {
  if (name === 'div') return renameInNarrative(text, rename);
  return LINKING.test(name) ? (rename(text) ?? text) : text;
}

function renamed(value: unknown, name: string, rename: Rename): unknown {
  if (typeof value === 'string') return renamedText(value, name, rename);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => renamed(item, name, rename));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  let copy: Record<string, unknown> | undefined;
  for (const [key, old] of Object.entries(value)) {
    const next = renamed(old, key, rename);
    if (next === old) continue;
    copy ??= { ...value };
    copy[key] = next;
  }
  return copy ?? value;
}

/**
 * The resource with every link renamed: references, URLs and the href and src of its narrative. What does not change is
 * shared with the original, which is never touched: a transaction that is tried again starts from what was sent.
 */
export function renameLinks<T extends Resource>(resource: T, rename: Rename): T {
  return renamed(resource, '', rename) as T;
}

/** Calls `see` with each Reference.reference of the value. */
export function eachReference(value: unknown, see: (reference: string) => void): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key === 'reference' && typeof item === 'string') see(item);
    else eachReference(item, see);
  }
}

/** "Patient?identifier=a|b" taken apart; undefined for any other reference (R4 http 3.1.0.11.3). */
export function conditionalReference(reference: string): { type: string; criteria: string } | undefined {
  const match = CONDITIONAL.exec(reference);
  return match ? { type: match[1]!, criteria: match[2]! } : undefined;
}

/**
 * Renames after a map from full URL to Type/id. A relative reference inside a resource that has a RESTful full URL means
 * the full URL beside it (R4 bundle 2.36.4.1): Observation at http://a/Observation/1 saying Patient/2 means
 * http://a/Patient/2.
 */
export function renameBy(targets: ReadonlyMap<string, string>, fullUrl: string | undefined): Rename {
  const base = fullUrl?.startsWith('http')
    ? /^(.*\/)[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/.exec(fullUrl)?.[1]
    : undefined;
  return (link) => {
    const [whole, fragment] = link.startsWith('urn:') ? link.split('#', 2) : [link, undefined];
    const target = targets.get(whole!) ?? (base === undefined ? undefined : targets.get(base + link));
    return target === undefined || fragment === undefined ? target : `${target}#${fragment}`;
  };
}
