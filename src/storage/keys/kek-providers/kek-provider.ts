/** Where a key-encryption key comes from. */
export interface KekProvider {
  /** `file`, `environment`, `command`, `vault`, `aws-kms`: kept in keys.json, so that a start can say what is missing. */
  readonly name: string;
  /**
   * The 32 bytes of the KEK. A provider of keys of its own (Vault, KMS) wraps a random KEK, which then exists nowhere
   * else: `stored` is what it gave back when it made one; absent, it makes a new one and gives it back.
   *
   * @throws invalid-configuration for what an administrator has set wrongly, wrong-key when `stored` is of another key,
   *   upstream-unavailable and upstream-refused for a provider at the other end of a network.
   */
  open(stored: string | undefined): Promise<OpenedKek>;
}

export interface OpenedKek {
  readonly key: Uint8Array;
  /** Absent: the provider hands out the KEK itself, and nothing of it is to be kept. */
  readonly stored?: string;
}

/** What configures a provider. `setting` is what an administrator calls it in what is refused. */
export type KeySettings =
  | { readonly kind: 'file'; readonly path: string; readonly setting: string }
  | { readonly kind: 'environment'; readonly variable: string; readonly setting: string }
  /** Program and arguments; no shell sees them. */
  | { readonly kind: 'command'; readonly argv: readonly string[]; readonly setting: string }
  | VaultSettings
  | AwsKmsSettings;

export interface VaultSettings {
  readonly kind: 'vault';
  /** https, or http to this very machine. */
  readonly url: string;
  readonly namespace?: string;
  /** Of the Transit engine: `transit`. */
  readonly mount: string;
  readonly key: string;
  readonly login: VaultLogin;
}

export type VaultLogin =
  | { readonly kind: 'token'; readonly tokenFile: string; readonly setting: string }
  | {
      readonly kind: 'approle';
      /** Of the login: `approle`. */
      readonly mount: string;
      readonly roleId: string;
      readonly secretIdFile: string;
      readonly setting: string;
    };

export interface AwsKmsSettings {
  readonly kind: 'aws-kms';
  /** Key id, ARN or alias. */
  readonly keyId: string;
  readonly region: string;
  /** Absent: https://kms.REGION.amazonaws.com. */
  readonly url?: string;
  /**
   * File of mode 0600: JSON of accessKeyId, secretAccessKey and perhaps sessionToken; absent: AWS_ACCESS_KEY_ID,
   * AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the environment.
   */
  readonly credentialsFile?: string;
  readonly setting: string;
}
