import { setTimeout } from 'node:timers/promises';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Clock } from '../../ports/index.ts';
import { lockFolder } from '../folder-lock.ts';
import { openRepository } from './repository.ts';

/** A backup looks at the list once more before it ends, so that only its last moment must be waited for. */
const PATIENCE_MILLISECONDS = 5_000;
const LOOK_MILLISECONDS = 100;

/**
 * Writes the list of erasures into a repository, where every restore reads it.
 * @param list made after the repository is this process's: none that is older comes after it.
 * @throws in-use while a backup is made; what opening a repository throws.
 */
export async function publishErasures(
  folder: string,
  list: () => Promise<{ readonly bytes: Uint8Array }>,
  clock: Clock,
): Promise<void> {
  const lock = await patiently(() => lockFolder(folder, 'list of erasures', clock.now().toISOString()));
  try {
    const repository = await openRepository(folder, 'write');
    await repository.putErasures((await list()).bytes);
  } finally {
    lock.release();
  }
}

async function patiently<T>(take: () => T): Promise<T> {
  for (let waited = 0; ; waited += LOOK_MILLISECONDS) {
    try {
      return take();
    } catch (error) {
      const isBusy = error instanceof NeuroInsightError && error.kind === 'in-use';
      if (!isBusy || waited >= PATIENCE_MILLISECONDS) throw error;
    }
    await setTimeout(LOOK_MILLISECONDS);
  }
}
