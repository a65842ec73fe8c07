import { isDeepStrictEqual } from 'node:util';
import type { Meta, Resource } from '@medplum/fhirtypes';
import { NeuroInsightError } from '../domain/errors.ts';
import { indexOf } from '../fhir/search-index.ts';
import type { Change, IndexEntry, ResourceVersion, StoredResource } from '../ports/index.ts';

export interface Identity {
  readonly id: string;
  readonly versionId: number;
  readonly lastUpdated: string;
}

/** A change to be committed and the stored version that it makes. */
export interface NewVersion {
  readonly change: Change<ResourceVersion>;
  readonly stored: StoredResource;
}

/**
 * The resource with the id and the meta that the server gives; profile, tags, labels and source of its meta are kept.
 * Shallow: what lies deeper is shared with what was sent.
 */
function withIdentity(resource: Resource, { id, versionId, lastUpdated }: Identity): Resource {
  const { resourceType, id: _sent, meta, ...rest } = resource as Resource & { meta?: Meta };
  return {
    resourceType,
    id,
    meta: { ...meta, versionId: String(versionId), lastUpdated },
    ...rest,
  } as Resource;
}

/** By so many values one resource can be found: an ImagingStudy of 50 000 instances. */
const MAX_INDEX_ENTRIES = 100_000;

function boundedIndex(resource: Resource, publicUrl: string): readonly IndexEntry[] {
  const index = indexOf(resource, publicUrl);
  if (index.length > MAX_INDEX_ENTRIES) {
    throw new NeuroInsightError('limit-exceeded', 'The resource has too many values that it could be found by');
  }
  return index;
}

/**
 * The next version of a resource, its text made once: what is stored is what is answered.
 * @param publicUrl references below it are local ones for the index.
 */
export function nextVersion(
  resource: Resource,
  identity: Identity,
  method: 'POST' | 'PUT',
  publicUrl: string,
): NewVersion {
  const complete = withIdentity(resource, identity);
  const json = JSON.stringify(complete);
  const key = { resourceType: resource.resourceType, ...identity, method };
  return {
    change: {
      expected: identity.versionId - 1,
      row: { ...key, resource: complete, json, index: boundedIndex(complete, publicUrl) },
    },
    stored: { ...key, json },
  };
}

/** The version that says that a resource is deleted. */
export function deletion(current: StoredResource, lastUpdated: string): NewVersion {
  const key = {
    resourceType: current.resourceType,
    id: current.id,
    versionId: current.versionId + 1,
    lastUpdated,
    method: 'DELETE' as const,
  };
  return {
    change: { expected: current.versionId, row: { ...key, resource: undefined, index: [] } },
    stored: { ...key, json: undefined },
  };
}

/** Whether storing the resource would change nothing but its version and date. */
export function isUnchanged(current: StoredResource, resource: Resource): boolean {
  if (current.json === undefined) return false;
  const candidate = withIdentity(resource, current);
  const text = JSON.stringify(candidate);
  if (text === current.json) return true;
  // Elements may come in another order; another length is another content.
  return text.length === current.json.length && isDeepStrictEqual(JSON.parse(text), JSON.parse(current.json));
}
