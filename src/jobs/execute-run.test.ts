import { describe, expect, it } from '@jest/globals';
import { settled } from '../../test/harness/manual-time.ts';
import { ADDRESSEES, createRunWorld, engineer, type RunWorld, STUDY, sourceRow } from '../../test/harness/run-world.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { RunRow } from '../ports/index.ts';
import { createRunService } from './run-service.ts';

function worldWithStudy(options?: Parameters<typeof createRunWorld>[0]): RunWorld {
  const world = createRunWorld(options);
  for (const number of [1, 2, 3]) world.store.instances.set(sourceRow(number).sopInstanceUid, sourceRow(number));
  return world;
}

const request = (world: RunWorld): Promise<RunRow> => world.service.request(engineer, { studyInstanceUid: STUDY });
const rowOf = async (world: RunWorld, { id }: RunRow): Promise<RunRow> => (await world.store.runs.get('main', id))!;
const messages = async (world: RunWorld, { id }: RunRow): Promise<string[]> =>
  (await world.store.runs.log('main', id)).map(({ message }) => message);

/** An analysis that goes on when the test says so. */
function held(world: RunWorld): { readonly go: () => void; readonly signals: AbortSignal[] } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const signals: AbortSignal[] = [];
  world.analyst.work = async (_, signal) => {
    signals.push(signal);
    await promise;
  };
  return { go: resolve, signals };
}

const objectsOf = (world: RunWorld): string[] =>
  [...world.store.instances.values()].filter(({ isSource }) => !isSource).map(({ sopInstanceUid }) => sopInstanceUid);

