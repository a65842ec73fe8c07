import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  createExchangeWorld,
  type ExchangeWorld,
  OBJECTS,
  SITE,
  toEhr,
  toPacs,
} from '../../test/harness/exchange-world.ts';
import { NeuroInsightError } from '../domain/errors.ts';

const never = new AbortController().signal;
const unavailable = (): NeuroInsightError => new NeuroInsightError('upstream-unavailable', 'pacs cannot be reached');
const conflict = (): NeuroInsightError => new NeuroInsightError('conflict', 'the row was changed by somebody else');

let world: ExchangeWorld;
beforeEach(async () => {
  world = await createExchangeWorld();
});

/** A PACS that fails as it is told and counts how often it was asked. */
function failingPacs(fail: () => unknown): { asked: number } {
  const count = { asked: 0 };
  world.pacs = {
    ...world.pacs,
    store: async () => {
      count.asked++;
      throw fail();
    },
  };
  return count;
}

describe('a delivery that succeeds', () => {
  it('sends the stored bytes and completes the run with its last row, not before', async () => {
    const sent: string[] = [];
    world.pacs = {
      ...world.pacs,
      store: async (study, instances) => {
        for await (const bytes of instances) sent.push(`${study} ${Buffer.from(bytes).toString()}`);
        return OBJECTS;
      },
    };
    world.ehr = {
      send: async (bundle) => {
        sent.push(Buffer.from(bundle).toString());
      },
    };
    await world.queue(toPacs('a'), toEhr('b', { notBefore: '2026-11-24T10:00:30.000Z' }));
    const delivery = world.delivery();

    expect(await delivery.deliverDue(never)).toBe(1);
    expect(await world.outbox('a')).toMatchObject({
      state: 'delivered',
      attempt: 1,
      deliveredAt: world.now().toJSON(),
    });
    expect((await world.run()).state).toBe('built');

    world.advance(30);
    expect(await delivery.deliverDue(never)).toBe(1);
    expect(sent).toEqual(['1.2.3 pack of 1.2.3@0', '1.2.3 pack of 1.2.3@0', 'run files@10']);
    expect(await world.run()).toMatchObject({ state: 'completed', finishedAt: world.now().toJSON() });
    expect(await delivery.deliverDue(never)).toBe(0);
  });

  it('is written into the run log and the audit, and counted', async () => {
    await world.queue(toPacs('a'));
    await world.delivery().deliverDue(never);
    expect(await world.runLog()).toEqual(['info: delivered to pacs']);
    expect(await world.audit()).toEqual(['job/deliver-dicom 0']);
    expect(world.counted).toEqual(['pacs delivered']);
    const { rows } = await world.store.audit.search(SITE, { count: 1, offset: 0 });
    expect(rows[0]).toMatchObject({ action: 'R', entities: ['urn:oid:1.2.3', 'Task/run-1'] });
  });

  it('completes the run although its last two rows end at the same moment', async () => {
    let both = 0;
    const together = Promise.withResolvers<void>();
    const meet = (): Promise<void> => {
      if (++both === 2) together.resolve();
      return together.promise;
    };
    world.pacs = { ...world.pacs, store: async () => meet().then(() => OBJECTS) };
    world.ehr = { send: meet };
    await world.queue(toPacs('a'), toEhr('b'));
    expect(await world.delivery().deliverDue(never)).toBe(2);
    expect((await world.run()).state).toBe('completed');
  });

  it('goes on under the trace of the request that made the run', async () => {
    const traces: (string | undefined)[] = [];
    const { tracing } = world.deps;
    const traced = {
      ...tracing,
      run: <T>(parent: string | undefined, work: () => Promise<T>) => {
        traces.push(parent);
        return tracing.run(parent, work);
      },
    };
    await world.queue(toPacs('a', { traceparent: '00-trace' }));
    await world.delivery({ tracing: traced }).deliverDue(never);
    expect(traces).toEqual(['00-trace']);
  });

  it('leaves alone a run that ended otherwise', async () => {
    await world.queue(toPacs('a'));
    const run = await world.run();
    const cancelled = { ...run, state: 'cancelled' as const, version: 2 };
    await world.store.ledger.commit({ site: SITE, runs: [{ expected: 1, row: cancelled }] });
    await world.delivery().deliverDue(never);
    expect((await world.outbox('a')).state).toBe('delivered');
    expect(await world.run()).toEqual(cancelled);
  });
});

