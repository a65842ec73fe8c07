import type { JobId, JobParameters, JobState, JobsQueryOptions, JobWithState, RemoveJobsOptions } from 'agenda';
import type { Row } from './database.ts';
import { parsed } from './rows.ts';

const DATES = [
  'nextRunAt',
  'lockedAt',
  'lastRunAt',
  'lastFinishedAt',
  'failedAt',
  'startDate',
  'endDate',
  'debounceStartedAt',
] as const;

/** A stored job: JSON with dates as ISO text; members without a value are left out. */
export function jobOf(row: Row): JobParameters & { readonly _id: JobId } {
  const stored = parsed<Record<string, unknown>>(row.row);
  const members = Object.entries(stored).filter(([, value]) => value !== null && value !== undefined);
  const job = Object.fromEntries(members) as unknown as JobParameters & Record<string, unknown>;
  for (const name of DATES) if (typeof job[name] === 'string') job[name] = new Date(job[name]) as never;
  return { ...job, _id: String(row.id) as JobId, nextRunAt: job.nextRunAt ?? null, data: stored.data ?? null };
}

/** What of a job is stored as its JSON: all but its id and the constraint it was saved under. */
export function storedForm(job: JobParameters, lastModifiedBy: string | undefined): Record<string, unknown> {
  const { _id, unique: _unique, uniqueOpts: _uniqueOpts, ...members } = job;
  return { ...members, ...(lastModifiedBy === undefined ? {} : { lastModifiedBy }) };
}

/** As agenda computes it: the state is not stored, it follows from the dates. */
export function stateOf(job: JobParameters, now: Date): JobState {
  const { lockedAt, lastFinishedAt, failedAt, nextRunAt, repeatInterval, disabled } = job;
  if (disabled) return 'paused';
  if (lockedAt) return 'running';
  if (failedAt && (!lastFinishedAt || failedAt >= lastFinishedAt)) return 'failed';
  if (repeatInterval) return 'repeating';
  if (!nextRunAt) return 'completed';
  return nextRunAt > now ? 'scheduled' : 'queued';
}

/** Whether the job meets every criterion of a query but its state. */
export function meetsQuery(job: JobWithState, options: JobsQueryOptions): boolean {
  const { name, names, id, ids, search, data, includeDisabled = true } = options;
  return (
    (name === undefined || job.name === name) &&
    (!names?.length || names.includes(job.name)) &&
    (id === undefined || job._id === id) &&
    (!ids?.length || ids.includes(job._id)) &&
    (!search || job.name.toLowerCase().includes(search.toLowerCase())) &&
    (data === undefined || contains(job.data, data)) &&
    (includeDisabled || !job.disabled)
  );
}

/** Whether the job meets the criteria; without any criterion no job does. */
export function meetsRemoval(job: JobWithState, { id, ids, name, names, notNames, data }: RemoveJobsOptions): boolean {
  const criteria = [
    id === undefined ? undefined : job._id === String(id),
    ids?.map(String).includes(job._id),
    name === undefined ? undefined : job.name === name,
    names?.includes(job.name),
    notNames && !notNames.includes(job.name),
    data === undefined ? undefined : contains(job.data, data),
  ].filter((criterion) => criterion !== undefined);
  return criteria.length > 0 && criteria.every(Boolean);
}

/** Equal values; of an object only the members that are asked for. Dates compare as they are stored. */
export function contains(value: unknown, wanted: unknown): boolean {
  if (wanted instanceof Date) return value === wanted.toISOString();
  if (typeof wanted !== 'object' || wanted === null) return value === wanted;
  if (typeof value !== 'object' || value === null || Array.isArray(value) !== Array.isArray(wanted)) return false;
  if (Array.isArray(wanted) && wanted.length !== (value as unknown[]).length) return false;
  return Object.entries(wanted).every(([key, part]) => contains((value as Record<string, unknown>)[key], part));
}

/** Whether the job meets `unique`: paths like `data.studyId`, each with its value. */
export function meetsUnique(job: JobParameters, unique: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(unique).every(([path, wanted]) => {
    const value = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | null)?.[key], job);
    return contains(value, wanted);
  });
}

/** When a debounced job runs next, and since when its window is open. */
export function debounced(
  existing: JobParameters | undefined,
  job: JobParameters,
  now: Date,
): Pick<JobParameters, 'nextRunAt' | 'debounceStartedAt'> | undefined {
  const debounce = job.uniqueOpts?.debounce;
  if (!debounce) return undefined;
  const { delay, maxWait, strategy = 'trailing' } = debounce;
  const openSince = existing?.nextRunAt ? existing.debounceStartedAt : undefined;
  if (strategy === 'leading') {
    return openSince
      ? { nextRunAt: existing!.nextRunAt, debounceStartedAt: openSince }
      : { nextRunAt: job.nextRunAt ?? now, debounceStartedAt: now };
  }
  const startedAt = openSince ?? now;
  const quiet = now.getTime() + delay;
  const latest = maxWait === undefined ? quiet : startedAt.getTime() + maxWait;
  return { nextRunAt: new Date(Math.max(now.getTime(), Math.min(quiet, latest))), debounceStartedAt: startedAt };
}
