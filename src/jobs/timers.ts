/** Timers of the jobs; tests hand in their own and decide when time passes. Each returns what stops it. */
export interface Timers {
  every(milliseconds: number, work: () => void): () => void;
  after(milliseconds: number, work: () => void): () => void;
}

/** Node's timers. None of them keeps the process alive: what is in flight does. */
export const systemTimers: Timers = {
  every(milliseconds, work) {
    const timer = setInterval(work, milliseconds);
    timer.unref();
    return () => clearInterval(timer);
  },
  after(milliseconds, work) {
    const timer = setTimeout(work, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
