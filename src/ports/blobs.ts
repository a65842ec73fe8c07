import type { Readable } from 'node:stream';
import type { BlobLocation } from './dicom-index.ts';
import type { PackRow, StudyKeyRow } from './keys.ts';

/** What the commit that points into a pack must hold beside it. */
export interface SealedPack {
  readonly row: PackRow;
  /** The key of the study, until it is known to be stored. */
  readonly studyKey: StudyKeyRow | undefined;
}

/** One pack being written: the bytes of one request for one study. */
export interface PackWriter {
  /** Bytes in order; the location is good once the pack is sealed. Throws storage-full. */
  append(bytes: Uint8Array): Promise<BlobLocation>;
  /** Resolves after file and folder survive a power cut. Nothing may be appended after it. */
  seal(): Promise<SealedPack>;
  /** Removes what was written; for a request that stores nothing. Harmless after seal only before a row points here. */
  discard(): Promise<void>;
}

/** Bytes of stored instances. The store owns durability; the rows that point into packs own meaning. */
export interface BlobStore {
  openPack(site: string, studyInstanceUid: string): Promise<PackWriter>;
  /**
   * The bytes, or `range` of them: [first, last], inclusive, as in HTTP. Throws not-found for a pack that is gone.
   * A location may join neighbours: any stretch of a pack that was written can be read.
   *
   * @param into memory to be used again; where it is long enough the answer may be a view of it.
   */
  read(location: BlobLocation, range?: readonly [number, number], into?: Uint8Array): Promise<Uint8Array>;
  /** The bytes as a stream of bounded chunks. */
  stream(location: BlobLocation): Readable;
  /** Every pack that lies in the store. */
  packs(): AsyncIterable<string>;
  /** Deletes a whole pack. */
  remove(pack: string): Promise<void>;
  /** Bytes that can still be written; for the limit that keeps reading alive. */
  freeBytes(): Promise<number>;
}
