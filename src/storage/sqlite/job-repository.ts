import { randomUUID } from 'node:crypto';
import type { JobParameters, JobRepository, JobsOverview, JobWithState, RemoveJobsOptions } from 'agenda';
import type { Clock } from '../../ports/index.ts';
import { rowsOf, type Table, type Value } from './database.ts';
import { debounced, jobOf, meetsQuery, meetsRemoval, meetsUnique, stateOf, storedForm } from './job-rows.ts';
import { sortJobs } from './job-sort.ts';
import type { Operation } from './operation.ts';
import type { Readers } from './readers.ts';
import type { Writer } from './writer.ts';

const INSERT: string = `INSERT INTO jobs (id, name, next_run_at, locked_at, disabled, priority, row)
  VALUES (?, ?, ?, ?, ?, ?, ?)`;

/** Members given replace those stored, null takes one away; `data` is replaced whole. */
const PATCH = `UPDATE jobs SET row = CASE WHEN ?3 IS NULL THEN json_patch(row, ?2)
  ELSE json_set(json_patch(row, ?2), '$.data', json(?3)) END WHERE id = ?1`;

/** Brings the columns that are searched into line with the row. */
const PROJECT = `UPDATE jobs SET next_run_at = row ->> 'nextRunAt', locked_at = row ->> 'lockedAt',
  disabled = coalesce(row ->> 'disabled', 0), priority = coalesce(row ->> 'priority', 0), name = row ->> 'name'
  WHERE id = ? RETURNING id, row`;

const LOCK_NEXT = `UPDATE jobs SET locked_at = ?1, row = json_patch(row, ?2) WHERE id = (
    SELECT id FROM jobs WHERE name = ?3 AND disabled = 0
      AND ((locked_at IS NULL AND next_run_at <= ?4) OR locked_at <= ?5)
    ORDER BY next_run_at, priority DESC LIMIT 1)
  RETURNING id, row`;

const LOCK = `UPDATE jobs SET locked_at = ?1, row = json_patch(row, ?2)
  WHERE id = ?3 AND name = ?4 AND locked_at IS NULL AND next_run_at IS ?5 AND disabled = 0 RETURNING id, row`;

/** A job without a next run is being worked on or done: its lock is not taken from it. */
const UNLOCK = `UPDATE jobs SET locked_at = NULL, row = json_remove(row, '$.lockedAt')
  WHERE id IN (SELECT value FROM json_each(?)) AND next_run_at IS NOT NULL`;

const DISABLE = `UPDATE jobs SET disabled = ?2, row = json_set(row, '$.disabled', json(CASE ?2 WHEN 1 THEN 'true' ELSE 'false' END))
  WHERE id IN (SELECT value FROM json_each(?1)) AND disabled <> ?2`;

const iso = (date: Date | null | undefined): string | null => date?.toISOString() ?? null;

/** The jobs of agenda in the same file: every change goes through the one writer, so that a lock has one owner. */
export function createJobRepository(writer: Writer, readers: Readers, clock: Clock): JobRepository {
  const changed = async (...operation: Operation): Promise<number> => (await writer.submit([operation]))[0] as number;
  const returned = async (operations: readonly Operation[]): Promise<JobParameters | undefined> => {
    const row = rowsOf((await writer.submit(operations))[0] as Table)[0];
    return row && jobOf(row);
  };
  const allJobs = async (): Promise<JobWithState[]> => {
    const now = clock.now();
    const rows = await readers.all('SELECT id, row FROM jobs ORDER BY rowid', []);
    return rows.map(jobOf).map((job) => ({ ...job, state: stateOf(job, now) }));
  };
  const idsOf = async (options: RemoveJobsOptions): Promise<string> =>
    JSON.stringify((await allJobs()).filter((job) => meetsRemoval(job, options)).map(({ _id }) => _id));
  const lockPatch = (now: string, by: string | undefined): string =>
    JSON.stringify({ lockedAt: now, lastModifiedBy: by });

  return {
    connect: async () => undefined,
    async queryJobs(options = {}) {
      const { state, sort, skip = 0, limit } = options;
      const found = (await allJobs()).filter(
        (job) => meetsQuery(job, options) && (state === undefined || job.state === state),
      );
      const end = limit ? skip + limit : undefined;
      return { jobs: sortJobs(found, sort).slice(skip, end), total: found.length };
    },
    getJobsOverview: async () => overviewOf(await allJobs()),
    async getDistinctJobNames() {
      return (await readers.all('SELECT DISTINCT name FROM jobs ORDER BY name', [])).map(({ name }) => String(name));
    },
    async getJobById(id) {
      const row = await readers.point('SELECT id, row FROM jobs WHERE id = ?', [id]);
      return row ? jobOf(row) : null;
    },
    async getQueueSize() {
      const sql = 'SELECT count(*) AS number FROM jobs WHERE next_run_at < ?';
      return Number((await readers.all(sql, [iso(clock.now())]))[0]!.number);
    },
    saveJob: serialised(saveWith({ returned, allJobs, clock })) as JobRepository['saveJob'],
    async saveJobState(job, options) {
      const saved = await returned(patched(String(job._id), stateForm(job, options?.lastModifiedBy), undefined));
      if (!saved) throw new Error('the job whose state is to be saved is gone');
    },
    lockJob(job, options) {
      const now = clock.now().toISOString();
      const patch = lockPatch(now, options?.lastModifiedBy);
      return returned([[LOCK, [now, patch, String(job._id), job.name, iso(job.nextRunAt)], 'rows']]);
    },
    async unlockJob({ _id }) {
      await changed(UNLOCK, [JSON.stringify([_id])], 'changes');
    },
    async unlockJobs(ids) {
      await changed(UNLOCK, [JSON.stringify(ids)], 'changes');
    },
    getNextJobToRun(jobName, nextScanAt, lockDeadline, now, options) {
      const at = (now ?? clock.now()).toISOString();
      const params = [at, lockPatch(at, options?.lastModifiedBy), jobName, iso(nextScanAt), iso(lockDeadline)];
      return returned([[LOCK_NEXT, params, 'rows']]);
    },
    async removeJobs(options) {
      return changed(
        'DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?))',
        [await idsOf(options)],
        'changes',
      );
    },
    disableJobs: async (options) => changed(DISABLE, [await idsOf(options), 1], 'changes'),
    enableJobs: async (options) => changed(DISABLE, [await idsOf(options), 0], 'changes'),
    purgeAllJobs: () => changed('DELETE FROM jobs', [], 'changes'),
  };
}

