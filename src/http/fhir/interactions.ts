import type { OperationOutcome } from '@medplum/fhirtypes';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { StoredResource } from '../../ports/index.ts';
import { bundleText, etagOf, type Records, versionOfEtag, versionPathOf, type Written } from '../../records/records.ts';
import type { FhirRequest, FhirResponse } from './message.ts';
import { isNotModifiedSince, namesVersion, preferenceOf } from './negotiation.ts';

export interface FhirDeps {
  readonly records: Records;
  /** Base of the FHIR addresses, without a slash at its end. */
  readonly base: string;
  /** The CapabilityStatement as JSON. */
  readonly capabilityStatement: string;
}

export type Interaction = (request: FhirRequest, deps: FhirDeps) => Promise<FhirResponse>;

function versionHeaders({ versionId, lastUpdated }: StoredResource): Readonly<Record<string, string>> {
  return { ETag: etagOf(versionId), 'Last-Modified': new Date(lastUpdated).toUTCString() };
}

/** If-None-Match decides where both are sent (RFC 9110 13.1.3). */
function isKnown({ header }: FhirRequest, { versionId, lastUpdated }: StoredResource): boolean {
  const ifNoneMatch = header('If-None-Match');
  return ifNoneMatch === ''
    ? isNotModifiedSince(header('If-Modified-Since'), lastUpdated)
    : namesVersion(ifNoneMatch, versionId);
}

function answerStored(request: FhirRequest, stored: StoredResource): FhirResponse {
  const headers = versionHeaders(stored);
  return isKnown(request, stored) ? { status: 304, headers } : { status: 200, headers, body: stored.json! };
}

const OUTCOME_TEXT = {
  created: 'created',
  updated: 'updated',
  unchanged: 'unchanged: the content was there already',
  found: 'found: a resource meets the criteria already',
} as const;

function writtenOutcome(outcome: keyof typeof OUTCOME_TEXT): string {
  const resource: OperationOutcome = {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'information', code: 'informational', diagnostics: OUTCOME_TEXT[outcome] }],
  };
  return JSON.stringify(resource);
}

/** R4 http 3.1.0.1.10: the resource, nothing, or an OperationOutcome, as the client prefers. */
function answerWritten({ header }: FhirRequest, { base }: FhirDeps, { outcome, stored }: Written): FhirResponse {
  if (outcome === 'deleted' || outcome === 'absent' || !stored) {
    return { status: 204, ...(stored ? { headers: { ETag: etagOf(stored.versionId) } } : {}) };
  }
  const isNamed = outcome === 'created' || outcome === 'found';
  const location: Readonly<Record<string, string>> = isNamed ? { Location: `${base}/${versionPathOf(stored)}` } : {};
  const answer = { status: outcome === 'created' ? 201 : 200, headers: { ...versionHeaders(stored), ...location } };
  const preference = preferenceOf(header('Prefer'));
  if (preference === 'minimal') return answer;
  return { ...answer, body: preference === 'OperationOutcome' ? writtenOutcome(outcome) : stored.json! };
}

function updateOptions({ header }: FhirRequest): { readonly ifMatch?: number } {
  const ifMatch = header('If-Match');
  return ifMatch === '' ? {} : { ifMatch: versionOfEtag(ifMatch) };
}

/** The criteria of a conditional interaction; without any it would be about every resource of the type. */
function criteriaOf({ query }: FhirRequest): string {
  if (query === '') throw new NeuroInsightError('invalid-request', 'Name a resource, or criteria to find it by');
  return query;
}

export const readMetadata: Interaction = async (_, { capabilityStatement }) => ({
  status: 200,
  body: capabilityStatement,
});

export const readResource: Interaction = async (request, { records }) =>
  answerStored(request, await records.read(request.principal, request.type, request.id));

export const readVersion: Interaction = async (request, { records }) => {
  const { principal, type, id, version } = request;
  return answerStored(request, await records.readVersion(principal, type, id, version));
};

export const readHistory: Interaction = async ({ principal, type, id, params }, { records }) => ({
  status: 200,
  body: bundleText(await records.history(principal, id === '' ? { type } : { type, id }, params)),
});

export const search: Interaction = async ({ principal, type, params }, { records }) => ({
  status: 200,
  body: bundleText(await records.search(principal, type, params)),
});

export const searchByForm: Interaction = async (request, { records }) => {
  const { principal, type, params } = request;
  const form = await request.readForm();
  return { status: 200, body: bundleText(await records.search(principal, type, [...params, ...form])) };
};

export const createResource: Interaction = async (request, deps) => {
  const { principal, type } = request;
  const ifNoneExist = request.header('If-None-Exist');
  const options = ifNoneExist === '' ? {} : { ifNoneExist };
  const written = await deps.records.create(principal, type, await request.readResource(), options);
  return answerWritten(request, deps, written);
};

export const updateResource: Interaction = async (request, deps) => {
  const { principal, type, id } = request;
  const options = updateOptions(request);
  return answerWritten(
    request,
    deps,
    await deps.records.update(principal, type, id, await request.readResource(), options),
  );
};

export const updateWhere: Interaction = async (request, deps) => {
  const { principal, type } = request;
  const criteria = criteriaOf(request);
  const resource = await request.readResource();
  const written = await deps.records.updateWhere(principal, type, criteria, resource, updateOptions(request));
  return answerWritten(request, deps, written);
};

export const deleteResource: Interaction = async (request, deps) => {
  const { principal, type, id } = request;
  return answerWritten(request, deps, await deps.records.delete(principal, type, id, updateOptions(request)));
};

export const deleteWhere: Interaction = async (request, deps) =>
  answerWritten(request, deps, await deps.records.deleteWhere(request.principal, request.type, criteriaOf(request)));

export const processBundle: Interaction = async (request, { records }) => {
  const minimal = preferenceOf(request.header('Prefer')) === 'minimal';
  return {
    status: 200,
    body: bundleText(await records.bundle(request.principal, await request.readResource(), { minimal })),
  };
};
