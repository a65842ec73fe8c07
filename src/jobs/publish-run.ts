import type { Bundle } from '@medplum/fhirtypes';
import { NeuroInsightError } from '../domain/errors.ts';
import { deriveUid, deriveUuid } from '../domain/identity.ts';
import { fullUrlOf } from '../fhir/result-context.ts';
import type {
  AnalysisOutcome,
  AuditTrail,
  BlobLocation,
  Change,
  Clock,
  Commit,
  Destination,
  InstanceRow,
  OutboxPayload,
  OutboxReader,
  OutboxRow,
  Principal,
  ResourceQuery,
  ResourceVersion,
  RunLogLine,
  RunReader,
  RunResult,
  RunRow,
} from '../ports/index.ts';
import type { RunLease } from './run-lease.ts';
import { finishRun } from './run-rows.ts';

type SealedPacks = Required<Pick<Commit, 'packs' | 'studyKeys'>>;

/** DICOM results written to a pack but pointed to by no row yet. */
export interface PreparedResults {
  readonly rows: readonly InstanceRow[];
  /** Puts further bytes into the same pack, so that the instances' rows keep it from the sweep. Before `seal`. */
  append(bytes: Uint8Array): Promise<BlobLocation>;
  /** Resolves when the packs survive a power cut, to what the commit must hold of them. */
  seal(): Promise<SealedPacks>;
  discard(): Promise<void>;
}

/** What publishing needs of the archive. */
export interface ResultArchive {
  prepareInstances(site: string, files: readonly Uint8Array[], receivedFrom: string): Promise<PreparedResults>;
}

/** What publishing needs of the records: the changes of a transaction, to be committed with everything else. */
export interface ResultRecords {
  prepareTransaction(
    principal: Principal,
    bundle: Bundle,
  ): Promise<{
    readonly resources: readonly Change<ResourceVersion>[];
    readonly noneMatching: readonly ResourceQuery[];
    /** Full URL of an entry to Type/id. */
    readonly references: ReadonlyMap<string, string>;
  }>;
}

export interface PublishDeps {
  readonly results: ResultArchive;
  readonly records: ResultRecords;
  readonly runs: RunReader;
  readonly outbox: Pick<OutboxReader, 'get'>;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly destinations: readonly Pick<Destination, 'name' | 'kind'>[];
}

const REPETITIONS = 5;
const DICOM_RESULT = /\.dcm$/;

/** The job as the one who acts, for the audit and for the records it writes. */
export function analysisPrincipal(site: string): Principal {
  return { kind: 'job', id: 'analysis', name: 'analysis', site, scopes: 'system/*.cruds', address: undefined };
}

/** What one commit adds beside the change of the run. */
interface Publication {
  readonly result: RunResult;
  readonly files: RunRow['files'];
  readonly date: string;
  readonly instances: readonly InstanceRow[];
  readonly sealed: SealedPacks;
  readonly resources: readonly Change<ResourceVersion>[];
  readonly noneMatching: readonly ResourceQuery[];
  readonly repeated: boolean;
}

/**
 * Makes the results everybody's: instances, FHIR resources, files, outbox and the run's end in one commit, so that
 * they are there whole or not at all. A conflict (somebody made the same Patient meanwhile, the row moved on) prepares
 * the FHIR side anew and tries again. Where an earlier run made equal results, those stand and this one points to them.
 * Throws conflict, storage-full, and what the two dependencies throw; then nothing is published.
 */
export async function publishRun(deps: PublishDeps, lease: RunLease, outcome: AnalysisOutcome): Promise<RunRow> {
  let pack: WrittenPack | undefined;
  try {
    for (let left = REPETITIONS; ; left--) {
      lease.signal.throwIfAborted();
      const earlier = await deps.runs.findByAnalysisKey(lease.site, outcome.result.runKey);
      if (!earlier?.result) pack ??= await writePack(deps, lease, outcome);
      const publication = earlier?.result
        ? repetitionOf(earlier, earlier.result)
        : await firstPublication(deps, lease, outcome, pack!);
      const outbox = await outboxOf(deps, lease, outcome, publication);
      lease.signal.throwIfAborted();
      try {
        const row = await commitPublication(deps, lease, publication, outbox);
        if (publication.repeated) await pack?.prepared.discard().catch(() => undefined);
        return row;
      } catch (error) {
        const conflict = error instanceof NeuroInsightError && error.kind === 'conflict';
        if (!conflict || left === 0) throw error;
      }
    }
  } catch (error) {
    // Only a foreseen error says for sure that no row points into the pack; otherwise the sweep decides.
    if (error instanceof NeuroInsightError) await pack?.prepared.discard().catch(() => undefined);
    throw error;
  }
}

interface WrittenPack {
  readonly prepared: PreparedResults;
  readonly files: RunRow['files'];
  readonly sealed: SealedPacks;
}

