import type { JobParameters, JobRepository } from 'agenda';

/** Agenda's store in memory: what the recurring jobs use of it; the rest throws. */
export function createJobRepository(): JobRepository & { readonly rows: Map<string, JobParameters> } {
  const rows = new Map<string, JobParameters>();
  const unused = (): never => {
    throw new Error('the recurring jobs do not use this');
  };
  return {
    rows,
    connect: async () => {},
    async saveJob(job) {
      const row = { ...rows.get(job.name), ...job, _id: job.name } as JobParameters;
      rows.set(job.name, row);
      return { ...row } as typeof job;
    },
    async saveJobState(job) {
      if (!rows.has(job.name)) throw new Error('no such job');
      rows.set(job.name, { ...job });
    },
    async getNextJobToRun(name, nextScanAt, lockDeadline) {
      const row = rows.get(name);
      if (!row || row.disabled) return undefined;
      const due = !row.lockedAt && row.nextRunAt && row.nextRunAt <= nextScanAt;
      if (!due && !(row.lockedAt && row.lockedAt <= lockDeadline)) return undefined;
      row.lockedAt = new Date();
      return { ...row };
    },
    async unlockJob({ name }) {
      const row = rows.get(name);
      if (row) row.lockedAt = undefined;
    },
    unlockJobs: async (ids) => {
      for (const id of ids) {
        const row = rows.get(String(id));
        if (row) row.lockedAt = undefined;
      }
    },
    getJobById: async (id) => rows.get(id) ?? null,
    getQueueSize: async () => rows.size,
    queryJobs: unused,
    getJobsOverview: unused,
    getDistinctJobNames: unused,
    removeJobs: unused,
    lockJob: unused,
    disableJobs: unused,
    enableJobs: unused,
    purgeAllJobs: unused,
  };
}
