import type { Resource } from '@medplum/fhirtypes';
import { requirePermission } from '../access/scopes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Principal, ResourceQuery, StoredResource } from '../ports/index.ts';
import { atEntry, type EntryRequest, isRead, transactionRequests } from './bundle-request.ts';
import { criteriaQuery, findAtMostOne } from './conditional.ts';
import type { RecordsDeps, WriteOutcome } from './deps.ts';
import { inChunks } from './in-chunks.ts';
import { patientsOf, patientsOfStored } from './patients.ts';
import { conditionalReference, eachReference, renameBy, renameLinks } from './references.ts';
import { requireWritableType } from './resource-types.ts';
import { checkResource, isId } from './structure.ts';
import { deletion, type NewVersion, nextVersion } from './versions.ts';
import { putVersion, requireMatch } from './write.ts';

/** So many look-ups of a transaction are under way at once. */
const LOOKUPS_AT_ONCE = 32;

/** An entry that writes, with what is there before it. */
interface Target {
  readonly request: EntryRequest;
  readonly type: string;
  readonly id: string;
  /** As sent; undefined for a deletion. */
  readonly resource: Resource | undefined;
  readonly current: StoredResource | undefined;
  /** Criteria that found nothing: the commit holds only if that is still so. */
  readonly absent: ResourceQuery | undefined;
  /** Criteria, normalised: two entries of one bundle with the same ones would meet. */
  readonly criteria: string | undefined;
}

/** What became of one entry that writes. */
export interface PlannedEntry {
  readonly request: EntryRequest;
  readonly outcome: WriteOutcome;
  readonly stored: StoredResource | undefined;
  readonly version: NewVersion | undefined;
}

export interface TransactionPlan {
  readonly entries: readonly PlannedEntry[];
  /** Entries that only read; they are answered after the commit. */
  readonly reads: readonly EntryRequest[];
  readonly noneMatching: readonly ResourceQuery[];
  /** Full URL of an entry to Type/id. */
  readonly references: ReadonlyMap<string, string>;
  readonly patients: readonly string[];
  /** Type/id of everything that the transaction writes or finds. */
  readonly entities: readonly string[];
}

const criteriaKey = ({ resourceType, where }: ResourceQuery): string => `${resourceType}?${JSON.stringify(where)}`;

async function postTarget(
  deps: RecordsDeps,
  principal: Principal,
  request: EntryRequest,
  type: string,
): Promise<Target> {
  requirePermission(principal, 'c', type);
  const resource = checkResource(request.resource, type);
  const fresh = { request, type, resource, id: deps.ids.uuid(), current: undefined };
  if (request.path.length !== 1) throw new NeuroInsightError('invalid-request', 'POST takes the URL of a type');
  if (request.ifNoneExist === undefined) return { ...fresh, absent: undefined, criteria: undefined };
  const query = criteriaQuery(deps, principal, type, request.ifNoneExist);
  const criteria = criteriaKey(query);
  const found = await findAtMostOne(deps, principal.site, query);
  return found
    ? { ...fresh, id: found.id, current: found, absent: undefined, criteria }
    : { ...fresh, absent: query, criteria };
}

/** What a PUT or DELETE is about: Type/id, or Type?criteria. */
async function addressed(
  deps: RecordsDeps,
  principal: Principal,
  request: EntryRequest,
  type: string,
): Promise<Pick<Target, 'current' | 'absent' | 'criteria'> & { readonly id: string | undefined }> {
  const [, id] = request.path;
  if (request.path.length === 2 && request.query === '' && id !== undefined && isId(id)) {
    const current = await deps.reader.get(principal.site, type, id);
    return { id, current, absent: undefined, criteria: undefined };
  }
  if (request.path.length !== 1 || request.query === '') {
    throw new NeuroInsightError('invalid-request', `${request.method} takes Type/id or Type?criteria`);
  }
  const query = criteriaQuery(deps, principal, type, request.query);
  const found = await findAtMostOne(deps, principal.site, query);
  return { id: found?.id, current: found, absent: found ? undefined : query, criteria: criteriaKey(query) };
}

async function putTarget(
  deps: RecordsDeps,
  principal: Principal,
  request: EntryRequest,
  type: string,
): Promise<Target> {
  requirePermission(principal, 'u', type);
  const resource = checkResource(request.resource, type);
  const place = await addressed(deps, principal, request, type);
  const id = place.id ?? resource.id ?? deps.ids.uuid();
  // Only criteria leave the id to the resource: Type/id must be repeated in it (R4 http 3.1.0.4).
  const isConditional = place.criteria !== undefined;
  if (!isId(id)) throw new NeuroInsightError('invalid-request', 'An id has 1 to 64 letters, digits, "-" and "."');
  if (resource.id !== id && !(isConditional && resource.id === undefined)) {
    throw new NeuroInsightError('invalid-request', 'The id in the resource is not that of the URL');
  }
  const isNamedByBody = place.id === undefined && resource.id !== undefined;
  const current = isNamedByBody ? await deps.reader.get(principal.site, type, id) : place.current;
  requireMatch(current, request.ifMatch);
  return { ...place, request, type, id, resource, current };
}

async function deleteTarget(
  deps: RecordsDeps,
  principal: Principal,
  request: EntryRequest,
  type: string,
): Promise<Target | undefined> {
  requirePermission(principal, 'd', type);
  const place = await addressed(deps, principal, request, type);
  requireMatch(place.current, request.ifMatch);
  const { id } = place;
  return id === undefined ? undefined : { ...place, request, type, id, resource: undefined, absent: undefined };
}