async function writePack(
  { results }: PublishDeps,
  { site, row }: RunLease,
  outcome: AnalysisOutcome,
): Promise<WrittenPack> {
  const dicom = outcome.files.filter(({ name }) => DICOM_RESULT.test(name));
  const prepared = await results.prepareInstances(
    site,
    dicom.map(({ bytes }) => bytes),
    `run/${row().id}`,
  );
  try {
    const files: Record<string, BlobLocation> = {};
    for (const { name, bytes } of outcome.files) {
      if (!DICOM_RESULT.test(name)) files[name] = await prepared.append(bytes);
    }
    return { prepared, files, sealed: await prepared.seal() };
  } catch (error) {
    await prepared.discard().catch(() => undefined);
    throw error;
  }
}

async function firstPublication(
  { records }: PublishDeps,
  { site }: RunLease,
  { result, files }: AnalysisOutcome,
  pack: WrittenPack,
): Promise<Publication> {
  const bundle = files.find(({ name }) => name === 'bundle.json');
  if (bundle === undefined) throw new Error('an analysis made no bundle.json');
  const parsed: Bundle = JSON.parse(Buffer.from(bundle.bytes).toString('utf8'));
  const { resources, noneMatching, references } = await records.prepareTransaction(analysisPrincipal(site), parsed);
  const referenceTo = (purpose: string): string => {
    const reference = references.get(fullUrlOf(result.runKey, purpose));
    if (reference === undefined) throw new Error(`the transaction names no ${purpose}`);
    return reference;
  };
  return {
    result: {
      analysisKey: result.runKey,
      segSopInstanceUid: result.identifiers.segUid,
      srSopInstanceUid: result.identifiers.srUid,
      pdfSopInstanceUid: result.identifiers.pdfUid,
      diagnosticReport: referenceTo('report'),
      patient: referenceTo('patient'),
      leftVolumeMm3: result.left.volumeMm3,
      rightVolumeMm3: result.right.volumeMm3,
      qualityVerdict: result.quality.verdict,
    },
    files: pack.files,
    date: result.createdAt,
    instances: pack.prepared.rows,
    sealed: pack.sealed,
    resources,
    noneMatching,
    repeated: false,
  };
}

/** The results are there already, byte for byte: nothing is written but that this run has them too. */
function repetitionOf({ files, date }: RunRow, result: RunResult): Publication {
  const sealed = { packs: [], studyKeys: [] };
  return { result, files, date, instances: [], sealed, resources: [], noneMatching: [], repeated: true };
}

/** One row a destination; its id derives from the analysis, so that a repetition finds it and sends nothing twice. */
async function outboxOf(
  { outbox, destinations, clock }: PublishDeps,
  { site, row }: RunLease,
  { result, files }: AnalysisOutcome,
  publication: Publication,
): Promise<readonly Change<OutboxRow>[]> {
  const now = clock.now().toISOString();
  const overlays = files.filter(({ name }) => name.startsWith('overlay/')).length;
  const { segUid, srUid, pdfUid } = result.identifiers;
  const captures = Array.from({ length: overlays }, (_, index) => deriveUid(result.runKey, `sc-${index + 1}`));
  const payloads: Record<Destination['kind'], OutboxPayload> = {
    dicomweb: {
      kind: 'dicom',
      studyInstanceUid: row().studyInstanceUid,
      sopInstanceUids: [segUid, srUid, pdfUid, ...captures],
    },
    fhir: { kind: 'fhir', bundle: publication.files['bundle.json']! },
  };
  const changes: Change<OutboxRow>[] = [];
  for (const { name, kind } of destinations) {
    const id = deriveUuid(result.runKey, `outbox-${name}`);
    if (await outbox.get(site, id)) continue;
    const pending: OutboxRow = {
      id,
      key: `${result.runKey}/${name}`,
      destination: name,
      runId: row().id,
      payload: payloads[kind],
      state: 'pending',
      version: 1,
      createdAt: now,
      notBefore: now,
      attempt: 0,
      leaseToken: undefined,
      leaseUntil: undefined,
      deliveredAt: undefined,
      lastError: undefined,
      traceparent: row().traceparent,
    };
    changes.push({ expected: 0, row: pending });
  }
  return changes;
}

function commitPublication(
  { audit, clock }: PublishDeps,
  lease: RunLease,
  publication: Publication,
  outbox: readonly Change<OutboxRow>[],
): Promise<RunRow> {
  const now = clock.now();
  const { result, files, date, instances, sealed, resources, noneMatching, repeated } = publication;
  const { id, studyInstanceUid } = lease.row();
  const line = (message: string): RunLogLine => ({ runId: id, at: now.toISOString(), level: 'info', message });
  const said = repeated
    ? 'an earlier run made the same results; they stand'
    : `published ${instances.length} DICOM objects and ${resources.length} FHIR resources`;
  const waiting = outbox.map(({ row }) => row.destination).join(', ');
  return lease.writeOnce(
    (row) =>
      finishRun(row, lease.token, { state: outbox.length > 0 ? 'built' : 'completed', result, files, date }, now),
    {
      instances,
      ...sealed,
      resources,
      noneMatching,
      outbox,
      runLog: [line(said), ...(waiting === '' ? [] : [line(`to be delivered to ${waiting}`)])],
      audit: [
        audit.rowOf({
          principal: analysisPrincipal(lease.site),
          action: 'E',
          interaction: 'job/analyse',
          patients: [result.patient],
          entities: [`Task/${id}`, `urn:oid:${studyInstanceUid}`, result.diagnosticReport],
        }),
      ],
    },
  );
}
