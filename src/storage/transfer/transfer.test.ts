import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { testKeyRing } from '../../../test/harness/test-keys.ts';
import {
  BY_KEY,
  transferClock as clock,
  digest,
  exportTo,
  fillServer,
  importFrom,
} from '../../../test/harness/transfer-world.ts';
import { type FileBlobStore, openFileBlobStore } from '../blobs/file-blob-store.ts';
import { type MemoryStore, openMemoryStore } from '../memory/memory-store.ts';
import type { ContainerLock } from './container.ts';
import type { ExportReader } from './export-reader.ts';

const PASSPHRASE: ContainerLock = { passphrase: 'correct horse battery staple' };

interface Server {
  readonly store: MemoryStore;
  readonly blobs: FileBlobStore;
  readonly openExport: () => Promise<ExportReader>;
}

const opened: FileBlobStore[] = [];

/** Each has a key-encryption key of its own, as two servers have. */
async function openServer(): Promise<Server> {
  const store = await openMemoryStore({ clock });
  const dataDir = mkdtempSync(join(folder, 'server-'));
  const keyRing = testKeyRing(dataDir);
  const blobs = await openFileBlobStore({ dataDir, keyRing, packs: store.packs, clock });
  opened.push(blobs);
  return { store, blobs, openExport: store.openExport };
}

let folder: string;
let source: Server;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-transfer-'));
  source = await openServer();
  await fillServer(source);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((blobs) => blobs.close()));
  rmSync(folder, { recursive: true, force: true });
});

const exported = (name: string, lock = BY_KEY, given: { readonly signal?: AbortSignal } = {}) =>
  exportTo(source, join(folder, name), { lock, ...given });
const imported = (server: Server, name: string, lock = BY_KEY) => importFrom(server, join(folder, name), lock);

