import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** What stands before the 32 bytes of a seed in the PKCS #8 form of an Ed25519 key (RFC 8410 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The Ed25519 key that signs manifests, and the public half that checks them. */
export interface ManifestSigner {
  sign(bytes: Uint8Array): Buffer;
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** @param seed 32 bytes, see DataKeys. */
export function createSigner(seed: Uint8Array): ManifestSigner {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const open: KeyObject = createPublicKey(secret);
  return {
    sign: (bytes) => sign(null, bytes, secret),
    verifies: (bytes, signature) => verify(null, bytes, open, signature),
    publicKey: Buffer.from(open.export({ format: 'jwk' }).x!, 'base64url'),
  };
}
