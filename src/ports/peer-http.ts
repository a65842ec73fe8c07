export interface PeerRequest {
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is sent chunked. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

export interface PeerResponse {
  readonly status: number;
  header(name: string): string | undefined;
  /** The body in chunks; it must be read to its end or cancelled by leaving the loop. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body as UTF-8. Throws upstream-refused when it is longer than `limitBytes`. */
  text(limitBytes: number): Promise<string>;
}

/**
 * Requests to one configured system: its credentials, its time limit and the trace go along, redirects are not
 * followed (they would carry credentials to an address that nobody configured).
 */
export interface PeerHttp {
  readonly name: string;
  /**
   * @param path appended to the base URL of the peer, query included.
   * @throws upstream-unavailable when there is no answer; cancelled when the signal was raised.
   */
  request(path: string, request: PeerRequest): Promise<PeerResponse>;
}
