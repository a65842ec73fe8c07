import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { JobParameters, JobRepository } from 'agenda';

export interface OpenedJobs {
  readonly jobs: JobRepository;
  /** Moves the clock of the repository. */
  readonly setNow: (now: Date) => void;
  close(): Promise<void>;
}

const NOW = new Date('2026-11-24T10:00:00.000Z');
const at = (minutes: number): Date => new Date(NOW.getTime() + minutes * 60_000);

const job = (given: Partial<JobParameters> = {}): JobParameters => ({
  name: 'pull',
  priority: 0,
  nextRunAt: NOW,
  type: 'normal',
  data: {},
  ...given,
});

/** What agenda relies on: one owner a job, and fields that outlive a save. */
export function describeJobRepository(name: string, open: () => Promise<OpenedJobs>): void {
  describe(`JobRepository: ${name}`, () => {
    let opened: OpenedJobs;
    const jobs = (): JobRepository => opened.jobs;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.close());
    beforeEach(async () => {
      opened.setNow(NOW);
      await jobs().connect();
      await jobs().purgeAllJobs();
    });
    const save = (given: Partial<JobParameters> = {}) => jobs().saveJob(job(given), { lastModifiedBy: 'test' });
    const next = (lockDeadline = at(-10)) => jobs().getNextJobToRun('pull', at(1), lockDeadline, NOW, undefined);

    describeSaving(jobs, save, (now) => opened.setNow(now));
    describeLocking(jobs, save, next);
    describeQuerying(jobs, save);
  });
}

type Jobs = () => JobRepository;
type SaveJob = (given?: Partial<JobParameters>) => Promise<JobParameters>;

function describeSaving(jobs: Jobs, save: SaveJob, setNow: (now: Date) => void): void {
  it('gives a job an id and gives it back with its dates and data', async () => {
    const data = { study: '1.2', nested: { list: [1, 2] } };
    const saved = await save({ data, repeatInterval: '5 minutes', endDate: at(60) });
    expect(saved._id).toMatch(/^[0-9a-f-]{36}$/);
    const read = await jobs().getJobById(saved._id!);
    expect(read).toMatchObject({ data, nextRunAt: NOW, endDate: at(60), lastModifiedBy: 'test' });
    expect(await jobs().getJobById('none')).toBeNull();
  });

  it('updates a job by its id, replaces its data whole and keeps what the processor wrote', async () => {
    const saved = await save({ data: { a: 1 } });
    await jobs().saveJobState({ ...saved, failCount: 2, failReason: 'x' }, undefined);
    await save({ _id: saved._id!, data: { b: 2 }, nextRunAt: at(5) });
    const read = await jobs().getJobById(saved._id!);
    expect(read).toMatchObject({ data: { b: 2 }, nextRunAt: at(5), failCount: 2 });
    expect(read!.data).not.toHaveProperty('a');
    expect(await jobs().queryJobs()).toMatchObject({ total: 1 });
  });

  it('does not bring back a job that was removed', async () => {
    const saved = await save();
    await jobs().removeJobs({ id: saved._id! });
    await save({ _id: saved._id! });
    expect((await jobs().queryJobs()).total).toBe(0);
    await expect(jobs().saveJobState(saved, undefined)).rejects.toThrow('gone');
  });

  it('keeps one job of type single, and its next run when the new one is due already', async () => {
    const first = await save({ type: 'single', nextRunAt: at(30) });
    const [second, third] = await Promise.all([
      save({ type: 'single', nextRunAt: at(-1), repeatInterval: '1 hour' }),
      save({ type: 'single', nextRunAt: at(20) }),
    ]);
    expect([second._id, third._id]).toEqual([first._id, first._id]);
    expect(second).toMatchObject({ nextRunAt: at(30), repeatInterval: '1 hour' });
    expect(third.nextRunAt).toEqual(at(20));
    expect((await jobs().queryJobs()).total).toBe(1);
  });

  it('keeps one job for equal unique values, unchanged when only an insert is wanted', async () => {
    const unique = { 'data.study': '1.2' };
    const saved = await Promise.all(
      [1, 2, 3].map((count) => save({ unique, data: { study: '1.2', count }, nextRunAt: at(count) })),
    );
    expect(new Set(saved.map(({ _id }) => _id)).size).toBe(1);
    const kept = await save({ unique, uniqueOpts: { insertOnly: true }, data: { study: '1.2', count: 9 } });
    expect(kept).toMatchObject({ data: { count: 3 }, nextRunAt: at(3) });
    expect((await save({ unique: { 'data.study': '9' }, data: { study: '9' } }))._id).not.toBe(kept._id);
  });

  it('puts a debounced job off until it is quiet, but not beyond the longest wait', async () => {
    const unique = { 'data.study': '1' };
    const wait = { unique, data: { study: '1' }, uniqueOpts: { debounce: { delay: 60_000, maxWait: 150_000 } } };
    expect((await save(wait)).nextRunAt).toEqual(at(1));
    setNow(at(1));
    expect((await save(wait)).nextRunAt).toEqual(at(2));
    setNow(at(2));
    expect((await save(wait)).nextRunAt).toEqual(at(2.5));
  });

  it('runs a leading debounced job at once and ignores those that follow', async () => {
    const unique = { 'data.study': '1' };
    const debounce = { delay: 60_000, strategy: 'leading' as const };
    await save({ unique, data: { study: '1' }, uniqueOpts: { debounce } });
    setNow(at(0.5));
    const second = await save({ unique, data: { study: '1' }, nextRunAt: at(0.5), uniqueOpts: { debounce } });
    expect(second).toMatchObject({ nextRunAt: NOW, debounceStartedAt: NOW });
  });
}

