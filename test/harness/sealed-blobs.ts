import type { Clock, KeyRing, PackReader, SealedPack, SitedPack, StudyKeyRow } from '../../src/ports/index.ts';
import {
  type FileBlobStore,
  type FileBlobStoreOptions,
  openFileBlobStore,
} from '../../src/storage/blobs/file-blob-store.ts';
import { testKeyRing } from './test-keys.ts';

/** Rows of packs and keys, as a ledger would keep them. */
export interface KeptRows {
  readonly packs: Pick<PackReader, 'get' | 'studyKey'>;
  readonly rows: Map<string, SitedPack>;
  readonly keys: Map<string, StudyKeyRow>;
  keep(site: string, sealed: SealedPack): void;
}

export function keptRows(): KeptRows {
  const rows = new Map<string, SitedPack>();
  const keys = new Map<string, StudyKeyRow>();
  return {
    packs: {
      get: async (pack) => rows.get(pack),
      studyKey: async (site, studyInstanceUid) => keys.get(`${site}/${studyInstanceUid}`),
    },
    rows,
    keys,
    keep(site, { row, studyKey }) {
      rows.set(row.pack, { site, row });
      if (studyKey) keys.set(`${site}/${studyKey.studyInstanceUid}`, studyKey);
    },
  };
}

export interface SealedBlobsOptions extends Pick<FileBlobStoreOptions, 'archive' | 'random'> {
  readonly dataDir: string;
  readonly kept?: KeptRows;
  readonly keyRing?: KeyRing;
  readonly clock?: Clock;
}

/** The file blob store with rows that are kept as soon as a pack is sealed. */
export async function openSealedBlobs(
  options: SealedBlobsOptions,
): Promise<{ readonly blobs: FileBlobStore; readonly kept: KeptRows }> {
  const {
    kept = keptRows(),
    keyRing = testKeyRing(),
    clock = { now: () => new Date('2026-11-24T12:00:00Z') },
  } = options;
  const store = await openFileBlobStore({ ...options, keyRing, clock, packs: kept.packs });
  const blobs: FileBlobStore = {
    ...store,
    async openPack(site, studyInstanceUid) {
      const writer = await store.openPack(site, studyInstanceUid);
      let pack: string | undefined;
      return {
        ...writer,
        async seal() {
          const sealed = await writer.seal();
          kept.keep(site, sealed);
          pack = sealed.row.pack;
          return sealed;
        },
        async discard() {
          if (pack !== undefined) kept.rows.delete(pack);
          await writer.discard();
        },
      };
    },
    async remove(pack) {
      kept.rows.delete(pack);
      await store.remove(pack);
    },
  };
  return { blobs, kept };
}
