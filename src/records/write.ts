import type { Resource } from '@medplum/fhirtypes';
import { requirePermission } from '../access/scopes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Access, Principal, ResourceQuery, StoredResource } from '../ports/index.ts';
import { audited } from './audited.ts';
import { criteriaQuery, findAtMostOne, isConflict, untilSettled } from './conditional.ts';
import type { RecordsDeps, Written } from './deps.ts';
import { patientsOf, patientsOfStored } from './patients.ts';
import { requireWritableType } from './resource-types.ts';
import { checkResource, isId } from './structure.ts';
import { deletion, isUnchanged, type NewVersion, nextVersion } from './versions.ts';

export interface UpdateOptions {
  /** Version that the client has seen; another one that is current refuses the write with version-conflict. */
  readonly ifMatch?: number;
}

const writing = (principal: Principal, action: Access['action'], interaction: string, place: string): Access => ({
  principal,
  action,
  interaction,
  entities: [place],
});

async function commitOne(
  deps: RecordsDeps,
  access: Access,
  { change, stored }: NewVersion,
  noneMatching: readonly ResourceQuery[] = [],
): Promise<StoredResource> {
  const { resource } = change.row;
  const done: Access = {
    ...access,
    entities: [`${stored.resourceType}/${stored.id}`],
    patients: access.patients ?? (resource ? patientsOf(resource, stored.id) : []),
  };
  await deps.ledger.commit({
    site: access.principal.site,
    resources: [change],
    noneMatching,
    audit: [deps.audit.rowOf(done)],
  });
  return stored;
}

/** Writes down that a write found what it would have made. */
async function nothingWritten(
  deps: RecordsDeps,
  access: Access,
  outcome: 'found' | 'unchanged',
  stored: StoredResource,
): Promise<Written> {
  const entities = [`${stored.resourceType}/${stored.id}`];
  await deps.audit.record({ ...access, entities, patients: patientsOfStored([stored]) });
  return { outcome, stored };
}

function firstVersion(deps: RecordsDeps, resource: Resource, id: string, method: 'POST' | 'PUT'): NewVersion {
  return nextVersion(
    resource,
    { id, versionId: 1, lastUpdated: deps.clock.now().toISOString() },
    method,
    deps.publicUrl,
  );
}

/**
 * Stores a new resource under an id of ours; one that the client sent is ignored (R4 http 3.1.0.8).
 *
 * With `ifNoneExist` nothing is written when one resource meets the criteria: it is answered as `found`. Of two requests
 * at once with the same criteria one writes, the other finds: the commit itself refuses a second match.
 * @throws multiple-matches, invalid-resource, invalid-request, forbidden.
 */
export async function create(
  deps: RecordsDeps,
  principal: Principal,
  type: string,
  body: unknown,
  options: { readonly ifNoneExist?: string } = {},
): Promise<Written> {
  requireWritableType(type);
  const access = writing(principal, 'C', 'fhir/create', type);
  return audited(deps.audit, access, async () => {
    requirePermission(principal, 'c', type);
    const resource = checkResource(body, type);
    const { ifNoneExist } = options;
    if (ifNoneExist === undefined) {
      return {
        outcome: 'created',
        stored: await commitOne(deps, access, firstVersion(deps, resource, deps.ids.uuid(), 'POST')),
      };
    }
    const query = criteriaQuery(deps, principal, type, ifNoneExist);
    return untilSettled(async (): Promise<Written> => {
      const found = await findAtMostOne(deps, principal.site, query);
      if (found) return nothingWritten(deps, access, 'found', found);
      const version = firstVersion(deps, resource, deps.ids.uuid(), 'POST');
      return { outcome: 'created', stored: await commitOne(deps, access, version, [query]) };
    });
  });
}

/** Throws version-conflict when the version that the client has seen is not the current one (R4 http 3.1.0.1.3.1). */
export function requireMatch(current: StoredResource | undefined, ifMatch: number | undefined): void {
  if (ifMatch !== undefined && current?.versionId !== ifMatch) {
    throw new NeuroInsightError('version-conflict', 'The version named by If-Match is not the current one');
  }
}

/** A commit that lost against another is an outdated If-Match where the client named a version; else it is tried again. */
export function lostRace(error: unknown, ifMatch: number | undefined): unknown {
  return ifMatch !== undefined && isConflict(error)
    ? new NeuroInsightError('version-conflict', 'The resource was changed at the same moment')
    : error;
}

/**
 * The version that a PUT makes of what is current; undefined when it would change nothing.
 * Throws forbidden when it would create and the caller may not.
 */
export function putVersion(
  deps: Pick<RecordsDeps, 'publicUrl'>,
  principal: Principal,
  resource: Resource,
  id: string,
  current: StoredResource | undefined,
  lastUpdated: string,
): NewVersion | undefined {
  if (current?.json === undefined) requirePermission(principal, 'c', resource.resourceType);
  else if (isUnchanged(current, resource)) return undefined;
  return nextVersion(resource, { id, versionId: (current?.versionId ?? 0) + 1, lastUpdated }, 'PUT', deps.publicUrl);
}