describe('a destination that cannot be reached', () => {
  it('is tried again after growing waits, until the row is dead', async () => {
    failingPacs(unavailable);
    await world.queue(toPacs('a'));
    const delivery = world.delivery();
    const waits: number[] = [];
    for (const wait of [5, 10]) {
      await delivery.deliverDue(never);
      const row = await world.outbox('a');
      expect(row).toMatchObject({ state: 'pending', leaseToken: undefined, lastError: 'pacs cannot be reached' });
      waits.push((Date.parse(row.notBefore) - world.now().getTime()) / 1000);
      expect(await delivery.deliverDue(never)).toBe(0);
      world.advance(wait);
    }
    await delivery.deliverDue(never);
    expect(waits).toEqual([5, 10]);
    expect(await world.outbox('a')).toMatchObject({ state: 'dead', attempt: 3 });
    expect((await world.run()).state).toBe('built');
    expect(await world.runLog()).toEqual([
      'warn: delivery to pacs failed, attempt 1: pacs cannot be reached',
      'warn: delivery to pacs failed, attempt 2: pacs cannot be reached',
      'error: delivery to pacs given up, attempt 3: pacs cannot be reached',
    ]);
    expect(await world.audit()).toEqual(Array(3).fill('job/deliver-dicom 8 upstream-unavailable'));
    expect(world.counted).toEqual(['pacs failed', 'pacs failed', 'pacs dead']);
  });

  it('is left alone after five failures in a row, which costs the other rows no attempt', async () => {
    const pacs = failingPacs(unavailable);
    const rows = Array.from({ length: 8 }, (_, n) => toPacs(`row-${n}`));
    await world.queue(...rows, toEhr('last', { createdAt: '2026-11-24T10:00:01.000Z' }));
    const delivery = world.delivery();
    expect(delivery.breakers()).toEqual({ pacs: 'closed', ehr: 'closed' });
    expect(await delivery.deliverDue(never)).toBe(9);
    expect(pacs.asked).toBe(5);
    expect(delivery.breakers()).toEqual({ pacs: 'open', ehr: 'closed' });
    for (const id of ['row-5', 'row-6', 'row-7']) {
      expect(await world.outbox(id)).toMatchObject({
        state: 'pending',
        attempt: 0,
        notBefore: '2026-11-24T10:00:30.000Z',
      });
    }
    expect((await world.outbox('last')).state).toBe('delivered');
  });

  it('does not keep the rows of other destinations out of the look', async () => {
    failingPacs(unavailable);
    const rows = Array.from({ length: 60 }, (_, n) => toPacs(`row-${n}`));
    await world.queue(...rows, toEhr('last', { createdAt: '2026-11-24T10:00:01.000Z' }));
    const delivery = world.delivery();
    while ((await delivery.deliverDue(never)) > 0);
    expect((await world.outbox('last')).state).toBe('delivered');
  });

  it('is tried again with one row after half a minute', async () => {
    const pacs = failingPacs(unavailable);
    await world.queue(...Array.from({ length: 7 }, (_, n) => toPacs(`row-${n}`)));
    const delivery = world.delivery();
    await delivery.deliverDue(never);
    world.pacs = { ...world.pacs, store: async () => OBJECTS };
    const date = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 31_000);
    try {
      world.advance(31);
      expect(await delivery.deliverDue(never)).toBe(7);
    } finally {
      date.mockRestore();
    }
    expect(pacs.asked).toBe(5);
    expect(delivery.breakers().pacs).toBe('closed');
    expect((await world.outbox('row-6')).state).toBe('delivered');
  });

  it('fails an attempt that takes longer than its lease, and does not give it up', async () => {
    world.pacs = {
      ...world.pacs,
      store: (_study, _instances, signal) =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(new NeuroInsightError('cancelled', 'stopped on request'))),
        ),
    };
    await world.queue(toPacs('a'));
    await world.delivery({ limits: { attempts: 3, leaseSeconds: 0.01 } }).deliverDue(never);
    expect(await world.outbox('a')).toMatchObject({
      state: 'pending',
      attempt: 1,
      lastError: 'pacs took longer than a delivery may',
    });
  });
});

describe('a delivery that is refused', () => {
  it('is dead at once: it would be refused again', async () => {
    failingPacs(() => new NeuroInsightError('upstream-refused', 'pacs answered 400'));
    await world.queue(toPacs('a'));
    await world.delivery().deliverDue(never);
    expect(await world.outbox('a')).toMatchObject({ state: 'dead', attempt: 1, lastError: 'pacs answered 400' });
    expect(world.lines).toEqual([{ level: 'warn', message: 'delivery given up' }]);
    expect(await world.runLog()).toEqual(['error: delivery to pacs given up, attempt 1: pacs answered 400']);
    expect(await world.audit()).toEqual(['job/deliver-dicom 8 upstream-refused']);
  });

  it('is one that the PACS does not say it holds', async () => {
    world.pacs = { ...world.pacs, store: async () => [OBJECTS[0]] };
    await world.queue(toPacs('a'));
    await world.delivery().deliverDue(never);
    expect(await world.outbox('a')).toMatchObject({
      state: 'dead',
      lastError: 'pacs does not say that it holds 1 objects',
    });
  });

  it('is one whose objects are no longer stored; nothing is sent of it', async () => {
    const pacs = failingPacs(unavailable);
    const payload = { kind: 'dicom' as const, studyInstanceUid: '1.2.3', sopInstanceUids: ['1.2.3.4', '1.2.3.99'] };
    await world.queue(toPacs('a', { payload }));
    await world.delivery().deliverDue(never);
    expect(await world.outbox('a')).toMatchObject({
      state: 'dead',
      lastError: 'an object to deliver is no longer stored',
    });
    expect(pacs.asked).toBe(0);
  });
});

