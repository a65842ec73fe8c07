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

function lineProgress(stream: NodeJS.WriteStream): Progress {
  return {
    onProgress: (step, fraction) =>
      stream.write(`${String(Math.round(fraction * 100)).padStart(3)} % ${STEP_TEXT[step]}\n`),
    finish: (completed) => completed && stream.write('100 % done\n'),
  };
}

function barProgress(stream: NodeJS.WriteStream): Progress {
  const bar = new cliProgress.SingleBar(
    {
      stream,
      format: '{bar} {percentage} % | {step}',
      hideCursor: true,
      clearOnComplete: false,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(100, 0, { step: 'opening the study' });
  return {
    onProgress: (step, fraction) => bar.update(Math.round(fraction * 100), { step: STEP_TEXT[step] }),
    finish: (completed) => {
      if (completed) bar.update(100, { step: 'done' });
      bar.stop();
    },
  };
}