/** Checks what was sent to Type/id: the id in the body must be that of the URL (R4 http 3.1.0.4). */
export function checkPut(body: unknown, type: string, id: string): Resource {
  const resource = checkResource(body, type);
  if (!isId(id)) throw new NeuroInsightError('invalid-request', 'An id has 1 to 64 letters, digits, "-" and "."');
  if (resource.id !== id) throw new NeuroInsightError('invalid-request', 'The id in the body is not that of the URL');
  return resource;
}

async function put(
  deps: RecordsDeps,
  access: Access,
  resource: Resource,
  id: string,
  { ifMatch }: UpdateOptions,
): Promise<Written> {
  const { principal } = access;
  return untilSettled(async (): Promise<Written> => {
    const current = await deps.reader.get(principal.site, resource.resourceType, id);
    requireMatch(current, ifMatch);
    const version = putVersion(deps, principal, resource, id, current, deps.clock.now().toISOString());
    if (!version) return nothingWritten(deps, access, 'unchanged', current!);
    try {
      const stored = await commitOne(deps, access, version);
      return { outcome: current?.json === undefined ? 'created' : 'updated', stored };
    } catch (error) {
      throw lostRace(error, ifMatch);
    }
  });
}

/**
 * Replaces a resource, or stores it under the client's id when there is none. Content that is already there makes no new
 * version. @throws version-conflict, invalid-resource, invalid-request, forbidden.
 */
export async function update(
  deps: RecordsDeps,
  principal: Principal,
  type: string,
  id: string,
  body: unknown,
  options: UpdateOptions = {},
): Promise<Written> {
  requireWritableType(type);
  const access = writing(principal, 'U', 'fhir/update', `${type}/${id}`);
  return audited(deps.audit, access, async () => {
    requirePermission(principal, 'u', type);
    return put(deps, access, checkPut(body, type, id), id, options);
  });
}

/**
 * Replaces the one resource that meets the criteria, or creates one when none does (R4 http 3.1.0.4.3).
 * @throws multiple-matches, invalid-request when the body has the id of another resource.
 */
export async function updateWhere(
  deps: RecordsDeps,
  principal: Principal,
  type: string,
  criteria: string,
  body: unknown,
  options: UpdateOptions = {},
): Promise<Written> {
  requireWritableType(type);
  const access = writing(principal, 'U', 'fhir/conditional-update', type);
  return audited(deps.audit, access, async () => {
    requirePermission(principal, 'u', type);
    const resource = checkResource(body, type);
    const query = criteriaQuery(deps, principal, type, criteria);
    return untilSettled(async (): Promise<Written> => {
      const found = await findAtMostOne(deps, principal.site, query);
      if (found) {
        const withId = { ...resource, id: resource.id ?? found.id };
        return put(deps, access, checkPut(withId, type, found.id), found.id, options);
      }
      requireMatch(undefined, options.ifMatch);
      if (resource.id !== undefined)
        return put(deps, access, checkPut(resource, type, resource.id), resource.id, options);
      requirePermission(principal, 'c', type);
      const stored = await commitOne(deps, access, firstVersion(deps, resource, deps.ids.uuid(), 'POST'), [query]);
      return { outcome: 'created', stored };
    });
  });
}

async function erase(deps: RecordsDeps, access: Access, type: string, id: string, ifMatch?: number): Promise<Written> {
  return untilSettled(async (): Promise<Written> => {
    const current = await deps.reader.get(access.principal.site, type, id);
    requireMatch(current, ifMatch);
    if (current?.json === undefined) {
      await deps.audit.record(access);
      return { outcome: 'absent', stored: current };
    }
    const patients = patientsOfStored([current]);
    try {
      const stored = await commitOne(deps, { ...access, patients }, deletion(current, deps.clock.now().toISOString()));
      return { outcome: 'deleted', stored };
    } catch (error) {
      throw lostRace(error, ifMatch);
    }
  });
}

/** Deletes a resource; one that is not there, or no longer, is as good as deleted (R4 http 3.1.0.7). */
export async function remove(
  deps: RecordsDeps,
  principal: Principal,
  type: string,
  id: string,
  options: UpdateOptions = {},
): Promise<Written> {
  requireWritableType(type);
  const access = writing(principal, 'D', 'fhir/delete', `${type}/${id}`);
  return audited(deps.audit, access, async () => {
    requirePermission(principal, 'd', type);
    return erase(deps, access, type, id, options.ifMatch);
  });
}

/** Deletes the one resource that meets the criteria, if there is one. @throws multiple-matches. */
export async function removeWhere(
  deps: RecordsDeps,
  principal: Principal,
  type: string,
  criteria: string,
): Promise<Written> {
  requireWritableType(type);
  const access = writing(principal, 'D', 'fhir/conditional-delete', type);
  return audited(deps.audit, access, async () => {
    requirePermission(principal, 'd', type);
    const found = await findAtMostOne(deps, principal.site, criteriaQuery(deps, principal, type, criteria));
    if (found) return erase(deps, { ...access, entities: [`${type}/${found.id}`] }, type, found.id, found.versionId);
    await deps.audit.record(access);
    return { outcome: 'absent', stored: undefined };
  });
}
