import type { Resource } from '@medplum/fhirtypes';

/** One version of one resource as it is to be stored. */
export interface ResourceVersion {
  readonly resourceType: string;
  readonly id: string;
  /** 1 for the first. */
  readonly versionId: number;
  /** FHIR instant, UTC, milliseconds: 2026-11-24T13:33:19.123Z. */
  readonly lastUpdated: string;
  /** What interaction made it, for the history. */
  readonly method: 'POST' | 'PUT' | 'DELETE';
  /** With id, meta.versionId and meta.lastUpdated set; undefined when the resource is deleted by this version. */
  readonly resource: Resource | undefined;
  /** `resource` as JSON where its maker has made it already: a store keeps this very text. */
  readonly json?: string | undefined;
  /** Index of this version; it replaces that of the version before. Empty for a deletion. */
  readonly index: readonly IndexEntry[];
}

/** A stored version. `json` is what the server answers, byte for byte: a read needs no parsing. */
export interface StoredResource {
  readonly resourceType: string;
  readonly id: string;
  readonly versionId: number;
  readonly lastUpdated: string;
  readonly method: 'POST' | 'PUT' | 'DELETE';
  /** Undefined: this version says that the resource was deleted. */
  readonly json: string | undefined;
}

/**
 * One searchable value of a resource. `param` is the name of the search parameter.
 * Dates are milliseconds since 1970, the first and the last of the period that the value stands for (R4 3.1.1.4.3).
 * Quantities and numbers are the implicit range of their precision (R4 3.1.1.4.2).
 */
export type IndexEntry =
  | { readonly kind: 'token'; readonly param: string; readonly system?: string; readonly code?: string }
  /** `value` as in the resource; `folded` lower case, without diacritics, for every match but :exact. */
  | { readonly kind: 'string'; readonly param: string; readonly value: string; readonly folded: string }
  | { readonly kind: 'date'; readonly param: string; readonly low: number; readonly high: number }
  /** A relative reference has type and id; an absolute one, or a canonical, has url. */
  | {
      readonly kind: 'reference';
      readonly param: string;
      readonly type?: string;
      readonly id?: string;
      readonly url?: string;
      /** Reference.identifier, for :identifier. */
      readonly system?: string;
      readonly code?: string;
    }
  | {
      readonly kind: 'quantity';
      readonly param: string;
      readonly low: number;
      readonly high: number;
      readonly system?: string;
      readonly code?: string;
    }
  | { readonly kind: 'uri'; readonly param: string; readonly value: string };

export type Comparator = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap';

/** `low` and `high` bound the period or range that the searched value stands for. */
export interface Bounds {
  readonly comparator: Comparator;
  readonly low: number;
  readonly high: number;
}

/** A token to look for. `system` absent: any; '' : one without a system. `code` absent: any code of the system. */
export interface TokenValue {
  readonly system?: string;
  readonly code?: string;
}

/**
 * One condition; `anyOf` are alternatives. The comparators follow R4 3.1.1.4.3: the parameter value is [low, high],
 * the resource's the entry's. eq: search range contains the entry; ne: it does not; gt: entry.high > high;
 * lt: entry.low < low; ge: gt or eq; le: lt or eq; sa: entry.low > high; eb: entry.high < low; ap: they overlap
 * (the caller has widened the bounds).
 * Text is literal: no character of it is a wildcard. Date conditions on one parameter in one list speak of one value:
 * ge and le are a range that it lies in. `below` finds every address that begins so.
 * Refused with invalid-request: more than 200 alternatives of text, dates and quantities in a search (codes, ids and
 * references may be as many as one likes), and more than four references one after the other.
 */
