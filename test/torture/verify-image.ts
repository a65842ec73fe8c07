import { createHash } from 'node:crypto';
import { type Foundation, openFoundation } from '../../src/compose-foundation.ts';
import { loadConfig } from '../../src/config.ts';
import type { InstanceRow } from '../../src/ports/index.ts';
import { createSweep } from '../../src/storage/blobs/sweep.ts';
import { type Acknowledged, contentOf, IDENTIFIERS } from './mixed-writes.ts';

/** What one image was found to hold. */
export interface ImageFindings {
  /** Each names one acknowledged write that is not there as it was sent. */
  readonly lost: readonly string[];
  /** Rows without intact bytes, requests of which a part is there. */
  readonly torn: readonly string[];
  /** Acknowledged writes that left no audit row. */
  readonly unaudited: readonly string[];
  /** Packs that no row points to: swept. */
  readonly orphans: number;
}

type Opened = Pick<Foundation, 'store' | 'blobs' | 'clock' | 'apiKeys' | 'scrub' | 'close'>;

const SITE = 'main';
const AUDIT_PAGE = 1000;

/** Opens the data folder as a server would and looks for everything that was acknowledged; then it is written to. */
export async function verifyImage(dataDir: string, record: Acknowledged): Promise<ImageFindings> {
  const environment = {
    NEUROINSIGHT_DATA_DIR: dataDir,
    NEUROINSIGHT_LOG_LEVEL: 'silent',
    NEUROINSIGHT_MINIMUM_FREE_MIB: '0',
    NEUROINSIGHT_SCRUB_MIB_PER_SECOND: '1024',
  };
  const config = loadConfig(new URL('../../config/default.json', import.meta.url), environment);
  const opened: Opened = await openFoundation(config, { purpose: 'power-cut' });
  try {
    const lost: string[] = [];
    const torn: string[] = [];
    const unaudited: string[] = [];
    await verifyStudies(opened, record, lost, torn);
    await verifyVersions(opened, record, lost);
    await verifyTransactions(opened, record, torn);
    await verifyAudit(opened, record, unaudited);
    // Every MAC, the chain of commits, history against rows and index.
    const { findings } = await opened.store.verify();
    torn.push(...findings.map(({ check, found, first }) => `${check}: ${found}, first ${first}`));
    // Every chunk of every pack that has a row, those of results too.
    const { damaged, left } = await opened.scrub.run(new AbortController().signal);
    torn.push(...damaged.map((pack) => `pack ${pack}`), ...(left > 0 ? [`${left} packs were not read`] : []));
    const orphans = await sweepAll(opened);
    // What the sweep took was nobody's.
    await verifyStudies(opened, { ...record, attemptedStudies: [] }, lost, torn);
    await opened.apiKeys.create({ site: SITE, name: `after-${record.versions.length}`, scopes: 'system/*.r', days: 1 });
    return { lost: distinct(lost), torn: distinct(torn), unaudited, orphans };
  } finally {
    await opened.close();
  }
}

/** Instances and versions of resources. */
export const acknowledgedIn = ({ stows, versions }: Acknowledged): number =>
  stows.reduce((sum, { stored }) => sum + stored.length, versions.length);

const distinct = (lines: readonly string[]): readonly string[] => [...new Set(lines)];

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function bytesHash({ blobs }: Opened, row: InstanceRow): Promise<string> {
  return blobs.read(row.blob).then(sha256Of, (error: Error) => `unreadable: ${error.message}`);
}

