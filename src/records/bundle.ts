import type { Bundle, BundleEntry } from '@medplum/fhirtypes';
import { NeuroInsightError, rowFor } from '../domain/errors.ts';
import { operationOutcomeOf } from '../fhir/operation-outcome.ts';
import type { Access, Change, Principal, ResourceQuery, ResourceVersion, StoredResource } from '../ports/index.ts';
import { audited } from './audited.ts';
import { atEntry, batchRequests, bundleType, type EntryRequest, isRead, paramsOf } from './bundle-request.ts';
import { bundleText, etagOf, type TextBundle, type TextEntry, versionPathOf } from './bundle-text.ts';
import { untilSettled } from './conditional.ts';
import type { RecordsDeps, WriteOutcome, Written } from './deps.ts';
import { inChunks } from './in-chunks.ts';
import { history, read, readVersion } from './read.ts';
import { search } from './search.ts';
import { type PlannedEntry, planTransaction, type TransactionPlan } from './transaction-plan.ts';
import { create, remove, removeWhere, update, updateWhere } from './write.ts';

export interface BundleOptions {
  /** Leaves the resources out of the answer: Prefer: return=minimal. */
  readonly minimal?: boolean;
}

/** What a transaction changes, for a commit that holds more than that. */
export interface PreparedTransaction {
  readonly resources: readonly Change<ResourceVersion>[];
  readonly noneMatching: readonly ResourceQuery[];
  /** Full URL of an entry to Type/id. */
  readonly references: ReadonlyMap<string, string>;
  /** Patient/ID of everyone concerned, and Type/id of everything written or found: for the audit row. */
  readonly patients: readonly string[];
  readonly entities: readonly string[];
  /** As it is answered once the commit is there. */
  readonly response: Bundle;
}

const STATUS: Readonly<Record<WriteOutcome, string>> = {
  created: '201 Created',
  updated: '200 OK',
  unchanged: '200 OK',
  found: '200 OK',
  deleted: '204 No Content',
  absent: '204 No Content',
};

function writtenEntry({ outcome, stored }: Written, { minimal = false }: BundleOptions): TextEntry {
  if (!stored) return { response: { status: STATUS[outcome] } };
  const { versionId, lastUpdated: lastModified, json } = stored;
  const version = { etag: etagOf(versionId), lastModified };
  if (json === undefined) return { response: { status: STATUS[outcome], ...version } };
  return {
    ...(minimal ? {} : { resource: json }),
    response: { status: STATUS[outcome], location: versionPathOf(stored), ...version },
  };
}

function readEntry(stored: StoredResource): TextEntry {
  const { versionId, lastUpdated: lastModified, json } = stored;
  return { resource: json!, response: { status: '200 OK', etag: etagOf(versionId), lastModified } };
}

/** Answers a GET entry: Type/id, Type?query, and the histories. */
async function answerRead(deps: RecordsDeps, principal: Principal, request: EntryRequest): Promise<TextEntry> {
  const [type = '', ...rest] = request.path;
  const params = paramsOf(request);
  const [first, second, third] = rest;
  const bundle = (text: TextBundle): TextEntry => ({ resource: bundleText(text), response: { status: '200 OK' } });
  if (rest.length === 0) return bundle(await search(deps, principal, type, params));
  if (rest.length === 1 && first === '_history') return bundle(await history(deps, principal, { type }, params));
  if (rest.length === 1) return readEntry(await read(deps, principal, type, first!));
  if (rest.length === 2 && second === '_history') {
    return bundle(await history(deps, principal, { type, id: first! }, params));
  }
  if (rest.length === 3 && second === '_history') {
    return readEntry(await readVersion(deps, principal, type, first!, third!));
  }
  throw new NeuroInsightError('not-found', 'There is nothing at this address');
}

async function answerWrite(deps: RecordsDeps, principal: Principal, request: EntryRequest): Promise<Written> {
  const { method, path, query, resource, ifNoneExist, ifMatch } = request;
  const [type = '', id] = path;
  const options = ifMatch === undefined ? {} : { ifMatch };
  if (path.length > 2) throw new NeuroInsightError('not-found', 'There is nothing at this address');
  if (method === 'POST' && id === undefined) {
    return create(deps, principal, type, resource, ifNoneExist === undefined ? {} : { ifNoneExist });
  }
  if (method === 'PUT' && id !== undefined) return update(deps, principal, type, id, resource, options);
  if (method === 'PUT' && query !== '') return updateWhere(deps, principal, type, query, resource, options);
  if (method === 'DELETE' && id !== undefined) return remove(deps, principal, type, id, options);
  if (method === 'DELETE' && query !== '') return removeWhere(deps, principal, type, query);
  throw new NeuroInsightError('method-not-allowed', 'This address does not take the method');
}

/** An outcome in the answer is made of foreseen errors; a defect says nothing about itself. */
function failedEntry(error: unknown): TextEntry {
  return { response: { status: String(rowFor(error).status), outcome: operationOutcomeOf(error) } };
}

async function answerAny(
  deps: RecordsDeps,
  principal: Principal,
  request: EntryRequest | NeuroInsightError,
  options: BundleOptions,
): Promise<TextEntry> {
  try {
    if (request instanceof NeuroInsightError) throw request;
    if (isRead(request)) return await answerRead(deps, principal, request);
    return writtenEntry(await answerWrite(deps, principal, request), options);
  } catch (error) {
    return failedEntry(error);
  }
}

/** Entries of a batch that are worked on at once: their commits become durable together. */
const BATCH_AT_ONCE = 8;