describe('an export', () => {
  it('becomes an equal server: every version, every byte, every row of the audit', async () => {
    const made = await exported('all');
    expect(made.counts).toEqual({
      resource: 8,
      instance: 8,
      study: 4,
      run: 4,
      outbox: 4,
      'api-key': 2,
      seen: 2,
      document: 2,
      audit: 3,
    });
    const target = await openServer();
    expect(await imported(target, 'all')).toMatchObject({ counts: made.counts, compared: true, at: made.at });
    for (const site of ['main', 'other']) {
      for (const version of [1, 2]) {
        expect(await target.store.resources.getVersion(site, 'Patient', 'a', version)).toEqual(
          await source.store.resources.getVersion(site, 'Patient', 'a', version),
        );
      }
      const [run] = (await target.store.runs.list(site, { limit: 9, offset: 0 })).rows;
      const report = await target.blobs.read(run!.files['report.pdf']!);
      expect([run!.state, Buffer.from(report).toString()]).toEqual(['completed', 'the report']);
      for (const row of await target.store.dicom.instances(site, { studyInstanceUid: '1.2.3' })) {
        expect(digest(await target.blobs.read(row.blob))).toBe(row.storedSha256);
        expect(await target.store.packs.get(row.blob.pack)).toMatchObject({ site, row: { studyInstanceUid: '1.2.3' } });
      }
      expect(await target.store.documents.get(site, 'legal-hold', 'h')).toMatchObject({
        content: { reason: 'asked for' },
      });
      expect(await target.store.documents.get(site, 'backup', 'last')).toBeUndefined();
    }
    const found = await target.store.resources.search('main', {
      resourceType: 'Patient',
      where: [{ kind: 'string', param: 'family', anyOf: ['canaryname'], match: 'starts' }],
      sort: [],
      count: 1,
      offset: 0,
      total: true,
    });
    expect(found.total).toBe(1);
    expect((await target.store.audit.search('main', { count: 1, offset: 0 })).rows[0]?.interaction).toBe(
      'admin/import',
    );
  });

  it('shows nothing to who does not have the key, is for its owner alone, and is audited', async () => {
    await exported('all');
    const bytes = readFileSync(join(folder, 'all'));
    for (const text of ['Canaryname', '1.2.3', 'Patient', 'audit-1']) expect(bytes.includes(text)).toBe(false);
    expect(statSync(join(folder, 'all')).mode & 0o777).toBe(0o600);
    const { rows } = await source.store.audit.search('main', { count: 1, offset: 0 });
    expect(rows[0]).toMatchObject({ action: 'R', interaction: 'admin/export' });
  });

  it('opens with its passphrase or key-encryption key alone', async () => {
    const lock = { ring: testKeyRing('one') };
    await exported('by-key', lock);
    await exported('by-passphrase', PASSPHRASE);
    const wrong: [string, ContainerLock][] = [
      ['by-key', { ring: testKeyRing('two') }],
      ['by-key', PASSPHRASE],
      ['by-passphrase', { passphrase: 'correct horse battery stable' }],
      ['by-passphrase', lock],
    ];
    for (const [name, other] of wrong) {
      const target = await openServer();
      await expect(imported(target, name, other)).rejects.toMatchObject({ kind: 'wrong-key' });
      expect((await target.store.changes.head()).sequence).toBe(0);
    }
    expect(await imported(await openServer(), 'by-key', lock)).toMatchObject({ compared: true });
    await expect(exported('short', { passphrase: 'short' })).rejects.toMatchObject({ kind: 'invalid-request' });
  });

  it('that was cut, edited, put together anew or is something else is refused, never imported whole', async () => {
    await exported('all');
    const bytes = readFileSync(join(folder, 'all'));
    const head = bytes.indexOf(10) + 1;
    const chunk = 2 ** 18 + 16;
    const flippedAt = (at: number): Buffer => {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1;
      return flipped;
    };
    const chunkOf = (index: number): Buffer =>
      bytes.subarray(head + 32 + index * chunk, head + 32 + (index + 1) * chunk);
    const swapped = Buffer.concat([
      bytes.subarray(0, head + 32),
      chunkOf(1),
      chunkOf(0),
      bytes.subarray(head + 32 + 2 * chunk),
    ]);
    const wrong = [
      Buffer.alloc(0),
      Buffer.from('{"format":"something else"}\n'),
      bytes.subarray(0, head - 10),
      bytes.subarray(0, head + 10),
      bytes.subarray(0, head + 32 + 3 * chunk),
      bytes.subarray(0, -1),
      Buffer.concat([bytes, Buffer.from('more')]),
      flippedAt(head + 3),
      flippedAt(head + 40),
      flippedAt(bytes.length - 5),
      swapped,
      Buffer.alloc(100_000, 'x'),
    ];
    for (const [index, forged] of wrong.entries()) {
      writeFileSync(join(folder, 'forged'), forged);
      const outcome = imported(await openServer(), 'forged').then(
        () => 'imported',
        (error: { kind?: string }) => error.kind,
      );
      expect([index, await outcome]).toEqual([index, 'damaged']);
    }
  });

  it('leaves no file when it is cancelled or bytes are not what was stored, and writes over none', async () => {
    await exported('all');
    await expect(exported('all')).rejects.toMatchObject({ kind: 'output-exists' });
    const cancelled = new AbortController();
    cancelled.abort();
    await expect(exported('cancelled', BY_KEY, { signal: cancelled.signal })).rejects.toMatchObject({
      kind: 'cancelled',
    });
    const { stream } = source.blobs;
    source = {
      ...source,
      blobs: { ...source.blobs, stream: (at) => stream({ ...at, offset: Math.max(0, at.offset - 1) }) },
    };
    await expect(exported('rotten')).rejects.toMatchObject({ kind: 'damaged' });
    expect(readdirSync(folder).filter((name) => !name.startsWith('server-'))).toEqual(['all']);
  });

  it('is imported into an empty server only', async () => {
    await exported('all');
    await expect(imported(source, 'all')).rejects.toMatchObject({ kind: 'conflict' });
  });
});
