/** Jobs that a commit can wake at once, so that work does not wait for the next look. */
export type WakeUp = 'claim-runs' | 'quiet-studies' | 'deliver-outbox';

/** Carries a nudge from whoever committed to the job of this process, if it runs here; else other processes look. */
export interface WakeUps {
  nudge(job: WakeUp): void;
  /** Returns what ends the connection. */
  connect(job: WakeUp, wake: () => void): () => void;
}

export function createWakeUps(): WakeUps {
  const connected = new Map<WakeUp, () => void>();
  return {
    nudge: (job) => connected.get(job)?.(),
    connect(job, wake) {
      connected.set(job, wake);
      return () => {
        if (connected.get(job) === wake) connected.delete(job);
      };
    },
  };
}