function describeLocking(
  jobs: Jobs,
  save: SaveJob,
  next: (deadline?: Date) => Promise<JobParameters | undefined>,
): void {
  it('hands every due job to exactly one of many that ask at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, number) => save({ data: { number } })));
    const locked = await Promise.all(Array.from({ length: 30 }, () => next()));
    const ids = locked.flatMap((found) => (found ? [found._id] : []));
    expect(ids).toHaveLength(20);
    expect(new Set(ids).size).toBe(20);
    expect(locked[0]).toMatchObject({ lockedAt: NOW });
  });

  it('takes the earliest first, then the most important, and none that is disabled or not due', async () => {
    await save({ nextRunAt: at(2), data: 'not due' });
    await save({ nextRunAt: at(-1), disabled: true, data: 'disabled' });
    await save({ name: 'other', data: 'other' });
    await save({ data: 'plain' });
    await save({ priority: 10, data: 'important' });
    await save({ nextRunAt: at(-5), data: 'early' });
    const taken = [await next(), await next(), await next(), await next()];
    expect(taken.map((found) => found?.data)).toEqual(['early', 'important', 'plain', undefined]);
  });

  it('hands out again a job whose lock has run out', async () => {
    const saved = await save();
    await next();
    expect(await next()).toBeUndefined();
    expect((await next(at(0)))?._id).toBe(saved._id);
  });

  it('locks a job only as it was read', async () => {
    const saved = await save();
    expect(await jobs().lockJob({ ...saved, nextRunAt: at(9) }, undefined)).toBeUndefined();
    const locked = await Promise.all([jobs().lockJob(saved, undefined), jobs().lockJob(saved, undefined)]);
    expect(locked.filter(Boolean)).toHaveLength(1);
  });

  it('unlocks what still has a next run and leaves alone what is being worked on', async () => {
    const [one, two] = [await save(), await save()];
    const locked = await next();
    await jobs().unlockJob(locked!);
    expect((await jobs().getJobById(locked!._id!))!.lockedAt).toBeUndefined();
    await next();
    await next();
    await jobs().saveJobState({ ...two, nextRunAt: null, lockedAt: NOW }, undefined);
    await jobs().unlockJobs([one._id!, two._id!]);
    expect((await jobs().getJobById(one._id!))!.lockedAt).toBeUndefined();
    expect((await jobs().getJobById(two._id!))!.lockedAt).toEqual(NOW);
  });

  it('takes the lock away when the state is saved without one', async () => {
    const saved = await save();
    const locked = await next();
    await jobs().saveJobState({ ...locked!, lockedAt: undefined, lastFinishedAt: NOW, nextRunAt: at(5) } as never, {
      lastModifiedBy: 'worker',
    });
    const read = await jobs().getJobById(saved._id!);
    expect(read).toMatchObject({ lastFinishedAt: NOW, nextRunAt: at(5), lastModifiedBy: 'worker' });
    expect(read).not.toHaveProperty('lockedAt');
  });
}

