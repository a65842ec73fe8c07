/** A key that a program presents as a bearer token. The secret itself is never stored. */
export interface ApiKeyRow {
  /** UUID; safe to show and to log. */
  readonly id: string;
  readonly version: number;
  /** Unique within the site among those not revoked. */
  readonly name: string;
  /** sha256, hex, of the secret: 32 random bytes need no slow hash. Unique over all sites. */
  readonly secretSha256: string;
  /** SMART system scopes, separated by blanks: "system/*.cruds". */
  readonly scopes: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly revokedAt: string | undefined;
}

export interface ApiKeyReader {
  findBySecret(secretSha256: string): Promise<{ readonly site: string; readonly row: ApiKeyRow } | undefined>;
  list(site: string): Promise<readonly ApiKeyRow[]>;
}
