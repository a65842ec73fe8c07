import { Agenda, type AgendaBackend, type JobRepository } from 'agenda';
import type { Log, PullSource } from '../ports/index.ts';
import type { RunExecutor } from './execute-run.ts';
import { createJobLoop, type JobLoop } from './job-loop.ts';
import { createQuietAlarm } from './quiet-alarm.ts';
import { createRunWorker } from './run-worker.ts';
import type { Timers } from './timers.ts';
import type { WakeUp, WakeUps } from './wake-ups.ts';

/** `work` claims runs, looks for quiet studies, delivers and keeps house; `pull` watches PACS. Others start no job. */
export type JobRole = 'web' | 'work' | 'pull' | 'dimse';

/** One recurring job that needs nothing of the others; what it throws is logged, and the next round tries again. */
export interface UpkeepJob {
  readonly name: string;
  readonly everySeconds: number;
  readonly round: (signal: AbortSignal) => Promise<void>;
}

export interface JobsDeps {
  readonly roles: readonly JobRole[];
  readonly jobs: JobRepository;
  readonly executor: RunExecutor;
  /** One look for quiet studies; resolves to the runs made. */
  readonly quiet: (signal: AbortSignal) => Promise<number>;
  /** One pass over the outbox; resolves to the rows tried. */
  readonly deliver: (signal: AbortSignal) => Promise<number>;
  readonly pull: (source: PullSource, signal: AbortSignal) => Promise<unknown>;
  readonly sources: readonly PullSource[];
  /** Removes packs that no row points to. */
  readonly sweep: (signal: AbortSignal) => Promise<unknown>;
  /** What keeps the house: retention, backups and the like. */
  readonly upkeep?: readonly UpkeepJob[];
  readonly wakeUps: WakeUps;
  readonly timers: Timers;
  readonly log: Log;
  readonly limits: {
    readonly runsAtOnce: number;
    readonly graceSeconds: number;
    /** How often is looked for what no nudge told: other processes' work, backoffs that ended, leases that ran out. */
    readonly pollSeconds: number;
    readonly sweepSeconds: number;
    /** A nudge of quiet-studies looks when the study that caused it can be quiet, not before. Absent: at once. */
    readonly quietSeconds?: number;
  };
}

export interface Jobs {
  /** Runs that this process carries out now. */
  runsInFlight(): number;
  /** Starts nothing any more, waits for what is in flight as long as the grace allows, and gives the rest back. */
  stop(): Promise<void>;
}

interface RecurringJob {
  readonly name: string;
  readonly everySeconds: number;
  readonly wake: () => void;
  readonly stop: () => Promise<void>;
  /** What a commit of this process does; absent: wakes at once. */
  readonly nudged?: () => void;
}

/**
 * Starts the recurring jobs of this process's roles.
 *
 * Agenda only wakes: its handlers return at once, and who may do what is decided by our own rows. So none of its
 * hazards (a handler that outlives its lock runs twice, a process that dies keeps the lock, a drain that leaves locks)
 * costs more than one look too many or too late. Each job is looked at once at the start, and whenever a commit of this
 * process nudges it.
 */
export async function startJobs(deps: JobsDeps): Promise<Jobs> {
  const { wakeUps, roles } = deps;
  const worker = createRunWorker({ ...deps, ...deps.limits, concurrency: deps.limits.runsAtOnce });
  const recurring = [
    ...(roles.includes('work') ? workJobs(deps, worker) : []),
    ...(roles.includes('pull') ? pullJobs(deps) : []),
  ];
  const disconnect = recurring
    .filter((job): job is RecurringJob & { name: WakeUp } => NUDGED.has(job.name))
    .map(({ name, wake, nudged }) => wakeUps.connect(name, nudged ?? wake));
  const agenda = recurring.length > 0 ? await startAgenda(deps, recurring) : undefined;
  for (const { wake } of recurring) wake();
  return {
    runsInFlight: worker.inFlight,
    async stop() {
      await agenda?.stop(false).catch((error: Error) => deps.log.warn('the scheduler did not stop cleanly', { error }));
      for (const end of disconnect) end();
      await Promise.all(recurring.map(({ stop }) => stop()));
    },
  };
}