export type Condition =
  | { readonly kind: 'id'; readonly anyOf: readonly string[] }
  | { readonly kind: 'lastUpdated'; readonly anyOf: readonly Bounds[] }
  | {
      readonly kind: 'token';
      readonly param: string;
      readonly anyOf: readonly TokenValue[];
      /** :not — resources that have no such value, those without any value among them. */
      readonly not?: boolean;
    }
  | {
      readonly kind: 'string';
      readonly param: string;
      /** Folded, but for `exact`. */
      readonly anyOf: readonly string[];
      readonly match: 'starts' | 'exact' | 'contains';
    }
  | { readonly kind: 'date'; readonly param: string; readonly anyOf: readonly Bounds[] }
  | {
      readonly kind: 'quantity';
      readonly param: string;
      readonly anyOf: readonly (Bounds & { readonly system?: string; readonly code?: string })[];
    }
  | {
      readonly kind: 'reference';
      readonly param: string;
      readonly anyOf: readonly { readonly type?: string; readonly id?: string; readonly url?: string }[];
    }
  | { readonly kind: 'referenceIdentifier'; readonly param: string; readonly anyOf: readonly TokenValue[] }
  | {
      readonly kind: 'uri';
      readonly param: string;
      readonly anyOf: readonly string[];
      readonly match: 'exact' | 'below';
    }
  | { readonly kind: 'missing'; readonly param: string; readonly missing: boolean }
  /** param:type.x — the resource referred to by `param`, of that type, meets every condition. */
  | { readonly kind: 'chain'; readonly param: string; readonly type: string; readonly where: readonly Condition[] }
  /** _has:type:param:x — some resource of that type refers here by `param` and meets every condition. */
  | { readonly kind: 'has'; readonly type: string; readonly param: string; readonly where: readonly Condition[] };

/** Of several values of a resource the one that comes first in the order counts; of dates, of those that are looked for. */
export interface SortKey {
  /** `_id`, `_lastUpdated` or a search parameter: a date sorts by its start, text by its folded form, a token by its code. */
  readonly param: string;
  readonly kind: 'id' | 'lastUpdated' | 'date' | 'string' | 'token' | 'quantity' | 'uri' | 'reference';
  readonly descending: boolean;
}

export interface ResourceQuery {
  readonly resourceType: string;
  /** All must hold. Deleted resources never match. */
  readonly where: readonly Condition[];
  /** Ties are broken by id, so that pages never overlap. Resources without the value come last. Empty: newest first. */
  readonly sort: readonly SortKey[];
  /** Rows a page; 0 asks for the total alone. */
  readonly count: number;
  readonly offset: number;
  /** Whether `total` is wanted. */
  readonly total: boolean;
}

export interface ResourcePage {
  readonly rows: readonly StoredResource[];
  /** More rows follow this page. */
  readonly more: boolean;
  /** Number of all matches; only when asked for. */
  readonly total: number | undefined;
}

export interface HistoryQuery {
  /** Absent: history of the type; both absent: of the site. */
  readonly resourceType?: string;
  readonly id?: string;
  readonly since?: string;
  /** Versions that were current at some moment of this time, both ends inclusive: FHIR instants as lastUpdated has them. */
  readonly at?: { readonly from: string; readonly to: string };
  readonly count: number;
  readonly offset: number;
}

/** Resources of one type as they were at a moment. */
export interface AsOfQuery {
  readonly resourceType: string;
  /** FHIR instant as lastUpdated has it. */
  readonly instant: string;
  /** Those whose ids come after this one; '' begins. */
  readonly after: string;
  readonly limit: number;
}

/** A page whose resources are together larger than the store reads at once is refused with limit-exceeded. */
export interface ResourceReader {
  /** The current version, which may be a deletion; undefined when there never was one. */
  get(site: string, resourceType: string, id: string): Promise<StoredResource | undefined>;
  getVersion(site: string, resourceType: string, id: string, versionId: number): Promise<StoredResource | undefined>;
  /** The version that was current at a moment, which may be a deletion; undefined when there was none yet. */
  getAt(site: string, resourceType: string, id: string, instant: string): Promise<StoredResource | undefined>;
  search(site: string, query: ResourceQuery): Promise<ResourcePage>;
  /** Newest first. */
  history(site: string, query: HistoryQuery): Promise<ResourcePage>;
  /** By id, without those that were deleted at that moment. */
  asOf(site: string, query: AsOfQuery): Promise<readonly StoredResource[]>;
}
