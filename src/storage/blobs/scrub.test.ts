import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sourceRow } from '../../../test/harness/run-world.ts';
import { openSealedBlobs } from '../../../test/harness/sealed-blobs.ts';
import { createAuditTrail } from '../../audit/audit-trail.ts';
import type { InstanceRow, Tracing } from '../../ports/index.ts';
import { openMemoryStore } from '../memory/memory-store.ts';
import { packPath } from './pack-files.ts';
import { createScrub, type DamageReport, type ScrubDeps } from './scrub.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'neuroinsight-scrub-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const DAY = 86_400_000;
const never = new AbortController().signal;

async function world(change: Partial<ScrubDeps> = {}) {
  let now = Date.UTC(2026, 10, 24);
  const clock = { now: () => new Date(now) };
  const store = await openMemoryStore({ clock });
  const { blobs } = await openSealedBlobs({ dataDir, clock });
  const online = join(dataDir, 'blobs');
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceparent: '' };
  const tracing: Tracing = { current: () => trace, run: (_, work) => work() };
  let ids = 0;
  const audit = createAuditTrail({ ledger: store.ledger, clock, ids: { uuid: () => `audit-${ids++}` }, tracing });
  const pauses: number[] = [];
  const scrub = createScrub({
    packs: store.packs,
    contents: store.packContents,
    index: store.dicom,
    documents: store.documents,
    ledger: store.ledger,
    audit,
    clock,
    blobs,
    folders: { online },
    bytesPerSecond: 1e9,
    everySeconds: 30 * 86_400,
    pause: async (milliseconds) => {
      pauses.push(milliseconds);
    },
    ...change,
  });
  let number = 0;
  const put = async (study: string, instances = 3, bytes = 100_000): Promise<string> => {
    const writer = await blobs.openPack('main', study);
    const rows: InstanceRow[] = [];
    for (let i = 0; i < instances; i++) {
      const body = randomBytes(bytes);
      const sha256 = createHash('sha256').update(body).digest('hex');
      const blob = await writer.append(body);
      const metadata = await writer.append(Buffer.from('metadata'));
      const digests = { receivedSha256: sha256, storedSha256: sha256 };
      rows.push(sourceRow(++number, { studyInstanceUid: study, ...digests, blob, metadata }));
    }
    const { row, studyKey } = await writer.seal();
    await store.ledger.commit({ site: 'main', instances: rows, packs: [row], studyKeys: studyKey ? [studyKey] : [] });
    return row.pack;
  };
  const edit = (pack: string, work: (file: Buffer) => void): void => {
    const path = packPath(online, pack);
    const file = readFileSync(path);
    work(file);
    writeFileSync(path, file);
  };
  const rowOf = async (pack: string) => (await store.packs.get(pack))!.row;
  const reportOf = async (pack: string) => (await store.documents.get<DamageReport>('main', 'damage', pack))?.content;
  const days = (count: number) => {
    now += count * DAY;
  };
  return { store, blobs, scrub, put, edit, rowOf, reportOf, days, pauses, online };
}

