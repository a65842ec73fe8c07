import { type ErrorKind, NeuroInsightError, rowFor } from '../domain/errors.ts';
import { operationOutcomeOf } from '../fhir/operation-outcome.ts';
import { discardRest } from './body.ts';
import type { AppContext } from './context.ts';

/** RFC 9457, with the kind in `type` and the trace under which the log knows more. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance?: string;
  readonly traceId: string;
}

export const PROBLEM_TYPE = 'application/problem+json';
export const FHIR_PREFIX = '/fhir/R4';
const FHIR_TYPE = 'application/fhir+json; charset=utf-8';
const RETRY_SECONDS = '1';

/** Statuses that Koa and its packages throw by themselves, as kinds of ours. Their texts are not passed on. */
const FROM_STATUS: Readonly<Record<number, readonly [ErrorKind, string]>> = {
  400: ['invalid-request', 'the request is malformed'],
  404: ['not-found', 'there is nothing at this address'],
  405: ['method-not-allowed', 'this address does not take the method'],
  413: ['limit-exceeded', 'the request is too large'],
  415: ['unsupported-media-type', 'this type of content is not taken here'],
};

/** The foreseen error in what was thrown; undefined for a defect. */
export function foreseen(error: unknown): NeuroInsightError | undefined {
  if (error instanceof NeuroInsightError) return error;
  if (typeof error !== 'object' || error === null || !('expose' in error) || error.expose !== true) return undefined;
  const row = 'status' in error && typeof error.status === 'number' ? FROM_STATUS[error.status] : undefined;
  return row === undefined ? undefined : new NeuroInsightError(...row);
}

const kindOf = (error: NeuroInsightError | undefined): string => error?.kind ?? 'defect';
const detailOf = (error: NeuroInsightError | undefined, traceId: string): string =>
  error?.message ?? `the server failed; its log knows more under trace ${traceId}`;

/** What a client reads of an error. A defect says its trace and nothing else. */
export function problemOf(error: unknown, traceId: string, instance?: string): Problem {
  const known = foreseen(error);
  const kind = kindOf(known);
  return {
    type: `urn:neuroinsight:problem:${kind}`,
    title: kind.replaceAll('-', ' '),
    status: rowFor(known).status,
    detail: detailOf(known, traceId),
    ...(instance === undefined ? {} : { instance }),
    traceId,
  };
}

/** True for the addresses that answer in FHIR. */
export const isFhir = (path: string): boolean => path === FHIR_PREFIX || path.startsWith(`${FHIR_PREFIX}/`);

/** Writes the error as the answer: OperationOutcome under /fhir/R4, problem+json elsewhere. */
export function renderError(ctx: AppContext, error: unknown): void {
  const { traceId } = ctx.state.trace;
  const { status } = rowFor(foreseen(error));
  for (const name of ctx.res.getHeaderNames()) if (!KEPT.test(name)) ctx.remove(name);
  ctx.status = status;
  if (status === 401) ctx.set('WWW-Authenticate', challengeFor(ctx.get('Authorization')));
  if (status === 503) ctx.set('Retry-After', RETRY_SECONDS);
  ctx.set('Cache-Control', 'no-store');
  // The path of the request is not repeated: DICOMweb and FHIR addresses may carry identifiers of patients.
  ctx.body = JSON.stringify(
    isFhir(ctx.path) ? operationOutcomeOf(foreseen(error) ?? error, traceId) : problemOf(error, traceId),
  );
  ctx.set('Content-Type', isFhir(ctx.path) ? FHIR_TYPE : PROBLEM_TYPE);
  discardRest(ctx.req);
}

/** Headers that describe the connection or the policy, not the answer that did not come about. */
const KEPT =
  /^(access-control-|vary$|x-|strict-transport-|cross-origin-|origin-agent-|referrer-|content-security-|allow$)/;

/** RFC 6750 section 3: no error code when the request carried no credentials at all. */
function challengeFor(authorization: string): string {
  return authorization === '' ? 'Bearer realm="neuroinsight"' : 'Bearer realm="neuroinsight", error="invalid_token"';
}
