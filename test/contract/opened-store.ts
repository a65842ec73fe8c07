import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import type { Store } from '../../src/storage/store.ts';

/** The store of one suite, and a site of its own for each test, so that no test sees the rows of another. */
export interface OpenedStore {
  readonly store: () => Store;
  readonly newSite: () => string;
}

/** Opens a store before the tests of the suite and closes it after them. */
export function openedStore(open: () => Promise<Store>): OpenedStore {
  let opened: Store | undefined;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => {
    await opened?.close();
  });
  return { store: () => opened!, newSite: () => `site-${randomUUID()}` };
}
