import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { AnalysisPorts } from './analysis/analyse-study.ts';
import { parseNormTable } from './analysis/norms.ts';
import type { Config } from './config.ts';
import type { Clock, StudySource } from './ports/index.ts';
import { SharpImageEncoder } from './render/sharp-image-encoder.ts';
import { openSegmenter } from './segmentation/onnx-segmenter.ts';
import { openStudyFolder } from './storage/study-folder.ts';

const CONFIG = new URL('../config/', import.meta.url);

export const systemClock: Clock = { now: () => new Date() };

/** Where the settings that come with the software lie. */
export const DEFAULT_CONFIG = new URL('default.json', CONFIG);

/** A file that comes with the software, by its path below config/. */
export function packagedFile(path: string): string {
  return fileURLToPath(new URL(path, CONFIG));
}

/** The version in package.json: the one place that says it. */
export async function softwareVersion(): Promise<string> {
  const manifest: { version: string } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  return manifest.version;
}

export function modelFolder(config: Pick<Config, 'analysis'>): string {
  return config.analysis.modelDir ?? fileURLToPath(new URL('models/hippocampus/', CONFIG));
}

async function openFonts(): Promise<AnalysisPorts['fonts']> {
  const [regular, bold] = await Promise.all([
    readFile(new URL('fonts/DejaVuSansCondensed.ttf', CONFIG)),
    readFile(new URL('fonts/DejaVuSansCondensed-Bold.ttf', CONFIG)),
  ]);
  return { regular, bold };
}

export interface CommandLineAnalysis {
  readonly ports: AnalysisPorts;
  readonly source: StudySource;
  close(): Promise<void>;
}

/** Everything that `analyse` needs, wired top to bottom; what was opened is closed in reverse. */
export async function composeAnalysis(
  config: Config,
  path: string,
  dateOfEarlierRun: (runKey: string) => Promise<string | undefined>,
  clock: Clock = systemClock,
): Promise<CommandLineAnalysis> {
  const { threads, inferenceTimeoutSeconds, inferenceMemoryMiB } = config.analysis;
  const source = await openStudyFolder(path);
  try {
    const segmenter = await openSegmenter({
      modelDir: modelFolder(config),
      threads,
      limits: { runMilliseconds: inferenceTimeoutSeconds * 1000, memoryMebibytes: inferenceMemoryMiB },
    });
    const norms = parseNormTable(await readFile(new URL('norms/hippocampus-freesurfer-pooled.json', CONFIG), 'utf8'));
    const ports: AnalysisPorts = {
      source,
      segmenter,
      norms,
      encoder: new SharpImageEncoder(),
      fonts: await openFonts(),
      dateOfRun: async (runKey) => (await dateOfEarlierRun(runKey)) ?? clock.now().toISOString(),
      milliseconds: () => performance.now(),
    };
    const close = async (): Promise<void> => {
      await segmenter.close();
      await source.close();
    };
    return { ports, source, close };
  } catch (error) {
    await source.close();
    throw error;
  }
}
