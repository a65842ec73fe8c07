import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { rotateAndKill } from './rotate-and-kill.ts';

it('carries every key over to another KEK under readers and a kill, and fails no read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-rotate-'));
  try {
    const { before, after, refusals, check } = await rotateAndKill(folder, 280, 20);
    expect(before.moved).toBeGreaterThanOrEqual(150);
    expect(before).toMatchObject({ failed: 0 });
    expect(after).toMatchObject({ state: 'done', failed: 0 });
    expect(after.reads).toBeGreaterThan(0);
    expect(refusals[0]).toMatch(/^the key-encryption key [0-9a-f]{16} is missing$/);
    expect(check).toMatchObject({ readable: 300, failed: 0, state: expect.stringMatching(/^[0-9a-f]{16}$/) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
