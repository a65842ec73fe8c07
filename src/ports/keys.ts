/** A key under a key-encryption key: the only form in which a key rests on a disk. */
export interface WrappedKey {
  /** Which key-encryption key (KEK) it is wrapped under. */
  readonly kekId: string;
  /** Base64 of nonce (12 bytes), ciphertext (32 bytes) and tag (16 bytes), AES-256-GCM; the context is its AAD. */
  readonly wrapped: string;
}

/** The key-encryption keys at hand: the current one, and while a rotation lasts the one before it. Local and quick. */
export interface KeyRing {
  readonly currentKekId: string;
  /** @param context what the key is for (`study/SITE/UID`); a key unwraps only in the context it was wrapped in. */
  wrap(key: Uint8Array, context: string): WrappedKey;
  /** @throws wrong-key when the KEK is not at hand, or the bytes or the context are not those that were wrapped. */
  unwrap(wrapped: WrappedKey, context: string): Uint8Array;
}

/** The key of one study, which the keys of its packs are derived from. Destroying the row erases the study. */
export interface StudyKeyRow extends WrappedKey {
  readonly studyInstanceUid: string;
  /** FHIR instant. */
  readonly createdAt: string;
}

/** The study key moves under another KEK; refused with conflict unless it lies under `fromKekId`. */
export interface Rewrap {
  readonly fromKekId: string;
  readonly row: StudyKeyRow;
}

/** One pack of bytes as it lies in the store. */
export interface PackRow {
  readonly pack: string;
  readonly studyInstanceUid: string;
  /** Size of the file, and the sha256 (hex) of its bytes as they lie there, enciphered. */
  readonly bytes: number;
  readonly sha256: string;
  /** FHIR instants. */
  readonly sealedAt: string;
  /** `archived`: in the slow store; it is recalled before it can be read. */
  readonly tier: 'online' | 'archived';
  /** When the scrub last read it whole. */
  readonly checkedAt?: string;
  /** What the scrub found wrong; absent: nothing. */
  readonly damage?: string;
}

export interface SitedPack {
  readonly site: string;
  readonly row: PackRow;
}

/** Packs and the keys of studies. */
export interface PackReader {
  get(pack: string): Promise<SitedPack | undefined>;
  ofStudy(site: string, studyInstanceUid: string): Promise<readonly PackRow[]>;
  /** By name, those after `after`; '' begins. */
  list(after: string, limit: number): Promise<readonly SitedPack[]>;
  studyKey(site: string, studyInstanceUid: string): Promise<StudyKeyRow | undefined>;
  /** Study keys that lie under another KEK than `kekId`; every call may find the next ones. */
  keysNotUnder(kekId: string, limit: number): Promise<readonly { readonly site: string; readonly row: StudyKeyRow }[]>;
  countKeysNotUnder(kekId: string): Promise<number>;
  /** Bytes of all packs of a site. */
  bytesOf(site: string): Promise<number>;
}
