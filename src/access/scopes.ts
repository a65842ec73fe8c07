import { NeuroInsightError } from '../domain/errors.ts';
import type { Principal } from '../ports/index.ts';

/** What may be done to a type of resource: create, read, update, delete, search (SMART App Launch 2.2, scopes 3.0.2). */
export type Action = 'c' | 'r' | 'u' | 'd' | 's';

interface Scope {
  /** A FHIR type, or `*`. */
  readonly type: string;
  readonly actions: string;
}

/** Letters in this order, each at most once; a scope with a query part would grant less, and is not understood here. */
const V2 = /^system\/(\*|[A-Z][A-Za-z]{1,63})\.(?=.)(c?r?u?d?s?)$/;
const V1 = /^system\/(\*|[A-Z][A-Za-z]{1,63})\.(read|write|\*)$/;
/** SMART v2 says how the names of version 1 are to be read. */
const V1_ACTIONS: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };
const METRICS = 'neuroinsight/metrics.r';

function parse(text: string): Scope | undefined {
  const v2 = V2.exec(text);
  if (v2 !== null) return { type: v2[1]!, actions: v2[2]! };
  const v1 = V1.exec(text);
  return v1 === null ? undefined : { type: v1[1]!, actions: V1_ACTIONS[v1[2]!]! };
}

const words = (scopes: string): string[] => scopes.split(' ').filter((word) => word !== '');

/**
 * Whether the scopes allow the action. Deny by default: what is malformed, of another context (patient/, user/) or
 * restricted by a query grants nothing.
 * @param scopes separated by blanks, as in OAuth 2.0 (RFC 6749 3.3).
 * @param type a FHIR type: ImagingStudy for DICOMweb, Task for runs, Endpoint for destinations, Organization for sites.
 */
export function permits(scopes: string, action: Action, type: string): boolean {
  return words(scopes).some((word) => {
    const scope = parse(word);
    return scope !== undefined && (scope.type === '*' || scope.type === type) && scope.actions.includes(action);
  });
}

/** @throws forbidden, naming the rule and the scope that is missing. */
export function requirePermission(principal: Pick<Principal, 'scopes'>, action: Action, type: string): void {
  if (!permits(principal.scopes, action, type)) refuse(`system/${type}.${action}`);
}

/** The numbers of the server are about no patient: they have a scope of their own, for the monitoring. @throws forbidden */
export function requireMetrics(principal: Pick<Principal, 'scopes'>): void {
  const granted = words(principal.scopes).some((word) => word === METRICS || grantsEverythingToRead(word));
  if (!granted) refuse(METRICS);
}

function grantsEverythingToRead(word: string): boolean {
  const scope = parse(word);
  return scope?.type === '*' && scope.actions.includes('r');
}

function refuse(scope: string): never {
  throw new NeuroInsightError('forbidden', `refused by rule scope: ${scope} is needed`);
}

/** The first scope that would grant nothing because of how it is written; undefined when there is none. */
export function malformedScope(scopes: string): string | undefined {
  return words(scopes).find((word) => word !== METRICS && parse(word) === undefined);
}
