/** The steps of the walk in their order, with the share of the time each takes on a 1 mm head; they sum to 1. */
export const WALK_STEPS = [
  { name: 'read-headers', share: 0.1 },
  { name: 'assemble', share: 0.2 },
  { name: 'model-space', share: 0.1 },
  { name: 'segment', share: 0.3 },
  { name: 'measure', share: 0.1 },
  { name: 'encode', share: 0.2 },
] as const;

export type WalkStep = (typeof WALK_STEPS)[number]['name'];

/** Told when a step begins; `fraction` is what was done before it, 0 to 1. */
export type ProgressListener = (step: WalkStep, fraction: number) => void;

/** Wall time a step took, milliseconds. */
export type StepTimes = Partial<Record<WalkStep, number>>;

/** Runs the steps one after the other, tells the listener, keeps the times and stops between steps when aborted. */
export class StepRecorder {
  readonly times: StepTimes = {};
  readonly #listener: ProgressListener;
  readonly #milliseconds: () => number;
  readonly #signal: AbortSignal;

  constructor(listener: ProgressListener, milliseconds: () => number, signal: AbortSignal) {
    this.#listener = listener;
    this.#milliseconds = milliseconds;
    this.#signal = signal;
  }

  async run<T>(step: WalkStep, work: () => T | Promise<T>): Promise<T> {
    this.#signal.throwIfAborted();
    const index = WALK_STEPS.findIndex(({ name }) => name === step);
    const before = WALK_STEPS.slice(0, index).reduce((sum, { share }) => sum + share, 0);
    this.#listener(step, before);
    const started = this.#milliseconds();
    const outcome = await work();
    this.times[step] = this.#milliseconds() - started;
    return outcome;
  }
}
