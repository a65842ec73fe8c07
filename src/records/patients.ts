import type { StoredResource } from '../ports/index.ts';

/** Elements that say whom a resource is about, over the types of R4; each is a Reference or an array of them. */
const ABOUT = ['subject', 'patient', 'beneficiary', 'individual', 'for'] as const;
const PATIENT = /(?:^|\/)(Patient\/[A-Za-z0-9\-.]{1,64})(?:$|\/_history\/)/;

type Fields = Readonly<Record<string, unknown>>;

function patientOf(reference: unknown): string | undefined {
  if (typeof reference !== 'object' || reference === null) return undefined;
  const text = (reference as Fields).reference;
  return typeof text === 'string' ? PATIENT.exec(text)?.[1] : undefined;
}

/** Patient/ID of everyone a resource is about, itself if it is a Patient; for the audit row. */
export function patientsOf(resource: object, id: string): readonly string[] {
  const fields = resource as Fields;
  if (fields.resourceType === 'Patient') return [`Patient/${id}`];
  const found = new Set<string>();
  for (const name of ABOUT) {
    const value = fields[name];
    for (const reference of Array.isArray(value) ? value : [value]) {
      const patient = patientOf(reference);
      if (patient !== undefined) found.add(patient);
    }
  }
  return [...found];
}

/** As `patientsOf`, over stored versions; a deleted version names nobody but a Patient itself. */
export function patientsOfStored(rows: readonly StoredResource[]): readonly string[] {
  const found = new Set<string>();
  for (const row of rows) {
    if (row.resourceType === 'Patient') found.add(`Patient/${row.id}`);
    // A resource that names no patient at all need not be parsed.
    else if (row.json?.includes('Patient/')) {
      for (const patient of patientsOf(JSON.parse(row.json), row.id)) found.add(patient);
    }
  }
  return [...found];
}
