import type { DeletionSubject, DicomIndex, InstanceRow, OutboxReader, RunReader, RunRow } from '../ports/index.ts';

/** Everything that speaks for or against the deletion of a study. */
export interface StudyFacts {
  readonly studyInstanceUid: string;
  readonly instances: readonly InstanceRow[];
  readonly runs: readonly RunRow[];
  /** For the legal holds: the study, its patient, and the resources that its runs speak of. */
  readonly subject: DeletionSubject;
  /** Patient/ID, as the runs know them. */
  readonly patients: readonly string[];
  /** A run works or waits, or something is still to be delivered. */
  readonly busy: boolean;
  /** When its newest run ended, or was made if it has not. */
  readonly ranAt: string | undefined;
}

export interface FactsDeps {
  readonly dicom: Pick<DicomIndex, 'instances'>;
  readonly runs: Pick<RunReader, 'list'>;
  readonly outbox: Pick<OutboxReader, 'ofRun'>;
}

const PAGE = 500;
const PATIENT_ID = '00100020';
const ISSUER_OF_PATIENT_ID = '00100021';

export async function factsOf(deps: FactsDeps, site: string, studyInstanceUid: string): Promise<StudyFacts> {
  const instances = await deps.dicom.instances(site, { studyInstanceUid });
  const runs = await allRuns(deps.runs, site, studyInstanceUid);
  const resources = new Set(runs.flatMap(({ result }) => (result ? [result.patient, result.diagnosticReport] : [])));
  const ends = runs.map(({ finishedAt, createdAt }) => finishedAt ?? createdAt).sort();
  return {
    studyInstanceUid,
    instances,
    runs,
    subject: { studies: [studyInstanceUid], patients: patientsOf(instances), resources: [...resources] },
    patients: [...resources].filter((reference) => reference.startsWith('Patient/')),
    busy: await isBusy(deps, site, runs),
    ranAt: ends.at(-1),
  };
}

async function allRuns(runs: Pick<RunReader, 'list'>, site: string, studyInstanceUid: string): Promise<RunRow[]> {
  const found: RunRow[] = [];
  for (;;) {
    const { rows } = await runs.list(site, { studyInstanceUid, limit: PAGE, offset: found.length });
    found.push(...rows);
    if (rows.length < PAGE) return found;
  }
}

async function isBusy({ outbox }: FactsDeps, site: string, runs: readonly RunRow[]): Promise<boolean> {
  if (runs.some(({ state }) => state === 'queued' || state === 'running')) return true;
  for (const { id } of runs) {
    if ((await outbox.ofRun(site, id)).some(({ state }) => state === 'pending')) return true;
  }
  return false;
}

/** Every patient that an instance names: studies may have been filed under two. */
function patientsOf(instances: readonly InstanceRow[]): NonNullable<DeletionSubject['patients']> {
  const found = new Map<string, { patientId: string; issuer?: string }>();
  for (const { attributes } of instances) {
    const patientId = textOf(attributes.study[PATIENT_ID]?.Value?.[0]);
    const issuer = textOf(attributes.study[ISSUER_OF_PATIENT_ID]?.Value?.[0]);
    if (patientId === '') continue;
    found.set(JSON.stringify([patientId, issuer]), { patientId, ...(issuer && { issuer }) });
  }
  return [...found.values()];
}

const textOf = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? `${value}` : '');