describe('a destination that is not configured any more', () => {
  it('keeps what is for it until it is back, and says so', async () => {
    await world.queue(toPacs('a', { destination: 'gone' }));
    expect(await world.delivery().deliverDue(never)).toBe(1);
    expect(await world.outbox('a')).toMatchObject({
      state: 'pending',
      attempt: 0,
      lastError: 'destination gone is not configured',
    });
    expect(await world.delivery().deliverDue(never)).toBe(0);
  });
});

describe('a defect in a delivery', () => {
  it('waits like a failure, and its words go nowhere but into the log', async () => {
    failingPacs(() => new TypeError('Canary^Zzyzx is not a function'));
    await world.queue(toPacs('a'));
    await world.delivery().deliverDue(never);
    expect(await world.outbox('a')).toMatchObject({
      state: 'pending',
      attempt: 1,
      lastError: 'a defect of this server',
    });
    expect(world.lines).toEqual([{ level: 'error', message: 'delivery failed' }]);
    expect((await world.runLog()).join()).not.toContain('Canary');
    expect(await world.audit()).toEqual(['job/deliver-dicom 8 defect']);
  });
});

describe('workers beside each other', () => {
  it('send one row once', async () => {
    let sent = 0;
    world.ehr = {
      send: async () => {
        sent++;
      },
    };
    await world.queue(toEhr('a'));
    const counts = await Promise.all([world.delivery().deliverDue(never), world.delivery().deliverDue(never)]);
    expect(counts.sort()).toEqual([0, 1]);
    expect(sent).toBe(1);
    expect(await world.audit()).toHaveLength(1);
  });

  it('leave a row to the one who took it over after the lease ran out', async () => {
    const slow = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    let sent = 0;
    world.ehr = {
      send: async () => {
        if (++sent > 1) return;
        arrived.resolve();
        await slow.promise;
        throw unavailable();
      },
    };
    await world.queue(toEhr('a'));
    const first = world.delivery().deliverDue(never);
    await arrived.promise;
    world.advance(61);
    expect(await world.delivery().deliverDue(never)).toBe(1);
    slow.resolve();
    expect(await first).toBe(0);
    expect(await world.outbox('a')).toMatchObject({ state: 'delivered', attempt: 2 });
    expect(world.lines).toContainEqual({ level: 'info', message: 'a delivery is with another worker' });
  });

  it('send again what was sent by one that died before it could say so, and mark it once', async () => {
    let sent = 0;
    world.ehr = {
      send: async () => {
        sent++;
      },
    };
    await world.queue(toEhr('a'));
    world.refuse = ({ runLog }) => (runLog ? new Error('the power went out') : undefined);
    await expect(world.delivery().deliverDue(never)).rejects.toThrow('the power went out');
    world.refuse = () => undefined;
    const after = world.delivery();
    expect(await after.deliverDue(never)).toBe(0);
    world.advance(61);
    expect(await after.deliverDue(never)).toBe(1);
    expect(sent).toBe(2);
    expect(await world.runLog()).toEqual(['info: delivered to ehr']);
    expect(await world.run()).toMatchObject({ state: 'completed' });
  });

  it('look again when the run was changed beside them', async () => {
    await world.queue(toEhr('a'));
    let conflicts = 2;
    world.refuse = ({ runs }) => (runs && conflicts-- > 0 ? conflict() : undefined);
    await world.delivery().deliverDue(never);
    expect((await world.run()).state).toBe('completed');
    expect((await world.outbox('a')).state).toBe('delivered');
  });
});

describe('a stop', () => {
  it('costs the row in work no attempt and begins no other', async () => {
    const controller = new AbortController();
    let asked = 0;
    world.pacs = {
      ...world.pacs,
      store: async () => {
        asked++;
        controller.abort();
        throw new NeuroInsightError('cancelled', 'stopped on request');
      },
    };
    await world.queue(toPacs('a'), toPacs('b'));
    expect(await world.delivery().deliverDue(controller.signal)).toBe(0);
    expect(asked).toBe(1);
    expect(await world.outbox('a')).toMatchObject({ state: 'pending', attempt: 0, leaseUntil: undefined });
    expect(await world.outbox('b')).toMatchObject({ state: 'pending', attempt: 0, version: 1 });
    expect(world.lines).toEqual([]);
    expect(await world.delivery().deliverDue(controller.signal)).toBe(0);
  });
});