interface Saving {
  readonly returned: (operations: readonly Operation[]) => Promise<JobParameters | undefined>;
  readonly allJobs: () => Promise<JobWithState[]>;
  readonly clock: Clock;
}

type Save = (job: JobParameters, options: { readonly lastModifiedBy?: string } | undefined) => Promise<JobParameters>;

/**
 * A job with an id is updated; one of type `single` or with `unique` takes the place of the one that is there; any
 * other is added. Fields that the processor owns are not among those saved, and stay.
 */
function saveWith({ returned, allJobs, clock }: Saving): Save {
  const update = async (id: string, form: Record<string, unknown>, job: JobParameters): Promise<JobParameters> =>
    (await returned(patched(id, form, job.data))) ?? job;
  return async (job, options) => {
    const form = storedForm(job, options?.lastModifiedBy);
    if (job._id) return update(job._id, form, job);
    const now = clock.now();
    if (job.unique) {
      const { unique } = job;
      const existing = (await allJobs()).find((other) => other.name === job.name && meetsUnique(other, unique));
      if (existing && job.uniqueOpts?.insertOnly) return existing;
      const times = debounced(existing, job, now);
      const merged = { ...form, ...times };
      if (existing) return update(existing._id, merged, job);
      return (await returned([inserted(merged)]))!;
    }
    if (job.type === 'single') {
      const existing = (await allJobs()).find((other) => other.name === job.name && other.type === 'single');
      // A start that is due already was set by somebody who did not know the job: it must not run it once more.
      const { nextRunAt: _nextRunAt, ...rest } = form;
      const due = job.nextRunAt !== null && job.nextRunAt <= now;
      if (existing) return update(existing._id, due ? rest : form, job);
    }
    return (await returned([inserted(form)]))!;
  };
}

function inserted(form: Readonly<Record<string, unknown>>): Operation {
  const { name, nextRunAt, lockedAt, disabled, priority } = form as unknown as JobParameters;
  const params: Value[] = [
    randomUUID(),
    name,
    iso(nextRunAt),
    iso(lockedAt),
    disabled ? 1 : 0,
    priority ?? 0,
    JSON.stringify(form),
  ];
  return [`${INSERT} RETURNING id, row`, params, 'rows'];
}

function patched(id: string, { data: _, ...form }: Readonly<Record<string, unknown>>, data: unknown): Operation[] {
  return [
    [PATCH, [id, JSON.stringify(form), data === undefined ? null : JSON.stringify(data)]],
    [PROJECT, [id], 'rows'],
  ];
}

/** What the processor owns; a member without a value is taken away. */
function stateForm(job: JobParameters, lastModifiedBy: string | undefined): Record<string, unknown> {
  return {
    nextRunAt: job.nextRunAt ?? null,
    lockedAt: job.lockedAt ?? null,
    lastRunAt: job.lastRunAt ?? null,
    progress: job.progress ?? null,
    failReason: job.failReason ?? null,
    failCount: job.failCount ?? null,
    failedAt: job.failedAt ?? null,
    lastFinishedAt: job.lastFinishedAt ?? null,
    ...(lastModifiedBy === undefined ? {} : { lastModifiedBy }),
  };
}

/** One call at a time: a save looks before it writes, and two callers must not both find nothing. */
function serialised(save: Save): Save {
  let last: Promise<unknown> = Promise.resolve();
  return (job, options) => {
    const saved = last.then(() => save(job, options));
    last = saved.catch(() => undefined);
    return saved;
  };
}

function overviewOf(jobs: readonly JobWithState[]): JobsOverview[] {
  const names = [...new Set(jobs.map(({ name }) => name))].sort();
  return names.map((name) => {
    const overview = {
      name,
      total: 0,
      running: 0,
      scheduled: 0,
      queued: 0,
      completed: 0,
      failed: 0,
      repeating: 0,
      paused: 0,
    };
    for (const job of jobs.filter((other) => other.name === name)) {
      overview.total++;
      overview[job.state]++;
    }
    return overview;
  });
}
