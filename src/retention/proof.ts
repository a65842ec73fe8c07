import { createPublicKey, verify } from 'node:crypto';
import { NeuroInsightError } from '../domain/errors.ts';
import type { DocumentRow } from '../ports/index.ts';

/** Signs proofs, with the Ed25519 key of the data folder. */
export interface Signer {
  sign(bytes: Uint8Array): Uint8Array;
}

/** Which kinds of things, and how many of each. */
export interface DeletionCounts {
  readonly studies: number;
  readonly instances: number;
  readonly resources: number;
  readonly runs: number;
  readonly auditRows: number;
}

export const NOTHING: DeletionCounts = { studies: 0, instances: 0, resources: 0, runs: 0, auditRows: 0 };

/** What a proof says. It names nothing: whoever knows the name of a thing and the key can find its digest. */
export interface DeletionStatement {
  readonly format: 1;
  readonly site: string;
  /** FHIR instant. */
  readonly at: string;
  /** KIND/ID of who deleted. */
  readonly by: string;
  /** retention/sources and so on, or `explicit`. */
  readonly rule: string;
  readonly reason: string | undefined;
  readonly counts: DeletionCounts;
  /** Keyed digests of `study/UID`, `instance/UID`, `resource/TYPE/ID`, `run/ID`, in order. */
  readonly what: readonly string[];
}

/** `statement` is the JSON text that was signed, to the letter. */
export interface DeletionProof {
  readonly statement: string;
  /** Base64 of the 64 bytes of an Ed25519 signature. */
  readonly signature: string;
}

/** @param id sortable by time, so that proofs are listed in their order. */
export function proofDocument(id: string, statement: DeletionStatement, signer: Signer): DocumentRow<DeletionProof> {
  const text = JSON.stringify(statement);
  const signature = Buffer.from(signer.sign(Buffer.from(text))).toString('base64');
  return { kind: 'deletion-proof', id, version: 1, content: { statement: text, signature } };
}

// RFC 8410: what stands before the 32 bytes of a public key in its DER form.
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * What a proof says, when the key that is known to be the data folder's signed it.
 * @param publicKey 32 bytes.
 * @throws damaged.
 */
export function readProof({ statement, signature }: DeletionProof, publicKey: Uint8Array): DeletionStatement {
  const key = createPublicKey({ key: Buffer.concat([SPKI_ED25519, publicKey]), format: 'der', type: 'spki' });
  if (!verify(null, Buffer.from(statement), key, Buffer.from(signature, 'base64'))) {
    throw new NeuroInsightError('damaged', 'a proof of deletion was not signed by this data folder');
  }
  return JSON.parse(statement) as DeletionStatement;
}
