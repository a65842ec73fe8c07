import type { DeletionSubject, ResourceReader, RunRow } from '../ports/index.ts';

export interface NamedResource {
  readonly resourceType: string;
  readonly id: string;
}

const MOST = 200;
const URN_OID = 'urn:oid:';
const REFERENCE = /^(?<type>[A-Z][A-Za-z]+)\/(?<id>[A-Za-z0-9\-.]{1,64})$/;

export function named(reference: string): NamedResource | undefined {
  const found = REFERENCE.exec(reference)?.groups;
  return found && { resourceType: found.type!, id: found.id! };
}

/** Every relative reference anywhere in a resource. */
function referencesIn(value: unknown, found: Set<string> = new Set()): Set<string> {
  if (Array.isArray(value)) for (const member of value) referencesIn(member, found);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (name === 'reference' && typeof member === 'string' && REFERENCE.test(member)) found.add(member);
      else referencesIn(member, found);
    }
  }
  return found;
}

/**
 * The FHIR side of a result: its report, what the report points to as its results, the ImagingStudy, and the Provenance
 * of the report. A reference that somebody put there by hand takes nothing with it that is about another patient.
 */
export async function resourcesOfRuns(
  reader: Pick<ResourceReader, 'get' | 'search'>,
  site: string,
  runs: readonly RunRow[],
): Promise<readonly NamedResource[]> {
  const found = new Map<string, NamedResource>();
  const patients = new Set(runs.flatMap(({ result }) => (result ? [result.patient] : [])));
  const isTheirs = (json: string): boolean => {
    const subject = (JSON.parse(json) as { readonly subject?: { readonly reference?: unknown } }).subject?.reference;
    return typeof subject === 'string' && patients.has(subject);
  };
  const add = async (reference: string, types: readonly string[]): Promise<string | undefined> => {
    const name = named(reference);
    if (!name || !types.includes(name.resourceType) || found.has(reference)) return undefined;
    const json = (await reader.get(site, name.resourceType, name.id))?.json;
    if (json === undefined || !isTheirs(json)) return undefined;
    found.set(reference, name);
    return json;
  };
  for (const reference of new Set(runs.flatMap(({ result }) => (result ? [result.diagnosticReport] : [])))) {
    const json = await add(reference, ['DiagnosticReport']);
    if (json === undefined) continue;
    for (const other of referencesIn(JSON.parse(json))) await add(other, ['Observation', 'ImagingStudy']);
    for (const provenance of await provenanceOf(reader, site, reference)) {
      found.set(`Provenance/${provenance.id}`, provenance);
    }
  }
  return [...found.values()];
}

/** Of a resource by Type/ID. */
export async function provenanceOf(
  reader: Pick<ResourceReader, 'search'>,
  site: string,
  reference: string,
): Promise<readonly NamedResource[]> {
  const { resourceType: type, id } = named(reference)!;
  const { rows } = await reader.search(site, {
    resourceType: 'Provenance',
    where: [{ kind: 'reference', param: 'target', anyOf: [{ type, id }] }],
    sort: [{ param: '_id', kind: 'id', descending: false }],
    count: MOST,
    offset: 0,
    total: false,
  });
  return rows.map((row) => ({ resourceType: 'Provenance', id: row.id }));
}

/**
 * Whom a resource concerns: itself, everything it ever referred to, the PatientIDs of its Patients and the studies of its
 * ImagingStudies; for the legal holds.
 */
export async function subjectWithPatients(
  reader: Pick<ResourceReader, 'history'>,
  site: string,
  resource: NamedResource,
): Promise<DeletionSubject> {
  const subject = { resources: new Set<string>(), patientIds: new Set<string>(), studies: new Set<string>() };
  await gather(reader, site, resource, subject);
  // One step and no further: a copy, as the set grows.
  const direct = [...subject.resources];
  for (const reference of direct) {
    const other = named(reference)!;
    const tells = other.resourceType === 'Patient' || other.resourceType === 'ImagingStudy';
    if (tells && other.id !== resource.id) await gather(reader, site, other, subject);
  }
  return {
    resources: [...subject.resources],
    patients: [...subject.patientIds].map((patientId) => ({ patientId })),
    studies: [...subject.studies],
  };
}

interface Gathered {
  readonly resources: Set<string>;
  readonly patientIds: Set<string>;
  readonly studies: Set<string>;
}

async function gather(
  reader: Pick<ResourceReader, 'history'>,
  site: string,
  { resourceType, id }: NamedResource,
  { resources, patientIds, studies }: Gathered,
): Promise<void> {
  resources.add(`${resourceType}/${id}`);
  for (let offset = 0; ; offset += MOST) {
    const { rows, more } = await reader.history(site, { resourceType, id, count: MOST, offset });
    for (const { json } of rows) {
      if (json === undefined) continue;
      const resource: unknown = JSON.parse(json);
      referencesIn(resource, resources);
      for (const value of identifiersOf(resource)) {
        if (value.startsWith(URN_OID)) studies.add(value.slice(URN_OID.length));
        // An issuer is written in too many ways to tell patients apart by it.
        if (resourceType === 'Patient') patientIds.add(value);
      }
    }
    if (!more) return;
  }
}

function identifiersOf(resource: unknown): string[] {
  const { identifier } = resource as { readonly identifier?: unknown };
  if (!Array.isArray(identifier)) return [];
  return identifier.flatMap((one: { readonly value?: unknown } | null) =>
    typeof one?.value === 'string' ? [one.value] : [],
  );
}
