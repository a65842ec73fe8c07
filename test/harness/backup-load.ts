import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { BlobStore } from '../../src/ports/index.ts';
import { type FileBlobStore, openFileBlobStore } from '../../src/storage/blobs/file-blob-store.ts';
import type { SqliteStore } from '../../src/storage/sqlite/open.ts';
import { instanceRow, patientVersion } from '../contract/store-rows.ts';
import type { BackupWorld } from './backup-world.ts';
import { testKeyRing } from './test-keys.ts';

const clock = { now: () => new Date() };

/** What was acknowledged: versions by patient, and the sha256 of instances. */
export interface Acknowledged {
  readonly versions: Map<string, number>;
  readonly instances: Map<string, { readonly study: string; readonly sha256: string }>;
}

/** Writes studies and patients into the store of a world, as requests would. */
export interface Load {
  readonly acknowledged: Acknowledged;
  /** One study: one pack of so many instances, then its rows in one commit. */
  addStudy(instances: number, instanceBytes: number): Promise<void>;
  /** Creates a patient or writes the next version of one. */
  addVersion(patient: string): Promise<void>;
  /** Goes on writing until told to stop; resolves to how many writes were acknowledged. */
  start(): { stop(): Promise<number> };
  copy(): Acknowledged;
}

export const openBlobs = (dataDir: string, store: SqliteStore): Promise<FileBlobStore> =>
  openFileBlobStore({ dataDir, keyRing: testKeyRing(), packs: store.packs, clock });

export function createLoad(world: BackupWorld, blobs: BlobStore): Load {
  const { ledger } = world.store;
  const acknowledged: Acknowledged = { versions: new Map(), instances: new Map() };
  let studies = 0;
  const addStudy = async (instances: number, instanceBytes: number): Promise<void> => {
    const study = `1.2.${++studies}`;
    const pack = await blobs.openPack('main', study);
    const rows = [];
    for (let number = 1; number <= instances; number++) {
      const bytes = randomBytes(instanceBytes);
      const storedSha256 = createHash('sha256').update(bytes).digest('hex');
      const [blob, metadata] = [await pack.append(bytes), await pack.append(randomBytes(400))];
      const place = { study, series: `${study}.1`, uid: `${study}.1.${number}` };
      rows.push({ ...instanceRow(place), blob, metadata, storedSha256, receivedSha256: storedSha256 });
    }
    const { row, studyKey } = await pack.seal();
    await ledger.commit({ site: 'main', instances: rows, packs: [row], ...(studyKey && { studyKeys: [studyKey] }) });
    for (const { sopInstanceUid, storedSha256 } of rows) {
      acknowledged.instances.set(sopInstanceUid, { study, sha256: storedSha256 });
    }
  };
  const addVersion = async (patient: string): Promise<void> => {
    const expected = acknowledged.versions.get(patient) ?? 0;
    const row = patientVersion(patient, expected + 1, `Family${expected}`);
    await ledger.commit({ site: 'main', resources: [{ expected, row }] });
    acknowledged.versions.set(patient, expected + 1);
  };
  return {
    acknowledged,
    addStudy,
    addVersion,
    start() {
      let isRunning = true;
      let writes = 0;
      const writer = async (write: (n: number) => Promise<void>): Promise<void> => {
        for (let n = 0; isRunning; n++) {
          await write(n);
          writes++;
        }
      };
      const writers = [
        writer(() => addStudy(3, 130_000)),
        writer((n) => addVersion(`one-${n % 50}`)),
        writer((n) => addVersion(`other-${n}`)),
      ];
      return {
        async stop() {
          isRunning = false;
          await Promise.all(writers);
          return writes;
        },
      };
    },
    copy: () => ({ versions: new Map(acknowledged.versions), instances: new Map(acknowledged.instances) }),
  };
}

export interface Compared {
  readonly versions: number;
  readonly instances: number;
  /** Things that are in the store and point to what is not. */
  readonly dangling: number;
}

/** Reads everything that was acknowledged from a restored folder. Throws an Error for what is missing or another. */
export async function compareRestored(
  world: BackupWorld,
  to: string,
  { versions, instances }: Acknowledged,
): Promise<Compared> {
  const store = await world.openRestored(to);
  const blobs = await openBlobs(join(world.folder, to), store);
  try {
    let compared = 0;
    for (const [id, newest] of versions) {
      for (let version = 1; version <= newest; version++, compared++) {
        const [one, other] = await Promise.all(
          [store, world.store].map(({ resources }) => resources.getVersion('main', 'Patient', id, version)),
        );
        if (!one || JSON.stringify(one) !== JSON.stringify(other)) throw new Error(`version ${version} of ${id}`);
      }
    }
    const read = new Set<string>();
    let dangling = 0;
    for (const study of await allStudies(store)) {
      for (const row of await store.dicom.instances('main', { studyInstanceUid: study })) {
        const bytes = await blobs.read(row.blob).catch(() => undefined);
        const sha256 = bytes && createHash('sha256').update(bytes).digest('hex');
        if (sha256 !== row.storedSha256) dangling++;
        else read.add(`${row.sopInstanceUid} ${sha256}`);
      }
    }
    for (const [uid, { sha256 }] of instances) if (!read.has(`${uid} ${sha256}`)) throw new Error(`instance ${uid}`);
    return { versions: compared, instances: read.size, dangling };
  } finally {
    await blobs.close();
    await store.close();
  }
}

async function allStudies(store: SqliteStore): Promise<string[]> {
  const studies: string[] = [];
  for (let offset = 0; ; offset += 500) {
    const page = await store.dicom.query('main', { level: 'study', where: [], limit: 500, offset });
    studies.push(...page.map(({ studyInstanceUid }) => studyInstanceUid));
    if (page.length < 500) return studies;
  }
}