function describeQuerying(jobs: Jobs, save: SaveJob): void {
  it('filters by every criterion and pages after sorting', async () => {
    const first = await save({ data: { study: '1', x: 1 }, nextRunAt: at(3) });
    await save({ name: 'deliver', nextRunAt: at(2), disabled: true });
    await save({ name: 'scrub', nextRunAt: at(-1), priority: 5 });
    const names = async (options: Parameters<JobRepository['queryJobs']>[0]) =>
      (await jobs().queryJobs(options)).jobs.map((found) => found.name).join();
    expect(await names({})).toBe('scrub,deliver,pull');
    expect(await names({ name: 'pull' })).toBe('pull');
    expect(await names({ names: ['pull', 'scrub'] })).toBe('scrub,pull');
    expect(await names({ id: first._id! })).toBe('pull');
    expect(await names({ ids: [first._id!] })).toBe('pull');
    expect(await names({ search: 'LIV' })).toBe('deliver');
    expect(await names({ data: { study: '1' } })).toBe('pull');
    expect(await names({ includeDisabled: false })).toBe('scrub,pull');
    expect(await names({ state: 'queued' })).toBe('scrub');
    expect(await names({ sort: { name: 'desc' } })).toBe('scrub,pull,deliver');
    expect(await jobs().queryJobs({ skip: 1, limit: 1 })).toMatchObject({ total: 3, jobs: [{ name: 'deliver' }] });
    expect(await jobs().getDistinctJobNames()).toEqual(['deliver', 'pull', 'scrub']);
    expect(await jobs().getQueueSize()).toBe(1);
  });

  it('counts the jobs of each name by state', async () => {
    await save();
    await save({ nextRunAt: at(5) });
    const failed = await save({ nextRunAt: null });
    await jobs().saveJobState({ ...failed, failedAt: NOW }, undefined);
    await save({ repeatInterval: '1 hour', nextRunAt: at(60) });
    await save({ nextRunAt: null });
    await save({ disabled: true });
    const expected = {
      name: 'pull',
      total: 6,
      queued: 1,
      scheduled: 1,
      failed: 1,
      repeating: 1,
      completed: 1,
      paused: 1,
    };
    expect(await jobs().getJobsOverview()).toEqual([{ ...expected, running: 0 }]);
  });

  it('removes and disables what meets the criteria, and nothing without any', async () => {
    const first = await save({ data: { study: '1' } });
    for (const name of ['deliver', 'scrub', 'retain']) await save({ name });
    expect(await jobs().removeJobs({})).toBe(0);
    expect(await jobs().disableJobs({ name: 'scrub' })).toBe(1);
    expect(await jobs().disableJobs({ names: ['scrub', 'retain'] })).toBe(1);
    expect(await jobs().enableJobs({ notNames: ['retain'] })).toBe(1);
    expect((await jobs().queryJobs({ includeDisabled: false })).total).toBe(3);
    expect(await jobs().removeJobs({ data: { study: '1' }, name: 'pull' })).toBe(1);
    expect(await jobs().removeJobs({ ids: [first._id!] })).toBe(0);
    expect(await jobs().purgeAllJobs()).toBe(3);
  });
}
