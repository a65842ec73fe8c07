import type { Store } from '../../src/storage/store.ts';
import { describeResourcePages } from './resource-pages.contract.ts';
import { describeResourceReach } from './resource-reach.contract.ts';
import { describeResourceValues } from './resource-values.contract.ts';

/** Behaviour of every ResourceReader's search, whatever keeps the resources. */
export function describeResources(name: string, open: () => Promise<Store>): void {
  describeResourceValues(name, open);
  describeResourceReach(name, open);
  describeResourcePages(name, open);
}