describe('carrying out a run', () => {
  it('publishes instances, resources, files, outbox, log and audit in one commit', async () => {
    const world = worldWithStudy({ destinations: ADDRESSEES });
    const queued = await request(world);
    await (await world.worker().claimNext())!.done;
    const row = await rowOf(world, queued);
    expect(row).toMatchObject({ state: 'built', percent: 100, attempt: 1, leaseToken: undefined, date: queued.date });
    expect(row.result).toMatchObject({ diagnosticReport: 'DiagnosticReport/1', patient: 'Patient/1' });
    const last = world.store.commits.at(-1)!;
    expect(last.instances).toHaveLength(4);
    expect(last.outbox?.map(({ row: { destination, payload } }) => [destination, payload.kind])).toEqual([
      ['pacs', 'dicom'],
      ['ehr', 'fhir'],
    ]);
    expect(last.outbox?.[0]?.row.payload).toMatchObject({
      sopInstanceUids: [
        row.result!.segSopInstanceUid,
        row.result!.srSopInstanceUid,
        row.result!.pdfSopInstanceUid,
        expect.any(String),
      ],
    });
    expect(last.audit?.[0]).toMatchObject({ interaction: 'job/analyse', patients: ['Patient/1'] });
    expect(world.packs).toMatchObject([{ sealed: true, discarded: false }]);
    expect(Object.keys(row.files).sort()).toEqual(['bundle.json', 'measurements.json', 'report.pdf']);
    expect(Object.values(row.files).every(({ pack }) => pack === last.instances?.[0]?.blob.pack)).toBe(true);
    expect(world.steps).toEqual(['wait', 'segment', 'encode', 'publish']);
    expect([world.finished, world.nudges]).toEqual([['built'], ['claim-runs', 'deliver-outbox']]);
    expect(world.time.pending()).toBe(0);
  });

  it('is completed at once where nobody waits for the results', async () => {
    const world = worldWithStudy();
    const queued = await request(world);
    await (await world.worker().claimNext())!.done;
    expect((await rowOf(world, queued)).state).toBe('completed');
    expect(await messages(world, queued)).toEqual([
      'requested',
      'attempt 1 of 3',
      '3 instances to read',
      'measured: segment 400 ms, encode 100 ms',
      'published 4 DICOM objects and 0 FHIR resources',
    ]);
  });

  it('finds nothing to claim in an empty queue, and nothing before its time', async () => {
    const world = worldWithStudy();
    expect(await world.worker().claimNext()).toBeUndefined();
  });

  it('is carried out by one of two workers that race for it', async () => {
    const world = worldWithStudy();
    await request(world);
    const executions = await Promise.all([world.worker().claimNext(), world.worker().claimNext()]);
    expect(executions.filter((execution) => execution !== undefined)).toHaveLength(1);
    await Promise.all(executions.map((execution) => execution?.done));
    expect(world.analyst.calls).toHaveLength(1);
  });

  it('says where it is while it goes on', async () => {
    const world = worldWithStudy();
    const { go } = held(world);
    const queued = await request(world);
    const execution = (await world.worker().claimNext())!;
    await settled();
    expect(await rowOf(world, queued)).toMatchObject({ step: 'segment', percent: 38 });
    go();
    await execution.done;
  });

  it('keeps its lease as long as it works, and loses nothing to a second worker', async () => {
    const world = worldWithStudy();
    const { go } = held(world);
    const queued = await request(world);
    const execution = (await world.worker().claimNext())!;
    await world.time.advance(120);
    expect(await world.worker().claimNext()).toBeUndefined();
    go();
    await execution.done;
    expect(await rowOf(world, queued)).toMatchObject({ state: 'completed', attempt: 1 });
  });

  it('is done again from the start when the process died between claim and publish, with the same bytes', async () => {
    const world = worldWithStudy();
    held(world);
    const queued = await request(world);
    // A worker whose timers never fire is what a killed process looks like from outside.
    const dead = { every: () => () => {}, after: () => () => {} };
    await world.worker({ timers: dead }).claimNext();
    await settled();
    await world.time.advance(31);
    world.analyst.work = async () => {};
    await (await world.worker().claimNext())!.done;
    const row = await rowOf(world, queued);
    expect(row).toMatchObject({ state: 'completed', attempt: 2, date: queued.date });
    expect(objectsOf(world)).toHaveLength(4);
  });

  it('publishes nothing when another worker took over meanwhile', async () => {
    const world = worldWithStudy();
    const { go, signals } = held(world);
    const queued = await request(world);
    const dead = { every: () => () => {}, after: () => () => {} };
    const late = (await world.worker({ timers: dead }).claimNext())!;
    await settled();
    await world.time.advance(31);
    const second = (await world.worker().claimNext())!;
    go();
    await Promise.all([late.done, second.done]);
    expect(signals).toHaveLength(2);
    expect(objectsOf(world)).toHaveLength(4);
    expect(await rowOf(world, queued)).toMatchObject({ state: 'completed', attempt: 2 });
    expect(world.logged).toContain('run lost to another worker');
  });

  it('stops its work when the lease cannot be renewed in time', async () => {
    const world = worldWithStudy();
    const { signals } = held(world);
    const queued = await request(world);
    const execution = (await world.worker().claimNext())!;
    await settled();
    world.store.refuse = () => new NeuroInsightError('storage-full', 'the disk is full');
    await world.time.advance(41);
    await execution.done;
    expect(signals[0]?.aborted).toBe(true);
    world.store.refuse = () => undefined;
    expect(await rowOf(world, queued)).toMatchObject({ state: 'running', attempt: 1 });
    world.analyst.work = async () => {};
    await (await world.worker().claimNext())!.done;
    expect(await rowOf(world, queued)).toMatchObject({ state: 'completed', attempt: 2 });
  });

  it('stops at once when it is cancelled in this process, and at the heartbeat when in another', async () => {
    for (const nearby of [true, false]) {
      const world = worldWithStudy();
      const { signals } = held(world);
      const queued = await request(world);
      const silent = { publish: () => {}, listen: () => () => {}, watch: () => () => {} };
      const execution = (await world.worker(nearby ? {} : { changes: silent }).claimNext())!;
      await settled();
      await world.service.cancel(engineer, queued.id);
      if (!nearby) await world.time.advance(10);
      await execution.done;
      expect(signals[0]?.aborted).toBe(true);
      expect(await rowOf(world, queued)).toMatchObject({ state: 'cancelled', result: undefined });
      expect(objectsOf(world)).toEqual([]);
    }
  });

  it('publishes nothing when the request to cancel comes just before the commit', async () => {
    const world = worldWithStudy();
    const queued = await request(world);
    const silent = { publish: () => {}, listen: () => () => {}, watch: () => () => {} };
    const { records } = world.deps;
    const execution = (await world
      .worker({
        changes: silent,
        records: {
          async prepareTransaction(principal, bundle) {
            await world.service.cancel(engineer, queued.id);
            return records.prepareTransaction(principal, bundle);
          },
        },
      })
      .claimNext())!;
    await execution.done;
    expect((await rowOf(world, queued)).state).toBe('cancelled');
    expect([objectsOf(world), world.packs[0]?.discarded]).toEqual([[], true]);
  });

  it('is dead after three attempts that failed, each later than the one before', async () => {
    const world = worldWithStudy();
    world.analyst.work = async () => {
      throw new Error('Doe^Jane broke /srv/data');
    };
    const queued = await request(world);
    for (const wait of [0, 10, 20]) {
      if (wait > 0) {
        await world.time.advance(wait - 1);
        expect(await world.worker().claimNext()).toBeUndefined();
        await world.time.advance(1);
      }
      await (await world.worker().claimNext())!.done;
    }
    const row = await rowOf(world, queued);
    expect(row).toMatchObject({ state: 'dead', attempt: 3, failure: { kind: 'defect' } });
    expect(JSON.stringify([row, await messages(world, queued)])).not.toMatch(/Doe|srv/);
    expect(world.finished).toEqual(['failed', 'failed', 'dead']);
    await world.time.advance(3600);
    expect(await world.worker().claimNext()).toBeUndefined();
  });

  it('is dead when it took the process with it three times', async () => {
    const world = worldWithStudy();
    held(world);
    const queued = await request(world);
    const dead = { every: () => () => {}, after: () => () => {} };
    for (let crash = 0; crash < 3; crash++) {
      expect(await world.worker({ timers: dead }).claimNext()).toBeDefined();
      await settled();
      await world.time.advance(31);
    }
    expect(await world.worker().claimNext()).toBeUndefined();
    expect(await rowOf(world, queued)).toMatchObject({ state: 'dead', attempt: 3 });
    const again = await world.service.requeue(engineer, queued.id);
    expect(again).toMatchObject({ state: 'queued', attempt: 0 });
  });

  it('ends refused with the named reason where the study cannot be measured', async () => {
    const world = worldWithStudy();
    world.analyst.work = async () => {
      throw new NeuroInsightError('no-usable-series', 'no series is a T1');
    };
    const queued = await request(world);
    await (await world.worker().claimNext())!.done;
    const failure = { kind: 'no-usable-series', message: 'no series is a T1' };
    expect(await rowOf(world, queued)).toMatchObject({ state: 'refused', attempt: 1, failure });
    expect(world.store.audit.at(-1)).toMatchObject({ outcome: '8', outcomeDesc: 'no-usable-series' });
  });

  it('ends refused when the study has gone meanwhile', async () => {
    const world = worldWithStudy();
    const queued = await request(world);
    world.store.instances.clear();
    await (await world.worker().claimNext())!.done;
    expect(await rowOf(world, queued)).toMatchObject({ state: 'refused', failure: { kind: 'nothing-to-read' } });
  });

  it('does not run for ever: an attempt that takes too long fails', async () => {
    const world = worldWithStudy();
    const { signals } = held(world);
    const queued = await request(world);
    const execution = (await world.worker().claimNext())!;
    await settled();
    await world.time.advance(600);
    await execution.done;
    expect(signals[0]?.aborted).toBe(true);
    expect(await rowOf(world, queued)).toMatchObject({ state: 'queued', failure: { kind: 'inference-timeout' } });
  });

  it('gives the run back uncounted when the worker is stopped', async () => {
    const world = worldWithStudy();
    held(world);
    const queued = await request(world);
    const execution = (await world.worker().claimNext())!;
    await settled();
    execution.stop();
    await execution.done;
    expect(await rowOf(world, queued)).toMatchObject({ state: 'queued', attempt: 0, leaseToken: undefined });
  });
});