/** Text that the reads of one bundle may add up to: a few lines can ask for everything, thousands of times. */
const MOST_READ = 64 * 2 ** 20;

/** What the reads of one answer may still hold. */
interface Room {
  left: number;
}

/** A read, as long as there is room for what it finds. */
async function answerReadWithin(
  deps: RecordsDeps,
  principal: Principal,
  request: EntryRequest,
  room: Room,
): Promise<TextEntry> {
  if (room.left > 0) {
    const entry = await answerAny(deps, principal, request, {});
    room.left -= entry.resource?.length ?? 0;
    if (room.left >= 0) return entry;
    room.left = 0;
  }
  return failedEntry(
    new NeuroInsightError('limit-exceeded', 'The reads of the bundle find too much: ask for less at once'),
  );
}

/**
 * Each entry as if it had come alone; which comes first is open, as R4 leaves it (R4 http 3.1.0.11.1).
 * Answered in the order of the entries.
 */
async function batch(
  deps: RecordsDeps,
  principal: Principal,
  bundle: object,
  options: BundleOptions,
): Promise<TextBundle> {
  const requests = batchRequests(deps, bundle);
  const room: Room = { left: MOST_READ };
  const entries = await inChunks(requests, BATCH_AT_ONCE, (request) => {
    const reads = !(request instanceof NeuroInsightError) && isRead(request);
    return reads ? answerReadWithin(deps, principal, request, room) : answerAny(deps, principal, request, options);
  });
  return { type: 'batch-response', links: [], entries };
}

/** A read that cannot be answered makes the transaction fail, as a write does: seen to before anything is written. */
async function checkReads(deps: RecordsDeps, principal: Principal, plan: TransactionPlan): Promise<void> {
  const written = new Set(plan.entities);
  for (const request of plan.reads) {
    const [type = '', id] = request.path;
    if (request.path.length === 2 && written.has(`${type}/${id}`)) continue;
    try {
      await answerRead(deps, principal, request);
    } catch (error) {
      throw atEntry(error, request);
    }
  }
}

const changesOf = (plan: TransactionPlan): readonly Change<ResourceVersion>[] =>
  plan.entries.flatMap(({ version }) => (version ? [version.change] : []));

async function commitPlan(deps: RecordsDeps, access: Access, bundle: object): Promise<TransactionPlan> {
  const { principal } = access;
  return untilSettled(async () => {
    const plan = await planTransaction(deps, principal, bundle);
    await checkReads(deps, principal, plan);
    const { patients, entities, noneMatching } = plan;
    await deps.ledger.commit({
      site: principal.site,
      resources: changesOf(plan),
      noneMatching,
      audit: [deps.audit.rowOf({ ...access, patients, entities })],
    });
    return plan;
  });
}

/** All entries or none, in one commit; reads are answered after it (R4 http 3.1.0.11.2). */
async function transaction(
  deps: RecordsDeps,
  principal: Principal,
  bundle: object,
  options: BundleOptions,
): Promise<TextBundle> {
  const access: Access = { principal, action: 'E', interaction: 'fhir/transaction' };
  const plan = await audited(deps.audit, access, () => commitPlan(deps, access, bundle));
  const answers = new Map<number, TextEntry>();
  for (const entry of plan.entries) answers.set(entry.request.index, writtenEntry(entry, options));
  const room: Room = { left: MOST_READ };
  for (const request of plan.reads) {
    answers.set(request.index, await answerReadWithin(deps, principal, request, room));
  }
  const inOrder = [...answers].sort(([a], [b]) => a - b).map(([, entry]) => entry);
  return { type: 'transaction-response', links: [], entries: inOrder };
}

/**
 * Carries out a batch or a transaction. Entries are answered in their order.
 * @throws for a transaction: what the first bad entry deserves, and then nothing of it is there.
 */
export async function processBundle(
  deps: RecordsDeps,
  principal: Principal,
  bundle: unknown,
  options: BundleOptions = {},
): Promise<TextBundle> {
  const type = bundleType(bundle);
  const work = type === 'batch' ? batch : transaction;
  return work(deps, principal, bundle as object, options);
}

function responseEntry(entry: PlannedEntry): BundleEntry {
  const { resource: _left, ...rest } = writtenEntry(entry, { minimal: true });
  const resource = entry.version?.change.row.resource;
  return { ...rest, ...(resource ? { resource } : {}) } as BundleEntry;
}

/**
 * Works out what a transaction would change without committing it, so that it can be one commit with more. Prepared again
 * after that commit, a bundle of conditional creates changes nothing. The caller writes the audit row, and prepares anew
 * when the commit is refused with conflict.
 * @throws what the first bad entry deserves; invalid-request for an entry that reads.
 */
export async function prepareTransaction(
  deps: RecordsDeps,
  principal: Principal,
  bundle: unknown,
): Promise<PreparedTransaction> {
  if (bundleType(bundle) !== 'transaction') {
    throw new NeuroInsightError('invalid-request', 'Only a transaction can be prepared');
  }
  const plan = await planTransaction(deps, principal, bundle as object);
  if (plan.reads.length > 0) throw new NeuroInsightError('invalid-request', 'A prepared transaction must not read');
  const { noneMatching, references, patients, entities } = plan;
  return {
    resources: changesOf(plan),
    noneMatching,
    references,
    patients,
    entities,
    response: { resourceType: 'Bundle', type: 'transaction-response', entry: plan.entries.map(responseEntry) },
  };
}
