import type { Store } from '../../src/storage/store.ts';
import { describeResourceBudget } from './resource-budget.contract.ts';
import { describeResourcePages } from './resource-pages.contract.ts';
import { describeResourceReach } from './resource-reach.contract.ts';
import { describeResourceTimes } from './resource-times.contract.ts';
import { describeResourceValues } from './resource-values.contract.ts';

/**
 * Behaviour of every ResourceReader's search, whatever keeps the resources.
 * @param open with the size that a page of the store may have, in bytes; its own when absent.
 */
export function describeResources(name: string, open: (mostPageBytes?: number) => Promise<Store>): void {
  describeResourceValues(name, open);
  describeResourceReach(name, open);
  describeResourcePages(name, open);
  describeResourceBudget(name, open);
  describeResourceTimes(name, open);
}
