import { describe, expect, it } from '@jest/globals';
import { createJobRepository } from '../../test/harness/job-repository.ts';
import { settled } from '../../test/harness/manual-time.ts';
import { createRunWorld, engineer, type RunWorld, STUDY, sourceRow } from '../../test/harness/run-world.ts';
import type { PullSource } from '../ports/index.ts';
import { createRunService } from './run-service.ts';
import { type JobsDeps, startJobs } from './start-jobs.ts';
import { queueQuietStudies } from './study-quiet.ts';
import { createWakeUps } from './wake-ups.ts';

const SOURCE = { name: 'orthanc', pollSeconds: 3600, site: 'main' } as PullSource;

function openJobs(world: RunWorld, roles: JobsDeps['roles'], overrides: Partial<JobsDeps> = {}) {
  const called = new Set<string>();
  const wakeUps = createWakeUps();
  const call = (name: string): number => {
    called.add(name);
    return 0;
  };
  const deps: JobsDeps = {
    roles,
    jobs: createJobRepository(),
    executor: world.worker(),
    quiet: async () => call('quiet'),
    deliver: async () => call('deliver'),
    pull: async ({ name }) => call(`pull ${name}`),
    sources: [SOURCE],
    sweep: async () => call('sweep'),
    upkeep: [{ name: 'retention', everySeconds: 60, round: async () => void call('retention') }],
    wakeUps,
    timers: world.time.timers,
    log: world.deps.log,
    limits: { runsAtOnce: 1, graceSeconds: 10, pollSeconds: 0.5, sweepSeconds: 3600 },
    ...overrides,
  };
  const service = createRunService({ ...world.deps, onQueued: () => wakeUps.nudge('claim-runs') });
  return { called, wakeUps, deps, service };
}

function put(world: RunWorld, study: string): void {
  const row = sourceRow(1, { studyInstanceUid: study, sopInstanceUid: `${study}.1.1` });
  world.store.instances.set(row.sopInstanceUid, row);
}

const statesOf = (world: RunWorld): string[] => world.store.runRows().map(({ state }) => state);

