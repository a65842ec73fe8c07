import type { JobsSort, JobWithState } from 'agenda';

/** By the keys in their order; without any, the next to run first and those that never run again last. */
export function sortJobs(jobs: readonly JobWithState[], sort: JobsSort | undefined): JobWithState[] {
  const keys = Object.entries(sort ?? {}) as [keyof JobsSort, 'asc' | 'desc'][];
  const order =
    keys.length > 0
      ? keys
      : ([
          ['nextRunAt', 'asc'],
          ['priority', 'desc'],
        ] as [keyof JobsSort, 'asc' | 'desc'][]);
  return [...jobs].sort((a, b) => {
    for (const [key, direction] of order) {
      const difference = compared(a[key], b[key], direction);
      if (difference !== 0) return difference;
    }
    return 0;
  });
}

function compared(a: unknown, b: unknown, direction: 'asc' | 'desc'): number {
  const [left, right] = [comparable(a), comparable(b)];
  if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
  const difference = left < right ? -1 : Number(left > right);
  return direction === 'asc' ? difference : -difference;
}

function comparable(value: unknown): string | number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' || typeof value === 'number') return value;
  return value instanceof Date ? value.getTime() : JSON.stringify(value);
}
