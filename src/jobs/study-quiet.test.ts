import { describe, expect, it } from '@jest/globals';
import { createRunWorld, engineer, type RunWorld, STUDY, sourceRow } from '../../test/harness/run-world.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { InstanceRow } from '../ports/index.ts';
import { queueQuietStudies } from './study-quiet.ts';

function put(world: RunWorld, number: number, overrides: Partial<InstanceRow> = {}): void {
  const row = sourceRow(number, { receivedAt: world.time.clock.now().toISOString(), ...overrides });
  world.store.instances.set(row.sopInstanceUid, row);
}

describe('studies that have become quiet', () => {
  it('get a run when nothing has come for the quiet time, and not before', async () => {
    const world = createRunWorld();
    put(world, 1);
    await world.time.advance(19);
    put(world, 2);
    await world.time.advance(19);
    expect(await queueQuietStudies(world.deps)).toBe(0);
    await world.time.advance(2);
    expect(await queueQuietStudies(world.deps)).toBe(1);
    expect(world.store.runRows()).toMatchObject([{ cause: 'quiet', requestedBy: 'system', studyInstanceUid: STUDY }]);
    expect(world.store.commits).toHaveLength(1);
    expect(world.store.audit).toMatchObject([{ interaction: 'job/run-request', agent: { kind: 'job' } }]);
    expect([await queueQuietStudies(world.deps), world.nudges]).toEqual([0, ['claim-runs']]);
  });

  it('get another run when more arrives, and none when the same comes again', async () => {
    const world = createRunWorld();
    put(world, 1);
    await world.time.advance(30);
    await queueQuietStudies(world.deps);
    put(world, 2);
    await world.time.advance(30);
    expect(await queueQuietStudies(world.deps)).toBe(1);
    put(world, 2);
    await world.time.advance(30);
    expect(await queueQuietStudies(world.deps)).toBe(0);
    expect(world.store.runRows()).toHaveLength(2);
  });

  it('are left alone when their run was asked for, or has failed', async () => {
    const world = createRunWorld();
    put(world, 1);
    const { id } = await world.service.request(engineer, { studyInstanceUid: STUDY });
    await world.service.cancel(engineer, id);
    await world.time.advance(60);
    expect(await queueQuietStudies(world.deps)).toBe(0);
    expect(world.store.runRows()).toMatchObject([{ state: 'cancelled' }]);
  });

  it('end refused with the reason when no analysis can use them: nobody has to wonder', async () => {
    const world = createRunWorld();
    put(world, 1);
    await world.time.advance(30);
    await queueQuietStudies(world.deps);
    world.analyst.work = () => Promise.reject(new NeuroInsightError('no-usable-series', 'no series is a T1'));
    await (await world.worker().claimNext())!.done;
    expect(world.store.runRows()).toMatchObject([{ state: 'refused', failure: { kind: 'no-usable-series' } }]);
  });

  it('wait where they are while the queue is full, and when another process was quicker', async () => {
    const world = createRunWorld();
    put(world, 1);
    await world.time.advance(30);
    expect(await queueQuietStudies({ ...world.deps, limits: { quietSeconds: 20, queue: 0 } })).toBe(0);
    world.store.refuse = () => new NeuroInsightError('conflict', 'the key is taken');
    expect(await queueQuietStudies(world.deps)).toBe(0);
    world.store.refuse = () => new NeuroInsightError('storage-full', 'the disk is full');
    await expect(queueQuietStudies(world.deps)).rejects.toMatchObject({ kind: 'storage-full' });
    world.store.refuse = () => new Error('closed');
    await expect(queueQuietStudies(world.deps)).rejects.toThrow('closed');
    world.store.refuse = () => undefined;
    expect(await queueQuietStudies(world.deps, AbortSignal.abort())).toBe(0);
    expect(await queueQuietStudies(world.deps)).toBe(1);
  });
});
