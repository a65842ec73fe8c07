import { describe, expect, it } from '@jest/globals';
import { systemTimers } from './timers.ts';

describe('the timers of the system', () => {
  it('fire once or again and again, until they are stopped', async () => {
    let rounds = 0;
    const twice = Promise.withResolvers<void>();
    const stop = systemTimers.every(1, () => {
      if (++rounds === 2) twice.resolve();
    });
    const never = systemTimers.after(1, () => rounds.toString().repeat(-1));
    never();
    await twice.promise;
    stop();
    const stopped = rounds;
    await new Promise<void>((resolve) => {
      systemTimers.after(5, resolve);
    });
    expect(rounds).toBe(stopped);
  });
});
