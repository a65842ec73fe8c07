import { rm } from 'node:fs/promises';
import { type Foundation, SITES, systemIds } from './compose-foundation.ts';
import type { AuditTrail, Clock, Principal } from './ports/index.ts';
import { digestOfFolder } from './retention/deletion.ts';
import { createErasure, type Erasure } from './retention/erasure.ts';
import { type ErasureList, erasureListOf, readErasureList } from './retention/erasure-list.ts';
import { replayErasures } from './retention/erasure-replay.ts';
import { publishErasures } from './storage/backup/erasure-file.ts';
import type { ErasureReplay } from './storage/backup/restore.ts';
import { createSigner } from './storage/backup/signature.ts';
import { blobsFolder } from './storage/blobs/file-blob-store.ts';
import { packPath } from './storage/blobs/pack-files.ts';
import type { SqliteStore } from './storage/sqlite/open.ts';

type Listed = Pick<Foundation, 'store' | 'signer'>;

/** The signed list of erasures of all sites, as of now. */
export const erasureList = ({ store: { documents }, signer }: Listed): Promise<ErasureList> =>
  erasureListOf(
    { documents, signer },
    SITES.map(({ name }) => name),
  );

type Erasing = Listed &
  Pick<Foundation, 'config' | 'packFiles' | 'audit' | 'holds' | 'clock' | 'ids'> & {
    readonly keys: { readonly keys: Pick<Foundation['keys']['keys'], 'rowMac'> };
  };

/** Erasure of patients over an opened data folder. */
export function composeErasure(foundation: Erasing): Erasure {
  const { config, store, packFiles, audit, holds, clock, ids, signer, keys } = foundation;
  const { repository } = config.backup;
  return createErasure({
    ...store,
    blobs: packFiles,
    audit,
    holds,
    clock,
    ids,
    signer,
    digest: digestOfFolder(keys.keys.rowMac),
    foldLog: async () => (await store.checkpoint.hold())(),
    async publish() {
      if (repository === null) return false;
      await publishErasures(repository, () => erasureList(foundation), clock);
      return true;
    },
  });
}

/** How a restored folder forgets who was erased after the backup. */
export function composeReplay(
  clock: Clock,
  auditOf: (ledger: SqliteStore['ledger']) => Pick<AuditTrail, 'rowOf'>,
  principal: Principal,
): ErasureReplay<SqliteStore> {
  return {
    count: (list, keys) => readErasureList(list, createSigner(keys.signingSeed)).length,
    async replay(list, opened, keys, dataDir) {
      const deps = {
        ...opened,
        audit: auditOf(opened.ledger),
        clock,
        ids: systemIds,
        signer: createSigner(keys.signingSeed),
        digest: digestOfFolder(keys.rowMac),
        removePack: (pack: string) => rm(packPath(blobsFolder(dataDir), pack), { force: true }),
      };
      return (await replayErasures(list, deps, principal)).erased;
    },
  };
}
