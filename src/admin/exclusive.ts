import { NeuroInsightError } from '../domain/errors.ts';

/** Runs work of a name unless work of that name is running. @throws conflict */
export type Exclusive = <T>(name: string, work: () => Promise<T>) => Promise<T>;

export function createExclusive(): Exclusive {
  const running = new Set<string>();
  return async (name, work) => {
    if (running.has(name)) throw new NeuroInsightError('conflict', `${name} is in progress already`);
    running.add(name);
    try {
      return await work();
    } finally {
      running.delete(name);
    }
  };
}
