/** What one STOW request may ask of the server. */
export interface StoreLimits {
  readonly maxInstanceBytes: number;
  readonly maxRequestBytes: number;
  readonly maxParts: number;
  /** Each study of a request is a file that stays open until the request is answered. */
  readonly maxStudies: number;
  /** Requests worked on at once; more are told to come back. */
  readonly maxConcurrentRequests: number;
  /** Bytes of instances that all requests together may be receiving. */
  readonly maxReceivingBytes: number;
  /** Instances that are held before they are looked up and written together. */
  readonly batchInstances: number;
  readonly batchBytes: number;
}

export const DEFAULT_STORE_LIMITS: StoreLimits = {
  maxInstanceBytes: 2 ** 30,
  maxRequestBytes: 16 * 2 ** 30,
  maxParts: 50_000,
  maxStudies: 64,
  maxConcurrentRequests: 8,
  maxReceivingBytes: 2 * 2 ** 30,
  batchInstances: 32,
  batchBytes: 8 * 2 ** 20,
};
