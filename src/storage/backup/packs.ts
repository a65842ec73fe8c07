import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Snapshot } from '../sqlite/checkpoint.ts';
import type { BackupContents, BackupFile } from './manifest.ts';
import type { Repository } from './repository.ts';

/** A pack that rows name; without size and hash where no row of its own is there. */
interface NamedPack {
  readonly pack: string;
  readonly tier: 'online' | 'archived';
  readonly expected: { readonly bytes: number; readonly sha256: string } | undefined;
}

const PAGE = 2_000;
const LINKS = 'backup-links-';
const PACK = /^[0-9a-f]{32}$/;

const pathOf = (pack: string): string => `blobs/${pack.slice(0, 2)}/${pack}.pack`;

/**
 * The packs that the snapshot points to. Those that are still to be copied get a second name in a folder of their own,
 * so that a deletion meanwhile takes none away: the key of a study may go, the bytes without it are worth nothing.
 */
export async function linkPacks(
  snapshot: Snapshot,
  dataDir: string,
  repository: Repository,
): Promise<{ readonly packs: readonly NamedPack[]; readonly links: string }> {
  for (const name of await readdir(dataDir)) {
    if (name.startsWith(LINKS)) await rm(join(dataDir, name), { recursive: true, force: true });
  }
  const links = join(dataDir, `${LINKS}${randomBytes(4).toString('hex')}`);
  await mkdir(links, { mode: 0o700 });
  const packs = await namedPacks(snapshot);
  for (const { pack, tier, expected } of packs) {
    if (tier === 'archived' || (expected && (await repository.has(expected)))) continue;
    // Not there, or folders on two disks: seen when it is copied.
    await link(join(dataDir, pathOf(pack)), join(links, pack)).catch(() => undefined);
  }
  return { packs, links };
}

async function namedPacks(snapshot: Snapshot): Promise<NamedPack[]> {
  const packs: NamedPack[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const rows = await snapshot.rows(
      'SELECT pack, bytes, sha256, tier FROM packs WHERE pack > ? ORDER BY pack LIMIT ?',
      [after, PAGE],
    );
    for (const { pack, bytes, sha256, tier } of rows) {
      const expected = { bytes: Number(bytes), sha256: String(sha256) };
      packs.push({ pack: String(pack), tier: tier === 'archived' ? 'archived' : 'online', expected });
    }
    after = rows.length < PAGE ? undefined : String(rows.at(-1)!.pack);
  }
  const others = await snapshot.rows(`SELECT pack FROM instances WHERE pack NOT IN (SELECT pack FROM packs)
    UNION SELECT pack FROM pack_references WHERE pack NOT IN (SELECT pack FROM packs)`);
  packs.push(...others.map(({ pack }): NamedPack => ({ pack: String(pack), tier: 'online', expected: undefined })));
  // A name that is none of ours could lead out of the folder.
  return packs.filter(({ pack }) => PACK.test(pack));
}

export interface CopyPacks {
  readonly deps: { readonly dataDir: string; readonly archivedPack?: (pack: string) => string | undefined };
  readonly repository: Repository;
  readonly packs: readonly NamedPack[];
  readonly links: string;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: { readonly step: 'packs'; readonly done: number; readonly total: number }) => void;
}

interface CopiedPacks {
  readonly files: readonly BackupFile[];
  readonly elsewhere: BackupContents['elsewhere'];
  readonly addedBytes: number;
}

/** A copy mostly waits for the disk to have its bytes. */
const AT_ONCE = 4;

type Copied = { readonly file: BackupFile; readonly addedBytes: number } | BackupContents['elsewhere'][number];

/** Copies what the repository does not have. A pack that is damaged is copied as it lies, and named. */
export async function copyPacks(options: CopyPacks): Promise<CopiedPacks> {
  const { packs, links, onProgress } = options;
  const copied: Copied[] = [];
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < packs.length; index = next++) {
      onProgress?.({ step: 'packs', done: done++, total: packs.length });
      copied[index] = await copyPack(options, packs[index]!);
    }
  };
  try {
    const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  } finally {
    await rm(links, { recursive: true, force: true });
  }
  const there = copied.filter((one) => 'file' in one);
  return {
    files: there.map(({ file }) => file),
    elsewhere: copied.filter((one) => 'why' in one),
    addedBytes: there.reduce((sum, one) => sum + one.addedBytes, 0),
  };
}

async function copyPack({ repository, links, signal, deps }: CopyPacks, named: NamedPack): Promise<Copied> {
  const { pack, tier, expected } = named;
  if (signal.aborted) throw new NeuroInsightError('cancelled', 'the backup was cancelled');
  if (expected && (await repository.has(expected))) return { file: { path: pathOf(pack), ...expected }, addedBytes: 0 };
  const places =
    tier === 'archived' ? [deps.archivedPack?.(pack)] : [join(links, pack), join(deps.dataDir, pathOf(pack))];
  const copied = await copyFirst(places, repository, signal);
  if (!copied) return { pack, why: tier === 'archived' ? 'archived' : 'missing' };
  const { sha256, bytes, added } = copied;
  const isDamaged = expected !== undefined && expected.sha256 !== sha256;
  const file: BackupFile = { path: pathOf(pack), sha256, bytes, ...(isDamaged && { damaged: true }) };
  return { file, addedBytes: added ? bytes : 0 };
}

async function copyFirst(places: readonly (string | undefined)[], repository: Repository, signal: AbortSignal) {
  for (const place of places) {
    if (place === undefined) continue;
    try {
      return await repository.putFile(place, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}
