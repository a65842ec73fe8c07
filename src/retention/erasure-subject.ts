import { NeuroInsightError } from '../domain/errors.ts';
import { patientIdentifier } from '../fhir/patient-resource.ts';
import type { DicomIndex, ResourceReader, RetentionReader, RunReader } from '../ports/index.ts';
import { identifiersOf, resourcesOfPatients } from './patient-resources.ts';
import { type NamedResource, named, resourcesOfRuns } from './resource-facts.ts';
import { type FactsDeps, factsOf, type StudyFacts } from './study-facts.ts';

/** Whom an erasure is about, by the one name or the other. */
export type ErasureSubject =
  /**
   * PatientID (0010,0020) with IssuerOfPatientID (0010,0021); issuer '': those without one; absent: whichever, if there
   * is only one.
   */
  | { readonly patientId: string; readonly issuer?: string; readonly patient?: undefined }
  /** Patient/ID. */
  | { readonly patient: string; readonly patientId?: undefined };

export interface SubjectDeps extends FactsDeps {
  readonly dicom: Pick<DicomIndex, 'instances' | 'query'>;
  readonly runs: Pick<RunReader, 'list'>;
  readonly resources: Pick<ResourceReader, 'get' | 'search' | 'history'>;
  readonly retention: Pick<RetentionReader, 'deletedResources'>;
}

/** Everything that a site keeps of a patient. */
export interface PatientFacts {
  readonly studies: readonly StudyFacts[];
  readonly resources: readonly NamedResource[];
  /** Every identity of the patient by which a legal hold may have been placed. */
  readonly identities: readonly { readonly patientId: string; readonly issuer?: string }[];
}

/** system|value of an identifier. */
type Token = string;

const PAGE = 200;
const LONGEST_ID = 64;
const UID_OF_STUDY = /^urn:oid:(?<uid>[0-9.]{1,64})$/;

/**
 * Finds all of a patient: studies by PatientID and issuer, and those whose runs speak of the Patient; the Patient by its
 * identifiers, and every resource whose subject or patient it is or was.
 * @throws multiple-matches when it is not clear which of several people is meant; invalid-request.
 */
export async function patientFactsOf(deps: SubjectDeps, site: string, subject: ErasureSubject): Promise<PatientFacts> {
  requireSubject(subject);
  const meant = await tokensMeant(deps, site, subject);
  const studies: StudyFacts[] = [];
  for (const value of new Set([...meant].map(textOf))) {
    for (const facts of await studiesNaming(deps, site, value)) {
      if (tokensOfStudy(facts).some((owner) => meant.has(owner))) studies.push(facts);
    }
  }
  // Not by every identifier of a Patient that was named: families share insurance numbers.
  const identities = new Set([...(subject.patient === undefined ? meant : []), ...studies.flatMap(tokensOfStudy)]);
  const patients = new Set([
    ...(subject.patient === undefined ? [] : [subject.patient]),
    ...studies.flatMap((facts) => facts.patients),
    ...(await patientsWith(deps.resources, site, identities)),
  ]);
  const resources = await resourcesOfPatients(deps, site, patients, identities);
  const runs = studies.flatMap((facts) => facts.runs);
  for (const one of await resourcesOfRuns(deps.resources, site, runs)) {
    resources.set(`${one.resourceType}/${one.id}`, one);
  }
  const byName = [...meant].map((token) => ({ patientId: textOf(token) }));
  return { studies, resources: [...resources.values()], identities: [...byName, ...studies.flatMap(ownersOf)] };
}

function requireSubject({ patientId, patient }: ErasureSubject): void {
  const fits =
    patient === undefined
      ? patientId.trim() !== '' && patientId.length <= LONGEST_ID
      : patientId === undefined && named(patient)?.resourceType === 'Patient';
  if (!fits) throw new NeuroInsightError('invalid-request', 'an erasure is of a PatientID or of a Patient');
}

interface Owner {
  readonly patientId: string;
  readonly issuer?: string;
}

const ownersOf = ({ subject }: StudyFacts): readonly Owner[] => subject.patients ?? [];

const textOf = (token: Token): string => token.slice(token.indexOf('|') + 1);

