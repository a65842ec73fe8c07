/** What one server takes at once. Everything has a bound; what is beyond it is told so. */
export interface HttpLimits {
  /** Requests worked on at once; a further one is answered 503. */
  readonly requestsAtOnce: number;
  /** Answers that stay open (event streams); a further one is answered 503. */
  readonly streamsAtOnce?: number;
  /** Open connections; a further one is closed. */
  readonly connections?: number;
  /** Longest path and query; a longer one is answered 414. */
  readonly urlBytes?: number;
  /** For all headers together; more are answered 431. */
  readonly headerBytes?: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headerSeconds?: number;
  /** From the first byte of a request to the last of its body; large studies over slow lines take long. */
  readonly requestSeconds?: number;
  /** A connection on which nothing moves for so long is closed. */
  readonly idleSeconds?: number;
  /** An idle connection is kept for a next request for so long. */
  readonly keepAliveSeconds?: number;
}

export const DEFAULT_LIMITS: Required<HttpLimits> = {
  requestsAtOnce: 256,
  streamsAtOnce: 128,
  connections: 4096,
  urlBytes: 8192,
  headerBytes: 32_768,
  headerSeconds: 20,
  requestSeconds: 3600,
  idleSeconds: 120,
  keepAliveSeconds: 65,
};