/** Finds what an entry is about. Undefined for a conditional deletion that finds nothing. */
async function targetOf(deps: RecordsDeps, principal: Principal, request: EntryRequest): Promise<Target | undefined> {
  try {
    const type = request.path[0]!;
    requireWritableType(type);
    if (request.method === 'POST') return await postTarget(deps, principal, request, type);
    if (request.method === 'PUT') return await putTarget(deps, principal, request, type);
    return await deleteTarget(deps, principal, request, type);
  } catch (error) {
    throw atEntry(error, request);
  }
}

/**
 * Throws invalid-request when two entries are about one resource, or would be: the outcome would hang on their order
 * (R4 http 3.1.0.11.2). Two conditional creates that find the same resource agree.
 */
function refuseOverlaps(targets: readonly Target[]): void {
  const owners = new Map<string, Target>();
  const keys = new Set<string>();
  for (const target of targets) {
    const place = `${target.type}/${target.id}`;
    const other = owners.get(place);
    const agree = other?.request.method === 'POST' && target.request.method === 'POST';
    const repeats = target.criteria !== undefined && keys.has(target.criteria);
    if ((other && !agree) || repeats) {
      const error = new NeuroInsightError('invalid-request', 'another entry is about the same resource');
      throw atEntry(error, target.request);
    }
    owners.set(place, target);
    if (target.criteria !== undefined) keys.add(target.criteria);
  }
}

/** Type/id for each "Type?criteria" that is used as a reference. Throws where it finds none or several. */
async function conditionalReferences(
  deps: RecordsDeps,
  principal: Principal,
  targets: readonly Target[],
): Promise<ReadonlyMap<string, string>> {
  const wanted = new Map<string, EntryRequest>();
  for (const { resource, request } of targets) {
    eachReference(resource, (reference) => {
      if (conditionalReference(reference)) wanted.set(reference, request);
    });
  }
  const pairs = await inChunks(
    [...wanted],
    LOOKUPS_AT_ONCE,
    async ([reference, request]): Promise<readonly [string, string]> => {
      try {
        const { type, criteria } = conditionalReference(reference)!;
        const found = await findAtMostOne(deps, principal.site, criteriaQuery(deps, principal, type, criteria));
        if (!found) throw new NeuroInsightError('invalid-resource', 'a conditional reference finds no resource');
        return [reference, `${type}/${found.id}`];
      } catch (error) {
        throw atEntry(error, request);
      }
    },
  );
  return new Map(pairs);
}

function plannedEntry(
  deps: RecordsDeps,
  principal: Principal,
  target: Target,
  names: ReadonlyMap<string, string>,
  lastUpdated: string,
): PlannedEntry {
  const { request, id, current } = target;
  if (!target.resource) {
    if (current?.json === undefined) return { request, outcome: 'absent', stored: current, version: undefined };
    const version = deletion(current, lastUpdated);
    return { request, outcome: 'deleted', stored: version.stored, version };
  }
  if (request.method === 'POST' && current) return { request, outcome: 'found', stored: current, version: undefined };
  const resource = renameLinks(target.resource, renameBy(names, request.fullUrl));
  const version =
    request.method === 'POST'
      ? nextVersion(resource, { id, versionId: 1, lastUpdated }, 'POST', deps.publicUrl)
      : putVersion(deps, principal, resource, id, current, lastUpdated);
  if (!version) return { request, outcome: 'unchanged', stored: current, version };
  return { request, outcome: current?.json === undefined ? 'created' : 'updated', stored: version.stored, version };
}

function patientsOfEntry({ version, stored }: PlannedEntry, target: Target): readonly string[] {
  const resource = version?.change.row.resource;
  if (resource && stored) return patientsOf(resource, stored.id);
  return target.current ? patientsOfStored([target.current]) : [];
}

/**
 * Works out everything that a transaction changes, without changing anything: what each entry finds, which ids the new
 * resources get, and the resources with every link between them renamed (R4 http 3.1.0.11.2). Planned again after its
 * commit, a bundle of conditional creates finds everything and changes nothing.
 * @throws what the first bad entry deserves, with its place.
 */
export async function planTransaction(
  deps: RecordsDeps,
  principal: Principal,
  bundle: object,
): Promise<TransactionPlan> {
  const requests = transactionRequests(deps, bundle);
  const writes = requests.filter((request) => !isRead(request));
  const found = await inChunks(writes, LOOKUPS_AT_ONCE, (request) => targetOf(deps, principal, request));
  const targets = found.filter((target) => target !== undefined);
  refuseOverlaps(targets);
  const references = new Map<string, string>();
  for (const { request, type, id, resource } of targets) {
    if (request.fullUrl !== undefined && resource) references.set(request.fullUrl, `${type}/${id}`);
  }
  const names = new Map([...(await conditionalReferences(deps, principal, targets)), ...references]);
  const lastUpdated = deps.clock.now().toISOString();
  const patients = new Set<string>();
  const entries = writes.map((request, place): PlannedEntry => {
    const target = found[place];
    if (!target) return { request, outcome: 'absent', stored: undefined, version: undefined };
    try {
      const entry = plannedEntry(deps, principal, target, names, lastUpdated);
      for (const patient of patientsOfEntry(entry, target)) patients.add(patient);
      return entry;
    } catch (error) {
      throw atEntry(error, request);
    }
  });
  return {
    entries,
    reads: requests.filter(isRead),
    noneMatching: targets.flatMap(({ absent }) => (absent ? [absent] : [])),
    references,
    patients: [...patients],
    entities: targets.map(({ type, id }) => `${type}/${id}`),
  };
}
