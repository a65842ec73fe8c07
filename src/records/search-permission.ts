import { requirePermission } from '../access/scopes.ts';
import type { Condition, Principal } from '../ports/index.ts';

/**
 * Throws forbidden when a condition looks into a type that the caller may not search: a chain that is answered tells what
 * stands in the resource at its end.
 */
export function requireSearchPermissions(principal: Principal, where: readonly Condition[]): void {
  for (const condition of where) {
    if (condition.kind !== 'chain' && condition.kind !== 'has') continue;
    requirePermission(principal, 's', condition.type);
    requireSearchPermissions(principal, condition.where);
  }
}
