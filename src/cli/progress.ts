import cliProgress from 'cli-progress';
import type { ProgressListener, WalkStep } from '../analysis/steps.ts';

const STEP_TEXT: Record<WalkStep, string> = {
  'read-headers': 'reading headers',
  assemble: 'assembling the volume',
  'model-space': 'resampling to 1 mm',
  segment: 'segmenting the hippocampi',
  measure: 'measuring',
  encode: 'writing SEG, SR, PDF and FHIR',
};

export interface Progress {
  readonly onProgress: ProgressListener;
  finish(completed: boolean): void;
}

/** A bar where a person watches; plain lines where a program or a log does. Standard output stays for results. */
export function openProgress(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? barProgress(stream) : lineProgress(stream);
}

export interface RunProgress {
  update(percent: number, step: string): void;
  finish(completed: boolean): void;
}

/** The same for a run on a server, which tells its own percent. */
export function openRunProgress(stream: NodeJS.WriteStream): RunProgress {
  const text = (step: string): string => STEP_TEXT[step as WalkStep] ?? step;
  if (!stream.isTTY) {
    let last = '';
    return {
      update: (percent, step) => {
        if (step !== last) stream.write(`${String(Math.round(percent)).padStart(3)} % ${text(step)}\n`);
        last = step;
      },
      finish: (completed) => completed && stream.write('100 % done\n'),
    };
  }
  const bar = openBar(stream, 'waiting');
  return {
    update: (percent, step) => bar.update(Math.round(percent), { step: text(step) }),
    finish: (completed) => {
      if (completed) bar.update(100, { step: 'done' });
      bar.stop();
    },
  };
}

function lineProgress(stream: NodeJS.WriteStream): Progress {
  return {
    onProgress: (step, fraction) =>
      stream.write(`${String(Math.round(fraction * 100)).padStart(3)} % ${STEP_TEXT[step]}\n`),
    finish: (completed) => completed && stream.write('100 % done\n'),
  };
}

function openBar(stream: NodeJS.WriteStream, step: string): cliProgress.SingleBar {
  const bar = new cliProgress.SingleBar(
    {
      stream,
      format: '{bar} {percentage} % | {step}',
      hideCursor: true,
      clearOnComplete: false,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(100, 0, { step });
  return bar;
}

function barProgress(stream: NodeJS.WriteStream): Progress {
  const bar = openBar(stream, 'opening the study');
  return {
    onProgress: (step, fraction) => bar.update(Math.round(fraction * 100), { step: STEP_TEXT[step] }),
    finish: (completed) => {
      if (completed) bar.update(100, { step: 'done' });
      bar.stop();
    },
  };
}
