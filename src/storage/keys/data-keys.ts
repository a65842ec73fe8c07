/** The keys of one data folder, unwrapped: in memory only. */
export interface DataKeys {
  /** 64 hexadecimal digits: the passphrase of the database file. */
  readonly database: string;
  /** 32 bytes each: MACs of rows and the chain of commits; the seed of the Ed25519 key that signs manifests and proofs. */
  readonly rowMac: Uint8Array;
  readonly signingSeed: Uint8Array;
}
