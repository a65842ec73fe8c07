import { RESOURCE_TYPES, SERVER_WRITTEN, searchParametersOf } from '../fhir/search-parameters.ts';
import type { Condition, ResourceReader, RetentionReader, StoredResource } from '../ports/index.ts';
import { type NamedResource, named, provenanceOf } from './resource-facts.ts';

interface Readers {
  readonly resources: Pick<ResourceReader, 'get' | 'search' | 'history'>;
  readonly retention: Pick<RetentionReader, 'deletedResources'>;
}

const PAGE = 200;
/** Later than any instant. */
const ALWAYS = '9999-12-31T23:59:59.999Z';
/** Names of the parameters that say whom a resource is about, of those that may lead to a Patient. */
const ABOUT: readonly string[] = ['patient', 'subject', 'individual', 'beneficiary'];
const BINARY = /(?:^|\/)(Binary\/[A-Za-z0-9\-.]{1,64})$/;

/**
 * The Patients and everything that is about them: resources whose subject or patient they are by the index, the
 * Provenance of those, the Binaries that those attach; and what was deleted and once was one of these.
 * @param identities system|value of the identifiers that a deleted Patient is known by.
 */
export async function resourcesOfPatients(
  readers: Readers,
  site: string,
  patients: ReadonlySet<string>,
  identities: ReadonlySet<string>,
): Promise<Map<string, NamedResource>> {
  const all = new Set(patients);
  const found = new Map<string, NamedResource>();
  const add = ({ resourceType, id, json }: Pick<StoredResource, 'resourceType' | 'id' | 'json'>): void => {
    found.set(`${resourceType}/${id}`, { resourceType, id });
    for (const binary of json === undefined ? [] : binariesIn(JSON.parse(json))) found.set(binary, named(binary)!);
  };
  const deleted = await deletedOf(readers, site, all, identities);
  for (const reference of all) {
    const { id } = named(reference)!;
    if (await readers.resources.get(site, 'Patient', id)) found.set(reference, named(reference)!);
    for await (const row of aboutPatient(readers.resources, site, id)) add(row);
  }
  for (const row of deleted) add(row);
  for (const reference of Array.from(found.keys())) {
    if (reference.startsWith('Provenance/')) continue;
    for (const one of await provenanceOf(readers.resources, site, reference)) found.set(`Provenance/${one.id}`, one);
  }
  return found;
}

async function* aboutPatient(
  resources: Readers['resources'],
  site: string,
  id: string,
): AsyncGenerator<StoredResource> {
  for (const resourceType of RESOURCE_TYPES) {
    // The audit goes on naming the patient: see retention of the audit.
    if (resourceType === SERVER_WRITTEN) continue;
    for (const { name, type, targets } of searchParametersOf(resourceType).values()) {
      const isAbout =
        type === 'reference' && ABOUT.includes(name) && (targets.length === 0 || targets.includes('Patient'));
      if (!isAbout) continue;
      const where: Condition[] = [{ kind: 'reference', param: name, anyOf: [{ type: 'Patient', id }] }];
      for (let offset = 0; ; offset += PAGE) {
        const sort = [{ param: '_id', kind: 'id' as const, descending: false }];
        const page = await resources.search(site, { resourceType, where, sort, count: PAGE, offset, total: false });
        yield* page.rows;
        if (!page.more) break;
      }
    }
  }
}

/** Every version of what was deleted is there until its retention: Patients among them are added to `patients`. */
async function deletedOf(
  { resources, retention }: Readers,
  site: string,
  patients: Set<string>,
  identities: ReadonlySet<string>,
): Promise<readonly StoredResource[]> {
  const rows = new Map<string, StoredResource[]>();
  for (let after = ''; ; ) {
    const names = await retention.deletedResources(site, { before: ALWAYS, after, limit: PAGE });
    for (const name of names) rows.set(name, await versionsOf(resources, site, named(name)!));
    if (names.length < PAGE) break;
    after = names.at(-1)!;
  }
  for (const [name, versions] of rows) {
    const isTheirs = versions.some(({ json }) => identifiersOf(json ?? '{}').some((token) => identities.has(token)));
    if (name.startsWith('Patient/') && isTheirs) patients.add(name);
  }
  return [...rows.values()].flatMap((versions) =>
    versions.some(({ json }) => isAbout(json, patients)) ? versions : [],
  );
}

async function versionsOf(
  resources: Readers['resources'],
  site: string,
  { resourceType, id }: NamedResource,
): Promise<StoredResource[]> {
  const found: StoredResource[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const { rows, more } = await resources.history(site, { resourceType, id, count: PAGE, offset });
    found.push(...rows);
    if (!more) return found;
  }
}

function isAbout(json: string | undefined, patients: ReadonlySet<string>): boolean {
  if (json === undefined) return false;
  const resource = JSON.parse(json) as Readonly<Record<string, unknown>>;
  return ABOUT.some((element) => {
    const { reference } = (resource[element] ?? {}) as { readonly reference?: unknown };
    return typeof reference === 'string' && patients.has(reference);
  });
}

/** system|value of each identifier. */
export function identifiersOf(json: string): string[] {
  const { identifier } = JSON.parse(json) as { readonly identifier?: unknown };
  if (!Array.isArray(identifier)) return [];
  return identifier.flatMap((one: { readonly system?: unknown; readonly value?: unknown } | null) =>
    typeof one?.value === 'string' ? [`${typeof one.system === 'string' ? one.system : ''}|${one.value}`] : [],
  );
}

/** Attachments that lie here as resources of their own. */
function binariesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(binariesIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const binary = name === 'url' && typeof member === 'string' ? BINARY.exec(member)?.[1] : undefined;
    return binary === undefined ? binariesIn(member) : [binary];
  });
}
