import type { BundleEntryRequest, BundleEntryResponse } from '@medplum/fhirtypes';
import type { StoredResource } from '../ports/index.ts';

/** One entry whose resource is text already: stored bytes go out as they are, without being parsed. */
export interface TextEntry {
  readonly fullUrl?: string;
  readonly resource?: string;
  readonly search?: { readonly mode: 'match' | 'include' | 'outcome' };
  readonly request?: BundleEntryRequest;
  readonly response?: BundleEntryResponse;
}

/** A Bundle on its way out. */
export interface TextBundle {
  readonly type: 'searchset' | 'history' | 'transaction-response' | 'batch-response';
  readonly total?: number;
  readonly links: readonly { readonly relation: string; readonly url: string }[];
  readonly entries: readonly TextEntry[];
}

function entryText(entry: TextEntry): string {
  const parts: string[] = [];
  if (entry.fullUrl !== undefined) parts.push(`"fullUrl":${JSON.stringify(entry.fullUrl)}`);
  if (entry.resource !== undefined) parts.push(`"resource":${entry.resource}`);
  if (entry.search) parts.push(`"search":{"mode":"${entry.search.mode}"}`);
  if (entry.request) parts.push(`"request":${JSON.stringify(entry.request)}`);
  if (entry.response) parts.push(`"response":${JSON.stringify(entry.response)}`);
  return `{${parts.join(',')}}`;
}

/** The Bundle as JSON. Arrays that would be empty are left out, as R4 json 2.6.2 asks. */
export function bundleText(bundle: TextBundle): string {
  const parts = [`"resourceType":"Bundle","type":"${bundle.type}"`];
  if (bundle.total !== undefined) parts.push(`"total":${bundle.total}`);
  if (bundle.links.length > 0) parts.push(`"link":${JSON.stringify(bundle.links)}`);
  if (bundle.entries.length > 0) parts.push(`"entry":[${bundle.entries.map(entryText).join(',')}]`);
  return `{${parts.join(',')}}`;
}

/** W/"3": the entity tag of a version (R4 http 3.1.0.1.2). */
export const etagOf = (versionId: number): string => `W/"${versionId}"`;

/** Type/id/_history/3, relative to the base of the server. */
export const versionPathOf = (stored: StoredResource): string =>
  `${stored.resourceType}/${stored.id}/_history/${stored.versionId}`;