/** Of a study without a PatientID the study stands for the patient. */
const tokensOfStudy = (facts: StudyFacts): readonly Token[] => {
  const owners = ownersOf(facts);
  return (owners.length === 0 ? [{ patientId: '' }] : owners).map((owner) => tokenOf(owner, facts.studyInstanceUid));
};

function tokenOf({ patientId, issuer }: Owner, studyInstanceUid: string): Token {
  const header = { patientId, ...(issuer && { issuerOfPatientId: issuer }) };
  const { system, value } = patientIdentifier(header, studyInstanceUid);
  return `${system}|${value}`;
}

/**
 * The identifiers that are the patient's. A PatientID without an issuer is that of the only issuer that uses it here.
 * @throws multiple-matches
 */
async function tokensMeant(deps: SubjectDeps, site: string, subject: ErasureSubject): Promise<ReadonlySet<Token>> {
  if (subject.patient !== undefined) return new Set(await tokensOf(deps.resources, site, subject.patient));
  const { issuer } = subject;
  const patientId = subject.patientId.trim();
  if (issuer !== undefined) return new Set([tokenOf({ patientId, issuer }, '')]);
  const found = new Set<Token>(await tokensNaming(deps.resources, site, patientId));
  for (const facts of await studiesNaming(deps, site, patientId)) {
    for (const token of tokensOfStudy(facts)) if (textOf(token) === patientId) found.add(token);
  }
  if (found.size > 1) {
    const message = 'several issuers use this PatientID: name the issuer, or none by an empty one';
    throw new NeuroInsightError('multiple-matches', message);
  }
  return found.size === 0 ? new Set([tokenOf({ patientId }, '')]) : found;
}

/** Studies with the PatientID, under whichever issuer; more may be found. */
async function studiesNaming(deps: SubjectDeps, site: string, patientId: string): Promise<readonly StudyFacts[]> {
  const uid = UID_OF_STUDY.exec(patientId)?.groups?.uid;
  const where =
    uid === undefined
      ? // A wildcard of the index stands for any character, and so for itself.
        ({ kind: 'text', keyword: 'PatientID', pattern: patientId.replaceAll(/[*?]/g, '?') } as const)
      : ({ kind: 'uid', keyword: 'StudyInstanceUID', anyOf: [uid] } as const);
  const found: StudyFacts[] = [];
  for (;;) {
    const rows = await deps.dicom.query(site, { level: 'study', where: [where], limit: PAGE, offset: found.length });
    for (const { studyInstanceUid } of rows) found.push(await factsOf(deps, site, studyInstanceUid));
    if (rows.length < PAGE) return found;
  }
}

/** The identifiers that a Patient has or ever had. */
async function tokensOf(reader: SubjectDeps['resources'], site: string, reference: string): Promise<Token[]> {
  const { resourceType, id } = named(reference)!;
  const found: Token[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const { rows, more } = await reader.history(site, { resourceType, id, count: PAGE, offset });
    for (const { json } of rows) found.push(...(json === undefined ? [] : identifiersOf(json)));
    if (!more) return found;
  }
}

/** The identifiers with this value of any current Patient. */
async function tokensNaming(reader: SubjectDeps['resources'], site: string, value: string): Promise<Token[]> {
  const rows = await patientsBy(reader, site, { code: value });
  return rows.flatMap(({ json }) => identifiersOf(json ?? '{}')).filter((token) => textOf(token) === value);
}

async function patientsWith(
  reader: SubjectDeps['resources'],
  site: string,
  tokens: ReadonlySet<Token>,
): Promise<string[]> {
  const found: string[] = [];
  for (const token of tokens) {
    const at = token.indexOf('|');
    const rows = await patientsBy(reader, site, { system: token.slice(0, at), code: token.slice(at + 1) });
    found.push(...rows.map(({ id }) => `Patient/${id}`));
  }
  return found;
}

async function patientsBy(
  reader: SubjectDeps['resources'],
  site: string,
  token: { readonly system?: string; readonly code: string },
) {
  const { rows } = await reader.search(site, {
    resourceType: 'Patient',
    where: [{ kind: 'token', param: 'identifier', anyOf: [token] }],
    sort: [{ param: '_id', kind: 'id', descending: false }],
    count: PAGE,
    offset: 0,
    total: false,
  });
  return rows;
}
