import type { LabelVolume, Volume } from '../domain/geometry.ts';
import type { NormCurves } from '../domain/norm-curves.ts';
import type { AnalysisResult, Measured } from '../domain/result.ts';
import { assembleVolume } from '../imaging/assemble.ts';
import { toModelSpace, toSourceSpace } from '../imaging/model-space.ts';
import { assessQuality } from '../imaging/quality.ts';
import { selectSeries } from '../imaging/select-series.ts';
import { measureHippocampi } from '../imaging/volumetry.ts';
import type { Segmenter, StudySource } from '../ports/index.ts';
import { compileResult } from './compile-result.ts';
import type { DemographicOverrides } from './demographics.ts';
import { type EncodingPorts, encodeFindings, type FindingsFile } from './encode-findings.ts';
import type { NormTable } from './norms.ts';
import { type ProgressListener, StepRecorder, type StepTimes } from './steps.ts';

export interface AnalysisPorts extends EncodingPorts {
  readonly source: StudySource;
  readonly segmenter: Segmenter;
  readonly norms: NormTable;
  /** The date of this run; an earlier equal run gives its own, so that a repetition changes no byte. */
  readonly dateOfRun: (runKey: string) => Promise<string>;
  readonly milliseconds: () => number;
}

export interface AnalysisOptions {
  readonly softwareVersion: string;
  readonly overrides: DemographicOverrides;
  readonly onProgress: ProgressListener;
}

export interface Analysis {
  readonly result: AnalysisResult;
  readonly volume: Volume;
  readonly labels: LabelVolume;
  readonly curves: Measured<NormCurves>;
  readonly files: readonly FindingsFile[];
  readonly times: StepTimes;
}

/**
 * Study in, findings out: the whole walk. Everything is built before anything is handed on.
 * Throws a NeuroInsightError whose kind names why a study cannot be measured; never returns a number then.
 */
export async function analyseStudy(
  ports: AnalysisPorts,
  options: AnalysisOptions,
  signal: AbortSignal,
): Promise<Analysis> {
  const steps = new StepRecorder(options.onProgress, ports.milliseconds, signal);
  const choice = await steps.run('read-headers', async () => selectSeries(await ports.source.listSeries()));
  // There is something to measure: the networks load in their own process while this one reads the slices.
  ports.segmenter.prepare?.();
  const assembled = await steps.run('assemble', () =>
    assembleVolume(choice.selected.instances, (slice) => ports.source.readFrame(slice)),
  );
  const { volume } = assembled;
  const modelVolume = await steps.run('model-space', () => toModelSpace(volume));
  const segmentation = await steps.run('segment', () => ports.segmenter.segment(modelVolume, signal));
  const { labels, result, curves } = await steps.run('measure', async () => {
    const labels = toSourceSpace(segmentation, volume);
    const measured = measureHippocampi(labels);
    const quality = assessQuality({ volume, modelVolume, labels, segmentation, measured });
    const compiled = await compileResult({ choice, assembled, segmentation, measured, quality, ports, options });
    return { labels, ...compiled };
  });
  const files = await steps.run('encode', () => encodeFindings(result, volume, labels, curves, ports));
  return { result, volume, labels, curves, files, times: steps.times };
}