describe('publishing', () => {
  it('prepares the FHIR side anew and tries again when a commit meets a conflict', async () => {
    const world = worldWithStudy();
    const queued = await request(world);
    let refusals = 2;
    world.store.refuse = ({ instances }) =>
      instances && refusals-- > 0
        ? new NeuroInsightError('conflict', 'a Patient like this was made meanwhile')
        : undefined;
    await (await world.worker().claimNext())!.done;
    expect(await rowOf(world, queued)).toMatchObject({ state: 'completed', attempt: 1 });
    expect(world.prepared).toHaveLength(3);
    expect(world.packs).toHaveLength(1);
  });

  it('gives up the attempt, and leaves no pack, when the conflict stays', async () => {
    const world = worldWithStudy();
    const queued = await request(world);
    world.store.refuse = ({ instances }) =>
      instances ? new NeuroInsightError('conflict', 'an object differs') : undefined;
    await (await world.worker().claimNext())!.done;
    expect(await rowOf(world, queued)).toMatchObject({ state: 'queued', failure: { kind: 'conflict' } });
    expect([world.prepared.length, world.packs[0]?.discarded]).toEqual([6, true]);
  });

  it('leaves the pack alone when nobody knows whether the commit was applied', async () => {
    const world = worldWithStudy();
    await request(world);
    world.store.refuse = ({ instances }) => (instances ? new Error('the writer died') : undefined);
    await (await world.worker().claimNext())!.done;
    expect(world.packs[0]).toMatchObject({ sealed: true, discarded: false });
  });

  it('removes the pack when it could not be written whole', async () => {
    const world = worldWithStudy();
    const queued = await request(world);
    const { results } = world.deps;
    const full = new NeuroInsightError('storage-full', 'the disk is full');
    const worker = world.worker({
      results: {
        prepareInstances: async (...given) => ({
          ...(await results.prepareInstances(...given)),
          append: () => Promise.reject(full),
        }),
      },
    });
    await (await worker.claimNext())!.done;
    expect(await rowOf(world, queued)).toMatchObject({ state: 'queued', failure: { kind: 'storage-full' } });
    expect(world.packs[0]?.discarded).toBe(true);
  });

  it('changes nothing and sends nothing twice when another run makes the same results', async () => {
    const world = worldWithStudy({ destinations: ADDRESSEES });
    const first = await request(world);
    await (await world.worker().claimNext())!.done;
    await world.time.advance(60);
    // New software, same numbers: another run, the same analysis.
    const upgraded = { ...world.deps, analystFingerprint: 'fake-2' };
    const second = await createRunService(upgraded).request(engineer, { studyInstanceUid: STUDY });
    expect(second.id).not.toBe(first.id);
    await (await world.worker().claimNext())!.done;
    const [one, two] = [await rowOf(world, first), await rowOf(world, second)];
    expect(two).toMatchObject({ state: 'completed', result: one.result, files: one.files, date: one.date });
    expect([objectsOf(world).length, world.store.outboxRows().length, world.packs.length]).toEqual([4, 2, 1]);
    expect(await messages(world, second)).toContain('an earlier run made the same results; they stand');
  });

  it('lets one of two runs with the same results publish and the other point to it', async () => {
    const world = worldWithStudy();
    const { go } = held(world);
    const first = await request(world);
    await world.time.advance(1);
    const other = createRunService({ ...world.deps, analystFingerprint: 'fake-2' });
    const second = await other.request(engineer, { studyInstanceUid: STUDY });
    const executions = [await world.worker().claimNext(), await world.worker().claimNext()];
    await settled();
    go();
    await Promise.all(executions.map((execution) => execution!.done));
    const [one, two] = [await rowOf(world, first), await rowOf(world, second)];
    expect([one.state, two.state, one.date, one.files]).toEqual(['completed', 'completed', two.date, two.files]);
    expect(objectsOf(world)).toHaveLength(4);
    expect(world.packs.filter(({ discarded }) => !discarded)).toHaveLength(1);
  });
});