describe('the jobs of a process', () => {
  it('look once at the start, each for its role', async () => {
    const world = createRunWorld();
    for (const [roles, expected] of [
      [['work'], ['deliver', 'quiet', 'retention', 'sweep']],
      [['pull'], ['pull orthanc']],
      [['web', 'dimse'], []],
      [
        ['web', 'work', 'pull'],
        ['deliver', 'pull orthanc', 'quiet', 'retention', 'sweep'],
      ],
    ] as const) {
      const { deps, called } = openJobs(world, roles);
      const jobs = await startJobs(deps);
      await settled();
      expect([...called].toSorted()).toEqual(expected);
      await jobs.stop();
    }
  });

  it('claim a run at once when it is requested here, and those that waited from before', async () => {
    const world = createRunWorld();
    put(world, STUDY);
    put(world, `${STUDY}.9`);
    const { deps, service } = openJobs(world, ['work']);
    await service.request(engineer, { studyInstanceUid: `${STUDY}.9` });
    const jobs = await startJobs(deps);
    await service.request(engineer, { studyInstanceUid: STUDY });
    await settled(50);
    expect(statesOf(world)).toEqual(['completed', 'completed']);
    await jobs.stop();
  });

  it('carry out as many runs at once as they may, and the next when a place is free', async () => {
    const world = createRunWorld();
    const gates = [1, 2, 3].map(() => Promise.withResolvers<void>());
    world.analyst.work = () => gates[world.analyst.calls.length - 1]!.promise;
    const { deps, service } = openJobs(world, ['work'], {
      limits: { runsAtOnce: 2, graceSeconds: 10, pollSeconds: 0.5, sweepSeconds: 3600 },
    });
    const jobs = await startJobs(deps);
    for (const study of ['1.1', '1.2', '1.3']) {
      put(world, study);
      await service.request(engineer, { studyInstanceUid: study });
    }
    await settled(20);
    expect([statesOf(world).toSorted(), jobs.runsInFlight()]).toEqual([['queued', 'running', 'running'], 2]);
    gates[0]!.resolve();
    await settled(50);
    expect(statesOf(world).toSorted()).toEqual(['completed', 'running', 'running']);
    for (const { resolve } of gates) resolve();
    await jobs.stop();
    expect(statesOf(world)).toEqual(['completed', 'completed', 'completed']);
  });

  it('look for quiet studies and for the outbox again at once while there is more', async () => {
    const world = createRunWorld();
    put(world, STUDY);
    await world.time.advance(60);
    let deliveries = 3;
    const { deps } = openJobs(world, ['work'], {
      quiet: (signal) => queueQuietStudies(world.deps, signal),
      deliver: async () => Math.max(0, --deliveries),
    });
    const jobs = await startJobs(deps);
    await settled(20);
    expect(world.store.runRows()).toHaveLength(1);
    expect(deliveries).toBeLessThanOrEqual(0);
    await jobs.stop();
  });

  it('are woken by the scheduler again and again', async () => {
    const world = createRunWorld();
    const thrice = Promise.withResolvers<void>();
    let pulls = 0;
    const { deps } = openJobs(world, ['pull'], {
      sources: [{ ...SOURCE, pollSeconds: 0.02 }],
      pull: async () => {
        if (++pulls === 3) thrice.resolve();
      },
      limits: { runsAtOnce: 1, graceSeconds: 1, pollSeconds: 0.02, sweepSeconds: 1 },
    });
    const jobs = await startJobs(deps);
    await thrice.promise;
    await jobs.stop();
    expect(pulls).toBeGreaterThanOrEqual(3);
  });

  it("go on by nudges where the scheduler's store fails, and bring nothing down", async () => {
    const world = createRunWorld();
    put(world, STUDY);
    const broken = createJobRepository();
    const closed = () => Promise.reject(new Error('closed'));
    const { deps, service } = openJobs(world, ['work'], {
      jobs: { ...broken, getNextJobToRun: closed, saveJobState: closed, unlockJob: closed, unlockJobs: closed },
      limits: { runsAtOnce: 1, graceSeconds: 1, pollSeconds: 0.02, sweepSeconds: 1 },
    });
    const jobs = await startJobs(deps);
    await service.request(engineer, { studyInstanceUid: STUDY });
    await settled(50);
    expect(statesOf(world)).toEqual(['completed']);
    expect(world.logged).toContain('the scheduler met an error');
    await jobs.stop();
  });
});

describe('stopping', () => {
  it('waits for what is in flight as long as the grace allows', async () => {
    const world = createRunWorld();
    put(world, STUDY);
    const gate = Promise.withResolvers<void>();
    world.analyst.work = () => gate.promise;
    const { deps, service } = openJobs(world, ['work']);
    const jobs = await startJobs(deps);
    await service.request(engineer, { studyInstanceUid: STUDY });
    await settled();
    const stopped = jobs.stop();
    await settled();
    await world.time.advance(9);
    gate.resolve();
    await stopped;
    expect(statesOf(world)).toEqual(['completed']);
  });

  it('gives back what does not end in time, uncounted, and claims nothing more', async () => {
    const world = createRunWorld();
    put(world, STUDY);
    world.analyst.work = () => new Promise(() => {});
    const { deps, service } = openJobs(world, ['work']);
    const jobs = await startJobs(deps);
    await service.request(engineer, { studyInstanceUid: STUDY });
    await settled();
    const stopped = jobs.stop();
    await settled();
    await world.time.advance(10);
    await stopped;
    await service.request(engineer, { studyInstanceUid: STUDY });
    await settled();
    expect(world.store.runRows()).toMatchObject([{ state: 'queued', attempt: 0, leaseToken: undefined }]);
    expect(jobs.runsInFlight()).toBe(0);
  });
});
