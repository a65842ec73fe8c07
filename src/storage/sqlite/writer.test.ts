import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { openSqliteStore } from './open.ts';
import { startWriter, type Writer } from './writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'writer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const clock = { now: () => new Date() };
const commit = { site: 'main', at: '2026-01-01T00:00:00.000Z' };
const { database: key, rowMac } = TEST_DATA_KEYS;

/** A writer over a database of its own, which is named by a link, and what it told. */
async function open(name: string): Promise<{ writer: Writer; told: Error[]; link: string }> {
  const dataDir = join(folder, name);
  await (await openSqliteStore({ dataDir, clock, keys: TEST_DATA_KEYS, readerThreads: 1 })).close();
  const link = join(folder, `${name}.link`);
  symlinkSync(join(dataDir, 'neuroinsight.sqlite'), link);
  // The log of the database lies beside what the link leads to; the one beside the link is what is synced.
  symlinkSync(name === 'broken' ? '/dev/null' : join(dataDir, 'neuroinsight.sqlite-wal'), `${link}-wal`);
  const told: Error[] = [];
  const data = { path: link, options: { key, busyMilliseconds: 1000 }, rowMac };
  return { writer: await startWriter(data, undefined, (error) => told.push(error)), told, link };
}

describe('startWriter', () => {
  it('acknowledges nothing whose sync failed, tells it once, and refuses what comes after', async () => {
    const { writer, told } = await open('broken');
    const [lost] = await Promise.allSettled([writer.submit([], commit)]);
    const [later] = await Promise.allSettled([writer.submit([], commit)]);
    await writer.close();
    expect(lost).toMatchObject({ status: 'rejected', reason: { message: 'the writer of the database failed' } });
    expect(later).toMatchObject({ status: 'rejected' });
    expect(told).toHaveLength(1);
  });

  it('tells nothing when it works and is closed', async () => {
    const { writer, told } = await open('sound');
    const [done] = await Promise.allSettled([writer.submit([], commit)]);
    await writer.close();
    expect(done).toMatchObject({ status: 'fulfilled' });
    expect(told).toEqual([]);
  });
});
