import type { Principal } from '../../ports/index.ts';
import type { SearchParams } from '../../records/records.ts';

/** A request as a FHIR interaction sees it; Koa stays outside. */
export interface FhirRequest {
  readonly principal: Principal;
  /** Of the path: type, id, version. '' where the route has no such part. */
  readonly type: string;
  readonly id: string;
  readonly version: string;
  /** Decoded, in order, without _format and _pretty. */
  readonly params: SearchParams;
  /** The query as it was sent, without the question mark. */
  readonly query: string;
  /** A header of the request, '' when absent. */
  header(name: string): string;
  /** The resource in the body. Throws unsupported-media-type, limit-exceeded, malformed-json. */
  readResource(): Promise<unknown>;
  /** The pairs of a form. Throws unsupported-media-type, limit-exceeded. */
  readForm(): Promise<SearchParams>;
}

/** What is answered; `body` is JSON. */
export interface FhirResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