/** Every instance of every study that was tried: its bytes against its row, and against what was acknowledged. */
async function verifyStudies(
  opened: Opened,
  { stows, attemptedStudies }: Acknowledged,
  lost: string[],
  torn: string[],
): Promise<void> {
  const found = new Map<string, string>();
  const there = new Set<string>();
  const studies = new Set([...stows, ...attemptedStudies].map(({ studyInstanceUid }) => studyInstanceUid));
  for (const studyInstanceUid of studies) {
    const rows = await opened.store.dicom
      .instances(SITE, { studyInstanceUid })
      .catch((error: Error) => void torn.push(`study ${studyInstanceUid}: ${error.message}`));
    for (const row of rows ?? []) {
      const hash = await bytesHash(opened, row);
      found.set(row.sopInstanceUid, hash);
      there.add(hash);
      if (hash !== row.storedSha256) torn.push(`instance ${row.sopInstanceUid}: ${hash}`);
    }
  }
  for (const { stored, files } of stows) {
    for (const uid of stored) {
      if (!files.includes(found.get(uid) ?? '')) lost.push(`instance ${uid}: ${found.get(uid) ?? 'no row'}`);
    }
  }
  for (const { studyInstanceUid, requests } of attemptedStudies) {
    for (const files of requests) {
      const present = files.filter((hash) => there.has(hash)).length;
      if (present > 0 && present < files.length) {
        torn.push(`request of ${studyInstanceUid}: ${present} of ${files.length} instances`);
      }
    }
  }
}

async function verifyVersions({ store }: Opened, { versions }: Acknowledged, lost: string[]): Promise<void> {
  for (const { type, id, versionId, content } of versions) {
    const name = `${type}/${id} version ${versionId}`;
    const row = await store.resources.getVersion(SITE, type, id, versionId).catch((error: Error) => {
      lost.push(`${name}: ${error.message}`);
    });
    if (!row) {
      lost.push(`${name}: no row`);
      continue;
    }
    const stored = row.json === undefined ? undefined : contentOf(JSON.parse(row.json) as Record<string, unknown>);
    if (stored !== content) lost.push(`${name}: other content`);
    const current = await store.resources.get(SITE, type, id);
    if ((current?.versionId ?? 0) < versionId) lost.push(`${name}: the current version is older`);
  }
}

/** All of a transaction or nothing of it, acknowledged or not. */
async function verifyTransactions({ store }: Opened, record: Acknowledged, torn: string[]): Promise<void> {
  for (const { identifier, resources } of record.attemptedTransactions) {
    const { total } = await store.resources.search(SITE, {
      resourceType: 'Patient',
      where: [{ kind: 'token', param: 'identifier', anyOf: [{ system: IDENTIFIERS, code: identifier }] }],
      sort: [],
      count: 0,
      offset: 0,
      total: true,
    });
    if (total !== 0 && total !== resources) torn.push(`transaction ${identifier}: ${total} of ${resources}`);
  }
}

/** Every acknowledged write has left an audit row that names what was written. */
async function verifyAudit({ store }: Opened, { stows, versions }: Acknowledged, unaudited: string[]): Promise<void> {
  const named = new Map<string, number>();
  for (let offset = 0; ; offset += AUDIT_PAGE) {
    const { rows } = await store.audit.search(SITE, { count: AUDIT_PAGE, offset });
    for (const { entities, action, outcome } of rows) {
      if (outcome !== '0' || action === 'R') continue;
      for (const entity of entities) named.set(entity, (named.get(entity) ?? 0) + 1);
    }
    if (rows.length < AUDIT_PAGE) break;
  }
  const wanted = new Map<string, number>();
  const want = (entity: string): void => void wanted.set(entity, (wanted.get(entity) ?? 0) + 1);
  for (const { type, id } of versions) want(`${type}/${id}`);
  for (const { studyInstanceUid } of stows) want(`urn:oid:${studyInstanceUid}`);
  for (const [entity, count] of wanted) {
    const rows = named.get(entity) ?? 0;
    if (rows < count) unaudited.push(`audit of ${entity}: ${rows} of ${count} rows`);
  }
}

async function sweepAll({ store, blobs, clock }: Opened): Promise<number> {
  const sweep = createSweep({ blobs, index: store.dicom, packs: store.packs, clock, orphanSeconds: 0 });
  return (await sweep.run(new AbortController().signal)).length;
}
