/** Who asks. Made by the auth room from what the request carries. */
export interface Principal {
  readonly kind: 'api-key' | 'administrator' | 'job' | 'anonymous';
  /** API key id, job name; of the administrator at the machine the user that the process runs as. */
  readonly id: string;
  readonly name: string;
  readonly site: string;
  /** As granted; parsed by the access room. */
  readonly scopes: string;
  readonly address: string | undefined;
}

/** Random identifiers; tests hand in their own. */
export interface Ids {
  /** RFC 9562 UUID. */
  uuid(): string;
}
