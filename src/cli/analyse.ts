import { isAbsolute, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Analysis, analyseStudy } from '../analysis/analyse-study.ts';
import type { DemographicOverrides } from '../analysis/demographics.ts';
import { composeAnalysis, softwareVersion } from '../compose.ts';
import type { Config } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { type AnalysisResult, isMeasured, type Measured } from '../domain/result.ts';
import { dateOfEarlierRun, writeResultFolder } from '../storage/result-folder.ts';
import type { Terminal } from './main.ts';
import { openProgress } from './progress.ts';

export const ANALYSE_USAGE = 'neuroinsight analyse PATH --out DIR [--age YEARS] [--sex F|M] [--times]';

interface AnalyseArguments {
  readonly path: string;
  readonly out: string;
  readonly overrides: DemographicOverrides;
  readonly times: boolean;
}

/** Throws invalid-request with the usage line. */
export function parseAnalyseArguments(args: readonly string[]): AnalyseArguments {
  const refuse = (message: string): never => {
    throw new NeuroInsightError('invalid-request', `${message}; usage: ${ANALYSE_USAGE}`);
  };
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      out: { type: 'string', short: 'o' },
      age: { type: 'string' },
      sex: { type: 'string' },
      times: { type: 'boolean', default: false },
    },
  });
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) return refuse('give one PATH');
  if (values.out === undefined) return refuse('give --out DIR');
  const ageYears = values.age === undefined ? undefined : Number(values.age);
  if (ageYears !== undefined && !(ageYears >= 0 && ageYears <= 130)) return refuse('--age is a number of years');
  const sex = values.sex?.toUpperCase();
  if (sex !== undefined && sex !== 'F' && sex !== 'M') return refuse('--sex is F or M');
  return { path, out: values.out, overrides: { ageYears, sex }, times: values.times };
}

/** A study in a folder, zip, DICOM or NIfTI file to a folder of results. Resolves to the exit code. */
export async function analyse(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { path, out, overrides, times } = parseAnalyseArguments(args);
  const started = performance.now();
  const composed = await composeAnalysis(config, path, (runKey) => dateOfEarlierRun(out, runKey));
  const progress = openProgress(terminal.stderr);
  let completed = false;
  try {
    for (const { name, reason } of composed.source.skipped) terminal.stderr.write(`passed over ${name}: ${reason}\n`);
    const options = { softwareVersion: await softwareVersion(), overrides, onProgress: progress.onProgress };
    const opened = performance.now() - started;
    const analysis = await analyseStudy(composed.ports, options, terminal.signal);
    await writeResultFolder(out, analysis.files);
    completed = true;
    progress.finish(true);
    terminal.stdout.write(summaryOf(analysis.result));
    terminal.stdout.write(filesOf(analysis, out));
    if (times) terminal.stdout.write(timesOf(analysis, opened, performance.now() - started));
    return 0;
  } finally {
    if (!completed) progress.finish(false);
    await composed.close();
  }
}

function show(measured: Measured<number>, digits: number, unit: string): string {
  return isMeasured(measured) ? `${measured.value.toFixed(digits)} ${unit}` : `withheld: ${measured.withheld}`;
}

function summaryOf(result: AnalysisResult): string {
  const side = (name: string, { volumeMm3, norm }: AnalysisResult['left']): string => {
    const position = isMeasured(norm)
      ? `percentile ${norm.value.percentile.toFixed(1)}, z ${norm.value.z.toFixed(2)}`
      : `percentile withheld: ${norm.withheld}`;
    return `${name} hippocampus   ${volumeMm3.toFixed(0).padStart(6)} mm3   ${position}\n`;
  };
  return [
    side('left ', result.left),
    side('right', result.right),
    `asymmetry index     ${result.asymmetryIndex.toFixed(4)} (L - R) / (L + R)\n`,
    `intracranial volume ${show(result.intracranialVolumeMm3, 0, 'mm3')}\n`,
    `quality             ${result.quality.verdict} (score ${result.quality.score.toFixed(2)})\n`,
    `model               ${result.model.name} ${result.model.version} sha256 ${result.model.sha256.slice(0, 16)}\n`,
    'research use only; not for diagnosis\n',
  ].join('');
}

function filesOf({ files }: Analysis, out: string): string {
  const shown = files.filter(({ name }) => !name.includes('/'));
  const place = (name: string): string => (isAbsolute(out) ? join(out, name) : join('.', out, name));
  return shown.map(({ name, bytes }) => `${place(name)}  ${(bytes.byteLength / 1024).toFixed(0)} KiB\n`).join('');
}

function timesOf({ times }: Analysis, opened: number, total: number): string {
  const rows = Object.entries({ open: opened, ...times, total });
  const peak = process.resourceUsage().maxRSS / 1024;
  return `${rows.map(([name, ms]) => `time ${name.padEnd(13)} ${(ms / 1000).toFixed(2)} s\n`).join('')}peak memory        ${peak.toFixed(0)} MiB\n`;
}
