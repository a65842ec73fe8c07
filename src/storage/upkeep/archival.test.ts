import { describe, expect, it } from '@jest/globals';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { PackRow, SitedPack } from '../../ports/index.ts';
import { createArchival } from './archival.ts';

const packRow = (pack: string, studyInstanceUid: string, sealedAt: string, more: Partial<PackRow> = {}): SitedPack => ({
  site: 'main',
  row: { pack, studyInstanceUid, bytes: 1, sha256: '', sealedAt, tier: 'online', ...more },
});

const rows = [
  packRow('a', '1', '2026-01-01T00:00:00.000Z'),
  packRow('b', '2', '2026-01-01T00:00:00.000Z'),
  packRow('c', '2', '2026-05-30T00:00:00.000Z'),
  packRow('d', '3', '2026-01-01T00:00:00.000Z', { tier: 'archived' }),
  packRow('e', '4', '2026-01-01T00:00:00.000Z', { damage: 'a chunk' }),
  packRow('f', '5', '2026-01-02T00:00:00.000Z'),
];

const archivalWith = (archive: (pack: string) => Promise<boolean>) =>
  createArchival({
    packs: {
      list: async (after) => rows.filter(({ row }) => row.pack > after),
      ofStudy: async (_site, study) => rows.map(({ row }) => row).filter((row) => row.studyInstanceUid === study),
    },
    tier: { archive },
    clock: { now: () => new Date('2026-06-01T00:00:00Z') },
    afterDays: 30,
    log: { error: () => undefined },
  });

describe('createArchival', () => {
  it('moves whole studies that nothing came for, and leaves damaged packs and those that are there', async () => {
    const moved: string[] = [];
    const summary = await archivalWith(async (pack) => {
      moved.push(pack);
      return true;
    }).run(new AbortController().signal);
    expect(moved).toEqual(['a', 'f']);
    expect(summary).toEqual({ moved: 2, failed: 0 });
  });

  it('goes on after a pack that cannot be moved, and stops at a full slow store', async () => {
    const failing = archivalWith(async (pack) => {
      if (pack === 'a') throw new NeuroInsightError('damaged', 'a file is not what was sealed');
      return true;
    });
    expect(await failing.run(new AbortController().signal)).toEqual({ moved: 1, failed: 1 });
    const full = archivalWith(async () => {
      throw new NeuroInsightError('storage-full', 'full');
    });
    await expect(full.run(new AbortController().signal)).rejects.toMatchObject({ kind: 'storage-full' });
  });

  it('moves nothing once it is told to stop', async () => {
    const archived = archivalWith(async () => true);
    expect(await archived.run(AbortSignal.abort())).toEqual({ moved: 0, failed: 0 });
  });
});
