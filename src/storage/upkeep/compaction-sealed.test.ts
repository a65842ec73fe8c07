import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { instanceRow, outboxRow, runRow } from '../../../test/contract/store-rows.ts';
import { TEST_DATA_KEYS, testKeyRing } from '../../../test/harness/test-keys.ts';
import type { BlobLocation } from '../../ports/index.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { openSqliteStore } from '../sqlite/open.ts';
import { createCompaction } from './compaction.ts';

const SITE = 'main';
const STUDY = '1.2.840.1';
const GRACE_SECONDS = 600;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closing.pop(); close; close = closing.pop()) await close();
});

async function house() {
  const dataDir = mkdtempSync(join(tmpdir(), 'neuroinsight-compaction-'));
  closing.push(() => rmSync(dataDir, { recursive: true, force: true }));
  let now = Date.UTC(2026, 10, 24);
  const clock = { now: () => new Date(now) };
  const store = await openSqliteStore({ dataDir, clock, keys: TEST_DATA_KEYS, readerThreads: 1 });
  closing.push(store.close);
  const blobs = await openFileBlobStore({ dataDir, keyRing: testKeyRing(), packs: store.packs, clock });
  closing.push(blobs.close);
  const compaction = createCompaction({
    ...store,
    blobs,
    clock,
    log: { error: () => undefined },
    graceSeconds: GRACE_SECONDS,
  });
  return {
    store,
    blobs,
    run: () => compaction.run(new AbortController().signal),
    wait: (seconds: number) => {
      now += seconds * 1000;
    },
  };
}

describe('the compaction of sealed packs', () => {
  it('keeps every byte that is pointed to, and gives back the rest', async () => {
    const { store, blobs, run, wait } = await house();
    const pieces = Array.from({ length: 12 }, (_, n) => randomBytes(100_000 + n * 7_919));
    const [metadata, report] = [randomBytes(2_000), randomBytes(50_000)];
    const writer = await blobs.openPack(SITE, STUDY);
    const locations: BlobLocation[] = [];
    for (const piece of [...pieces, metadata, report]) locations.push(await writer.append(piece));
    const { row, studyKey } = await writer.seal();
    const uid = (n: number): string => `${STUDY}.1.${n}`;
    const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
    const file = locations[13]!;
    await store.ledger.commit({
      site: SITE,
      packs: [row],
      studyKeys: [studyKey!],
      instances: pieces.map((piece, n) =>
        instanceRow(
          { study: STUDY, series: `${STUDY}.1`, uid: uid(n) },
          { blob: locations[n]!, metadata: locations[12]!, storedSha256: sha256Of(piece) },
        ),
      ),
      runs: [{ expected: 0, row: runRow('r', { state: 'completed', files: { 'report.pdf': file } }) }],
      outbox: [{ expected: 0, row: outboxRow('o', { state: 'dead', payload: { kind: 'fhir', bundle: file } }) }],
    });
    const kept = [2, 3, 11];
    const instances = pieces
      .map((_, n) => ({ studyInstanceUid: STUDY, sopInstanceUid: uid(n) }))
      .filter((_, n) => !kept.includes(n));
    await store.ledger.commit({ site: SITE, removals: { instances } });

    expect(await run()).toMatchObject({ rewritten: 1, failed: 0 });
    const rows = await store.dicom.instances(SITE, { studyInstanceUid: STUDY });
    expect(rows.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(kept.map(uid).sort());
    for (const one of rows) {
      expect(one.blob.pack).not.toBe(row.pack);
      expect(sha256Of(await blobs.read(one.blob))).toBe(one.storedSha256);
      expect(metadata.equals(await blobs.read(one.metadata))).toBe(true);
    }
    const run1 = (await store.runs.get(SITE, 'r'))!;
    expect(report.equals(await blobs.read(run1.files['report.pdf']!))).toBe(true);
    expect((await store.outbox.get(SITE, 'o'))!.payload).toEqual({ kind: 'fhir', bundle: run1.files['report.pdf'] });
    // Whoever asked before the move reads on.
    expect(pieces[2]!.equals(await blobs.read(locations[2]!))).toBe(true);

    const before = await store.packs.bytesOf(SITE);
    wait(GRACE_SECONDS);
    expect(await run()).toMatchObject({ removed: 1, freedBytes: row.bytes });
    expect(await store.packs.bytesOf(SITE)).toBe(before - row.bytes);
    await expect(blobs.read(locations[2]!)).rejects.toMatchObject({ kind: 'not-found' });
    for (const one of rows) expect(sha256Of(await blobs.read(one.blob))).toBe(one.storedSha256);
  });
});
