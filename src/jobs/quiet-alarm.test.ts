import { describe, expect, it } from '@jest/globals';
import { createManualTime } from '../../test/harness/manual-time.ts';
import { createQuietAlarm } from './quiet-alarm.ts';

describe('the alarm for quiet studies', () => {
  it('rings once when the quiet time is over, with one timer for however much arrives', async () => {
    const { timers, advance, pending } = createManualTime();
    let rings = 0;
    const alarm = createQuietAlarm(5000, timers, () => rings++);
    alarm.set();
    await advance(5);
    expect(rings).toBe(0);
    await advance(1);
    expect([rings, pending()]).toEqual([1, 0]);
  });

  it('rings again for what arrived while it ran, and never after it was stopped', async () => {
    const { timers, advance, pending } = createManualTime();
    let rings = 0;
    const alarm = createQuietAlarm(5000, timers, () => rings++);
    for (let arrival = 0; arrival < 100; arrival++) alarm.set();
    expect(pending()).toBe(1);
    await advance(11);
    expect([rings, pending()]).toEqual([2, 0]);
    alarm.set();
    alarm.stop();
    await advance(60);
    expect([rings, pending()]).toEqual([2, 0]);
  });
});
