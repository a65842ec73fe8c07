import { NeuroInsightError } from '../../domain/errors.ts';
import type { LogHead } from '../../ports/index.ts';
import type { ManifestSigner } from './signature.ts';

/** Bytes in the repository: the file objects/ab/SHA256. */
export interface ObjectRef {
  /** sha256, hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/** One file of the data folder. */
export interface BackupFile extends ObjectRef {
  /** Within the data folder, with `/`. Names of packs are random: they say nothing about whose they are. */
  readonly path: string;
  /** The file was not what its row says when it was copied: it is kept as it lay there. */
  readonly damaged?: true;
}

/** The database file, put together of blocks of equal size; only the last may be shorter. */
export interface BackupDatabase extends ObjectRef {
  readonly path: string;
  readonly blockBytes: number;
  /** Each holds blocks that were new when it was made, one after the other. */
  readonly objects: readonly ObjectRef[];
  /** In the order of the file: sha256 of the block (base64url), place in `objects`, offset in that object. */
  readonly blocks: readonly (readonly [sha256: string, object: number, offset: number])[];
}

/** Everything that a snapshot consists of; itself an object of the repository. */
export interface BackupContents {
  readonly database: BackupDatabase;
  readonly files: readonly BackupFile[];
  /** Packs that rows name and that were not there: archived ones, and those that were lost before. */
  readonly elsewhere: readonly { readonly pack: string; readonly why: 'archived' | 'missing' }[];
}

export interface BackupManifest {
  readonly format: 'neuroinsight-backup-1';
  /** Time and random digits: the name of the file in snapshots/. */
  readonly snapshot: string;
  readonly softwareVersion: string;
  /** FHIR instant of the state that was copied. */
  readonly at: string;
  /** The last commit in it. */
  readonly log: LogHead;
  readonly contents: ObjectRef;
  /** Everything together, in bytes; how much of it this backup had to add. */
  readonly bytes: number;
  readonly addedBytes: number;
  readonly packs: number;
  /** Key-encryption keys without which it cannot be read. */
  readonly kekIds: readonly string[];
  /** Entries of the erasure list that was known; a list with fewer is an old one. */
  readonly erasures: number;
}

const SIGNED_FOR = Buffer.from('neuroinsight backup manifest\n');

/** Two lines: the manifest, and the signature over that very line. */
export function writeManifest(manifest: BackupManifest, signer: ManifestSigner): string {
  const line = JSON.stringify(manifest);
  return `${line}\n${signer.sign(signedBytes(line)).toString('base64')}\n`;
}

/** What a manifest says before it is known who wrote it: only to find the keys that check it. @throws damaged */
export function readUnchecked(text: string): BackupManifest {
  const manifest = parsed(text.split('\n')[0] ?? '');
  if (!isManifest(manifest)) throw malformed();
  return manifest;
}

/** @throws damaged when it is not, byte for byte, what was signed. */
export function readManifest(text: string, signer: ManifestSigner): BackupManifest {
  const [line = '', signature = '', ...rest] = text.split('\n');
  const isWhole = rest.length === 1 && rest[0] === '';
  if (!isWhole || !signer.verifies(signedBytes(line), Buffer.from(signature, 'base64'))) {
    throw new NeuroInsightError('damaged', 'the manifest of the backup was changed or signed by somebody else');
  }
  return readUnchecked(text);
}

const signedBytes = (line: string): Buffer => Buffer.concat([SIGNED_FOR, Buffer.from(line)]);

const malformed = (): NeuroInsightError => new NeuroInsightError('damaged', 'the manifest of the backup is malformed');

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

export const SNAPSHOT_NAME = /^[0-9TZ.-]{16,32}-[0-9a-f]{8}$/;
const SHA256 = /^[0-9a-f]{64}$/;

function isManifest(value: unknown): value is BackupManifest {
  const manifest = value as Partial<BackupManifest> | null | undefined;
  return (
    manifest?.format === 'neuroinsight-backup-1' &&
    SNAPSHOT_NAME.test(String(manifest.snapshot)) &&
    typeof manifest.log?.sequence === 'number' &&
    typeof manifest.log.chain === 'string' &&
    typeof manifest.erasures === 'number' &&
    SHA256.test(String(manifest.contents?.sha256)) &&
    Number.isSafeInteger(manifest.contents?.bytes)
  );
}