describe('the scrub', () => {
  it('looks at every pack once in its time, and says when', async () => {
    const { blobs, scrub, put, rowOf, days } = await world();
    const packs = [await put('1'), await put('2'), await put('2', 0)];
    const bytes = (await Promise.all(packs.map(rowOf))).reduce((sum, row) => sum + row.bytes, 0);
    expect(await scrub.run(never)).toEqual({ packs: 3, bytes, damaged: [], repaired: [], left: 0 });
    for (const pack of packs) expect(await rowOf(pack)).toMatchObject({ checkedAt: '2026-11-24T00:00:00.000Z' });
    days(29);
    const late = await put('3');
    expect(await scrub.run(never)).toMatchObject({ packs: 1 });
    days(2);
    expect(await scrub.run(never)).toMatchObject({ packs: 3, damaged: [] });
    expect(await rowOf(late)).toMatchObject({ checkedAt: '2026-12-23T00:00:00.000Z' });
    await blobs.close();
  });

  it('finds a flipped bit, tells which instance it is in, and that it was mended', async () => {
    const { store, blobs, scrub, put, edit, rowOf, reportOf, days } = await world();
    const pack = await put('1.5');
    const sound = await put('1.6');
    const flip = (file: Buffer): void => {
      file[150_000]! ^= 4;
    };
    edit(pack, flip);
    expect(await scrub.run(never)).toMatchObject({ packs: 2, damaged: [pack] });
    const damage = '1 of 5 chunks do not verify; the file has another sha256; 1 instances are not whole';
    expect(await rowOf(pack)).toMatchObject({ damage });
    expect(await rowOf(sound)).not.toHaveProperty('damage');
    const instances = await store.dicom.instances('main', { studyInstanceUid: '1.5' });
    const touched = instances.filter(({ blob }) => blob.offset < 196_608 && blob.offset + blob.length > 131_072);
    expect(await reportOf(pack)).toMatchObject({ studyInstanceUid: '1.5', damage, chunks: [2] });
    expect((await reportOf(pack))!.instances).toEqual(touched.map(({ sopInstanceUid }) => sopInstanceUid));
    const { rows } = await store.audit.search('main', { count: 10, offset: 0 });
    expect(rows).toMatchObject([{ interaction: 'job/scrub', outcome: '8', entities: ['urn:oid:1.5'] }]);
    const whole = instances.find(({ blob }) => blob.offset === 0)!;
    expect(await blobs.read(whole.blob)).toHaveLength(100_000);
    edit(pack, flip);
    days(31);
    expect(await scrub.run(never)).toMatchObject({ damaged: [], repaired: [pack] });
    expect(await rowOf(pack)).not.toHaveProperty('damage');
    expect(await reportOf(pack)).toMatchObject({ damage, repairedAt: '2026-12-25T00:00:00.000Z' });
    await blobs.close();
  });

  it('finds a file that is missing, cut, longer, under another name or with another header', async () => {
    const { blobs, scrub, put, edit, rowOf, online } = await world();
    const packs = [];
    for (const study of ['1', '2', '3', '4', '5']) packs.push(await put(study));
    const [missing, cut, longer, swapped, header] = packs as [string, string, string, string, string];
    rmSync(packPath(online, missing));
    truncateSync(packPath(online, cut), 1000);
    writeFileSync(packPath(online, longer), Buffer.concat([readFileSync(packPath(online, longer)), Buffer.alloc(1)]));
    writeFileSync(packPath(online, swapped), readFileSync(packPath(online, header)));
    edit(header, (file) => {
      file[5] = 12;
    });
    expect((await scrub.run(never)).damaged.toSorted()).toEqual(packs.toSorted());
    expect((await rowOf(missing)).damage).toBe('the file is missing');
    expect((await rowOf(cut)).damage).toContain('the file has 1000 bytes');
    for (const pack of [swapped, header]) expect((await rowOf(pack)).damage).toContain('sha256');
    await blobs.close();
  });

  it('finds rows that do not say what was written', async () => {
    const { store, blobs, scrub, put, rowOf } = await world();
    const pack = await put('1');
    const row = sourceRow(99, { studyInstanceUid: '1', storedSha256: 'a'.repeat(64) });
    const blob = { pack, offset: 10, length: 50 };
    await store.ledger.commit({ site: 'main', instances: [{ ...row, blob, metadata: blob }] });
    expect(await scrub.run(never)).toMatchObject({ damaged: [pack] });
    expect((await rowOf(pack)).damage).toBe('1 instances are not whole');
    await blobs.close();
  });

  it('keeps to its rate, stops when it is told to, and begins with what it left', async () => {
    const { blobs, scrub, put, pauses } = await world({ bytesPerSecond: 1000 });
    for (const study of ['1', '2', '3']) await put(study);
    const stop = new AbortController();
    stop.abort();
    expect(await scrub.run(stop.signal)).toMatchObject({ packs: 0 });
    expect(pauses).toEqual([]);
    const { packs, bytes } = await scrub.run(never);
    expect(packs).toBe(3);
    expect(Math.max(...pauses)).toBeGreaterThan((bytes / 1000) * 900);
    await blobs.close();
  });

  it('passes over packs of erased studies, and those whose folder it does not know', async () => {
    const { store, blobs, scrub, put, rowOf } = await world();
    const [erased, archived] = [await put('1'), await put('2')];
    await store.ledger.commit({ site: 'main', packs: [{ ...(await rowOf(archived)), tier: 'archived' }] });
    await store.ledger.commit({ site: 'main', removals: { studies: ['1'] } });
    expect(await store.packs.get(erased)).toBeUndefined();
    expect(await scrub.run(never)).toMatchObject({ packs: 0, damaged: [], left: 0 });
    await blobs.close();
  });
});
