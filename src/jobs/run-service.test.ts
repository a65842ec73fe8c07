import { describe, expect, it } from '@jest/globals';
import { settled } from '../../test/harness/manual-time.ts';
import { createRunWorld, engineer, type RunWorld, STUDY, sourceRow } from '../../test/harness/run-world.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Principal, RunRow } from '../ports/index.ts';
import { runRowKeyOf } from './run-identity.ts';
import { createRunService } from './run-service.ts';

function worldWithStudy(rows = [sourceRow(1), sourceRow(2)]): RunWorld {
  const world = createRunWorld();
  for (const row of rows) world.store.instances.set(row.sopInstanceUid, row);
  return world;
}

const request = (world: RunWorld, principal = engineer): Promise<RunRow> =>
  world.service.request(principal, { studyInstanceUid: STUDY });
const carryOut = async (world: RunWorld): Promise<void> => (await world.worker().claimNext())!.done;
const lastAudit = (world: RunWorld) => world.store.audit.at(-1);

describe('the key of a run', () => {
  const rows = [sourceRow(1), sourceRow(2)];
  const key = runRowKeyOf(STUDY, rows, 'model');

  it('is the same in whatever order the instances came', () => {
    expect(runRowKeyOf(STUDY, [...rows].reverse(), 'model')).toBe(key);
  });

  it('is another for other bytes, another model, another study or one instance more', () => {
    const others = [
      runRowKeyOf(STUDY, [rows[0]!, { ...rows[1]!, storedSha256: 'other' }], 'model'),
      runRowKeyOf(STUDY, rows, 'model 2'),
      runRowKeyOf(`${STUDY}.9`, rows, 'model'),
      runRowKeyOf(STUDY, [...rows, sourceRow(3)], 'model'),
    ];
    expect(new Set([key, ...others]).size).toBe(5);
  });
});

describe('requesting a run', () => {
  it('queues it, wakes the worker, marks the study and writes the access down, all in one commit', async () => {
    const world = worldWithStudy();
    const row = await request(world);
    expect(row).toMatchObject({
      state: 'queued',
      cause: 'request',
      requestedBy: 'key-1',
      traceparent: expect.any(String),
    });
    expect(world.nudges).toEqual(['claim-runs']);
    const [commit] = world.store.commits;
    expect(commit).toMatchObject({
      considered: [{ studyInstanceUid: STUDY, sourceReceivedAt: '2026-11-24T07:59:00.000Z' }],
      runLog: [{ message: 'requested' }],
      audit: [{ action: 'C', interaction: 'api/run-request', entities: [`Task/${row.id}`, `urn:oid:${STUDY}`] }],
    });
  });

  it('makes one run of ten requests at once, and one result', async () => {
    const world = worldWithStudy();
    const rows = await Promise.all(Array.from({ length: 10 }, () => request(world)));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
    await carryOut(world);
    expect(await world.worker().claimNext()).toBeUndefined();
    expect((await request(world)).state).toBe('completed');
    expect(world.store.runRows()).toHaveLength(1);
  });

  it('queues a run again that was cancelled, refused or dead', async () => {
    const world = worldWithStudy();
    const first = await request(world);
    await world.service.cancel(engineer, first.id);
    expect(await request(world)).toMatchObject({ id: first.id, state: 'queued', attempt: 0 });
    world.analyst.work = () => Promise.reject(new NeuroInsightError('slice-gap', 'a slice is missing'));
    await carryOut(world);
    expect(await request(world)).toMatchObject({ id: first.id, state: 'queued', failure: undefined });
  });

  it('refuses a study that is not here, and one without images to measure', async () => {
    const world = worldWithStudy([sourceRow(1, { isSource: false })]);
    await expect(request(world)).rejects.toMatchObject({ kind: 'no-usable-series' });
    await expect(world.service.request(engineer, { studyInstanceUid: '1.2.3' })).rejects.toMatchObject({
      kind: 'not-found',
    });
    expect(lastAudit(world)).toMatchObject({ outcome: '4', outcomeDesc: 'not-found' });
  });

  it('is refused as overloaded when the queue is full, and so is a requeue', async () => {
    const world = worldWithStudy();
    const other = sourceRow(9, { studyInstanceUid: `${STUDY}.9`, sopInstanceUid: `${STUDY}.9.1` });
    world.store.instances.set(other.sopInstanceUid, other);
    const service = createRunService({ ...world.deps, limits: { queue: 1, pollMilliseconds: 1000 } });
    const first = await service.request(engineer, { studyInstanceUid: STUDY });
    await expect(service.request(engineer, { studyInstanceUid: other.studyInstanceUid })).rejects.toMatchObject({
      kind: 'overloaded',
    });
    expect((await service.request(engineer, { studyInstanceUid: STUDY })).id).toBe(first.id);
    await service.cancel(engineer, first.id);
    await service.request(engineer, { studyInstanceUid: other.studyInstanceUid });
    await expect(service.requeue(engineer, first.id)).rejects.toMatchObject({ kind: 'overloaded' });
  });

  it('gives up with conflict when every commit is overtaken', async () => {
    const world = worldWithStudy();
    world.store.refuse = ({ runs }) => (runs ? new NeuroInsightError('conflict', 'the row moved on') : undefined);
    await expect(request(world)).rejects.toMatchObject({ kind: 'conflict' });
  });
});