const NUDGED: ReadonlySet<string> = new Set<WakeUp>(['claim-runs', 'quiet-studies', 'deliver-outbox']);

function workJobs(deps: JobsDeps, worker: Pick<JobLoop, 'wake' | 'stop'>): readonly RecurringJob[] {
  const { log, limits } = deps;
  const loop = (
    name: string,
    everySeconds: number,
    round: (signal: AbortSignal) => Promise<boolean>,
  ): RecurringJob => ({
    name,
    everySeconds,
    ...createJobLoop(name, round, log),
  });
  return [
    { name: 'claim-runs', everySeconds: limits.pollSeconds, wake: worker.wake, stop: worker.stop },
    quietJob(
      deps,
      loop('quiet-studies', limits.pollSeconds, async (signal) => (await deps.quiet(signal)) > 0),
    ),
    loop('deliver-outbox', limits.pollSeconds, async (signal) => (await deps.deliver(signal)) > 0),
    loop('sweep', limits.sweepSeconds, async (signal) => {
      await deps.sweep(signal);
      return false;
    }),
    ...(deps.upkeep ?? []).map(({ name, everySeconds, round }) =>
      loop(name, everySeconds, async (signal) => {
        await round(signal);
        return false;
      }),
    ),
  ];
}

function quietJob({ timers, limits }: JobsDeps, job: RecurringJob): RecurringJob {
  const alarm = createQuietAlarm((limits.quietSeconds ?? 0) * 1000, timers, job.wake);
  const stop = async (): Promise<void> => {
    alarm.stop();
    await job.stop();
  };
  return { ...job, nudged: alarm.set, stop };
}

function pullJobs({ sources, pull, log }: JobsDeps): readonly RecurringJob[] {
  return sources.map((source) => {
    const name = `pull/${source.name}`;
    const round = async (signal: AbortSignal): Promise<boolean> => {
      await pull(source, signal);
      return false;
    };
    return { name, everySeconds: source.pollSeconds, ...createJobLoop(name, round, log) };
  });
}

/** Longer than a look takes, short enough that a lock which a killed process left is gone after a few looks. */
const LOCK_LOOKS = 3;

async function startAgenda({ jobs, log, limits }: JobsDeps, recurring: readonly RecurringJob[]): Promise<Agenda> {
  const lookMilliseconds = limits.pollSeconds * 1000;
  const agenda = new Agenda({
    backend: backendOf(jobs, log),
    processEvery: lookMilliseconds,
    defaultConcurrency: 1,
    defaultLockLimit: 1,
    defaultLockLifetime: LOCK_LOOKS * lookMilliseconds,
  });
  agenda.on('error', (error) => log.warn('the scheduler met an error', { error }));
  for (const { name, wake } of recurring) agenda.define(name, async () => wake());
  for (const { name, everySeconds } of recurring) await agenda.every(everySeconds * 1000, name);
  await agenda.start();
  return agenda;
}

/** Our store as Agenda's; opened and closed by those who own it. */
function backendOf(repository: JobRepository, log: Log): AgendaBackend {
  const unlockJob: JobRepository['unlockJob'] = (job) =>
    // Agenda does not wait for this one: what it threw would be nobody's. The lock runs out by itself.
    repository.unlockJob(job).catch((error: Error) => log.warn('a job could not be unlocked', { error }));
  const guarded: JobRepository = new Proxy(repository, {
    get(target, property) {
      if (property === 'unlockJob') return unlockJob;
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    name: 'neuroinsight',
    repository: guarded,
    ownsConnection: false,
    connect: async () => {},
    disconnect: async () => {},
  };
}
