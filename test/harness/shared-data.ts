import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { SHARED, sharedPath } from './shared-path.ts';

export { sharedPath };

/** What a test may need beside the repository: a file of ../shared, or a program on the PATH. */
export type Peer = { readonly shared: string } | { readonly program: string } | { readonly pythonModule: string };

function nameOf(peer: Peer): string {
  if ('shared' in peer) return `../shared/${peer.shared}`;
  return 'program' in peer ? peer.program : `python3 module ${peer.pythonModule}`;
}

function isPresent(peer: Peer): boolean {
  if ('shared' in peer) return existsSync(join(SHARED, peer.shared));
  if ('program' in peer) return spawnSync('sh', ['-c', `command -v ${peer.program}`]).status === 0;
  return spawnSync('python3', ['-c', `import ${peer.pythonModule}`]).status === 0;
}

/**
 * The one door for tests that need a peer. Where a peer is missing the block becomes one test that prints what is
 * missing; under CI nothing may be missing and that test fails.
 */
export function describeWith(peers: readonly Peer[], name: string, body: () => void): void {
  const missing = peers.filter((peer) => !isPresent(peer)).map(nameOf);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  describe(name, () => {
    it(`runs only with ${missing.join(', ')}`, () => {
      const line = `missing for "${name}": ${missing.join(', ')}`;
      if (process.env.CI) throw new Error(line);
      process.stderr.write(`${line}\n`);
    });
  });
}

/** Unpacks a .tar.xz of ../shared into a fresh folder and removes it when `body` is done. */
export async function withUnpacked<T>(relative: string, body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-shared-'));
  try {
    const result = spawnSync('tar', ['xf', join(SHARED, relative), '-C', folder]);
    if (result.status !== 0) throw new Error(`cannot unpack ${relative}: ${result.stderr}`);
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