describe('what may be asked of a run', () => {
  const holding = (scopes: string): Principal => ({ ...engineer, scopes });

  it('needs the permission for each thing, and writes a refusal down', async () => {
    const world = worldWithStudy();
    const { id } = await request(world);
    const nobody = holding('system/ImagingStudy.cruds');
    const asked = [
      () => request(world, nobody),
      () => world.service.get(nobody, id),
      () => world.service.list(nobody, { limit: 1, offset: 0 }),
      () => world.service.log(nobody, id),
      () => world.service.cancel(holding('system/Task.rs'), id),
      () => world.service.requeue(holding('system/Task.crs'), id),
      () => world.service.file(nobody, id, 'report.pdf'),
      () => world.service.subscribe(nobody, id)[Symbol.asyncIterator]().next(),
    ];
    for (const ask of asked) {
      await expect(ask()).rejects.toMatchObject({ kind: 'forbidden' });
      expect(lastAudit(world)).toMatchObject({ outcome: '4', outcomeDesc: 'forbidden' });
    }
  });

  it('gives row, list, log and files, each access written down with the patient', async () => {
    const world = worldWithStudy();
    const { id } = await request(world);
    await carryOut(world);
    expect(await world.service.get(engineer, id)).toMatchObject({ id, state: 'completed' });
    expect(lastAudit(world)).toMatchObject({ action: 'R', interaction: 'api/run-read', patients: ['Patient/1'] });
    const page = await world.service.list(engineer, { state: ['completed'], limit: 10, offset: 0 });
    expect([page.total, page.rows[0]?.id]).toEqual([1, id]);
    expect(lastAudit(world)).toMatchObject({
      interaction: 'api/run-list',
      entities: [`Task/${id}`],
      patients: ['Patient/1'],
    });
    expect((await world.service.log(engineer, id)).length).toBeGreaterThan(3);
    const report = await world.service.file(engineer, id, 'report.pdf');
    expect(Buffer.from(report).toString()).toMatch(/^report\.pdf /);
    expect(lastAudit(world)).toMatchObject({ interaction: 'api/run-file', query: 'name=report.pdf' });
  });

  it('has no other files than those it made', async () => {
    const world = worldWithStudy();
    const { id } = await request(world);
    await carryOut(world);
    for (const name of ['toString', '__proto__', '../x', 'seg.dcm', ''])
      await expect(world.service.file(engineer, id, name)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(world.service.get(engineer, 'other')).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('bounds the page', async () => {
    const world = worldWithStudy();
    for (const [limit, offset] of [
      [1001, 0],
      [-1, 0],
      [1.5, 0],
      [1, -1],
    ] as const)
      await expect(world.service.list(engineer, { limit, offset })).rejects.toMatchObject({ kind: 'invalid-request' });
  });

  it('answers nothing when the access cannot be written down', async () => {
    const world = worldWithStudy();
    const { id } = await request(world);
    world.store.refuse = ({ audit }) => (audit ? new NeuroInsightError('storage-full', 'the disk is full') : undefined);
    await expect(world.service.get(engineer, id)).rejects.toMatchObject({ kind: 'storage-full' });
  });

  it('cancels once: again while it still runs changes nothing, after its end it is a conflict', async () => {
    const world = worldWithStudy();
    const { id } = await request(world);
    const { promise, resolve } = Promise.withResolvers<void>();
    world.analyst.work = () => promise;
    const silent = { publish: () => {}, listen: () => () => {}, watch: () => () => {} };
    const execution = (await world.worker({ changes: silent }).claimNext())!;
    const asked = await world.service.cancel(engineer, id);
    expect(await world.service.cancel(engineer, id)).toMatchObject({ cancelRequested: true, state: 'running' });
    expect(asked.cancelRequested).toBe(true);
    resolve();
    await execution.done;
    await expect(world.service.cancel(engineer, id)).rejects.toMatchObject({ kind: 'conflict' });
    expect(await world.service.requeue(engineer, id)).toMatchObject({ state: 'queued', cancelRequested: false });
    await expect(world.service.requeue(engineer, id)).rejects.toMatchObject({ kind: 'conflict' });
  });
});

describe('watching a run', () => {
  it('tells the state as it stands and each change, and ends with the run', async () => {
    const world = worldWithStudy();
    const { id } = await request(world);
    const states: string[] = [];
    const watching = (async () => {
      for await (const { state, step } of world.service.subscribe(engineer, id)) states.push(step ?? state);
    })();
    await settled();
    await carryOut(world);
    await watching;
    expect(states[0]).toBe('queued');
    expect(states.at(-1)).toBe('completed');
    expect(world.time.pending()).toBe(0);
  });

  it('sees what another process wrote at the next look', async () => {
    const world = worldWithStudy();
    const { id } = await request(world);
    const watcher = world.service.subscribe(engineer, id)[Symbol.asyncIterator]();
    expect((await watcher.next()).value).toMatchObject({ state: 'queued' });
    const next = watcher.next();
    const elsewhere = createRunService({
      ...world.deps,
      changes: { publish: () => {}, listen: () => () => {}, watch: () => () => {} },
    });
    await elsewhere.cancel(engineer, id);
    await world.time.advance(1);
    expect((await next).value).toMatchObject({ state: 'cancelled' });
    expect((await watcher.next()).done).toBe(true);
  });

  it('leaves nothing behind when the reader goes away, also while it waits', async () => {
    const world = worldWithStudy();
    const { id } = await request(world);
    const watcher = world.service.subscribe(engineer, id)[Symbol.asyncIterator]();
    await watcher.next();
    const waiting = watcher.next();
    await watcher.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await watcher.next()).toEqual({ done: true, value: undefined });
    expect(world.time.pending()).toBe(0);
  });

  it('ends without opening anything when it is closed before it began', async () => {
    const world = worldWithStudy();
    const { id } = await request(world);
    const watcher = world.service.subscribe(engineer, id)[Symbol.asyncIterator]();
    await watcher.return?.();
    expect((await watcher.next()).done).toBe(true);
  });
});
