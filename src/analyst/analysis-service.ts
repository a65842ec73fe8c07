import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { type AnalysisPorts, analyseStudy } from '../analysis/analyse-study.ts';
import { parseNormTable } from '../analysis/norms.ts';
import { openArchivedStudy } from '../archive/study-source.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Segmenter } from '../ports/index.ts';
import { SharpImageEncoder } from '../render/sharp-image-encoder.ts';
import { openSegmenter } from '../segmentation/onnx-segmenter.ts';
import { blobsFolder } from '../storage/blobs/file-blob-store.ts';
import { openPackReads } from '../storage/blobs/open-packs.ts';
import type { AnalysisThreadData, FromThread, ToThread } from './messages.ts';

/** The thread's end of the channel: `parentPort`, or a fake. */
export interface MainChannel {
  on(event: 'message', listener: (message: ToThread) => void): unknown;
  postMessage(message: FromThread, transfer?: readonly ArrayBuffer[]): void;
  close(): void;
}

type Analyse = Extract<ToThread, { readonly kind: 'analyse' }>;
type Opened = Omit<AnalysisPorts, 'source' | 'dateOfRun' | 'milliseconds'>;

interface Work {
  readonly controller: AbortController;
  readonly earlier: PromiseWithResolvers<string | undefined>;
}

/** Serves analyses over the channel, as many at once as are asked for; the inference child is shared and reused. */
export function serveAnalyses(channel: MainChannel, data: AnalysisThreadData): void {
  let opened: Promise<Opened> | undefined;
  const running = new Map<number, Work>();
  const open = (): Promise<Opened> => {
    opened ??= openPorts(data).catch((error: unknown) => {
      // What could not be opened now may be opened for the next study.
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const start = async (message: Analyse): Promise<void> => {
    const earlier = Promise.withResolvers<string | undefined>();
    // Rejected by a cancellation that comes before anybody waits for it.
    earlier.promise.catch(() => undefined);
    const controller = new AbortController();
    running.set(message.id, { controller, earlier });
    try {
      const dateOfRun = (analysisKey: string): Promise<string> => {
        channel.postMessage({ kind: 'ask-earlier-date', id: message.id, analysisKey });
        return earlier.promise.then((date) => date ?? message.date);
      };
      const answer = await analyse(message, await open(), dateOfRun, data, channel, controller.signal);
      channel.postMessage(answer);
    } catch (error) {
      channel.postMessage(failureOf(message.id, error));
    } finally {
      running.delete(message.id);
    }
  };
  channel.on('message', (message) => {
    if (message.kind === 'analyse') void start(message);
    else if (message.kind === 'prepare') void prepare(open());
    else if (message.kind === 'cancel') cancel(running.get(message.id));
    else if (message.kind === 'earlier-date') running.get(message.id)?.earlier.resolve(message.date);
    else void close(opened, channel);
  });
}

/** What fails here fails again, with its reason, for the study that needs it. */
async function prepare(opening: Promise<Opened>): Promise<void> {
  (await opening.catch(() => undefined))?.segmenter.prepare?.();
}

function cancel(work: Work | undefined): void {
  work?.controller.abort();
  work?.earlier.reject(stopped());
}

const stopped = (cause?: unknown): NeuroInsightError =>
  new NeuroInsightError('cancelled', 'the analysis was stopped on request', { cause });

async function openPorts(data: AnalysisThreadData): Promise<Opened> {
  const segmenter: Segmenter = await openSegmenter({
    modelDir: data.modelDir,
    threads: data.threads,
    limits: { runMilliseconds: data.inferenceTimeoutSeconds * 1000, memoryMebibytes: data.inferenceMemoryMiB },
  });
  const [norms, regular, bold] = await Promise.all([
    readFile(data.normsFile, 'utf8'),
    readFile(data.fonts.regular),
    readFile(data.fonts.bold),
  ]);
  return { segmenter, norms: parseNormTable(norms), encoder: new SharpImageEncoder(), fonts: { regular, bold } };
}

async function analyse(
  { id, instances, packs }: Analyse,
  opened: Opened,
  dateOfRun: (analysisKey: string) => Promise<string>,
  { dataDir, softwareVersion }: AnalysisThreadData,
  channel: MainChannel,
  signal: AbortSignal,
): Promise<FromThread> {
  const known = new Map(packs.map((access) => [access.pack, access]));
  const blobs = openPackReads(blobsFolder(dataDir), async (pack) => known.get(pack) ?? refuseUnknown());
  const source = openArchivedStudy(instances, blobs);
  const onProgress = (step: string, fraction: number): void =>
    channel.postMessage({ kind: 'progress', id, step, fraction });
  try {
    const ports: AnalysisPorts = { ...opened, source, dateOfRun, milliseconds: () => performance.now() };
    const { result, files, times } = await analyseStudy(ports, { softwareVersion, overrides: {}, onProgress }, signal);
    return { kind: 'done', id, result, files, times };
  } catch (error) {
    throw signal.aborted ? stopped(error) : error;
  } finally {
    await source.close();
    await blobs.close();
  }
}

function refuseUnknown(): never {
  throw new NeuroInsightError('not-found', 'the bytes are no longer stored');
}

function failureOf(id: number, error: unknown): FromThread {
  if (error instanceof NeuroInsightError) return { kind: 'failed', id, errorKind: error.kind, message: error.message };
  const { stack } = Object(error) as { readonly stack?: unknown };
  return { kind: 'failed', id, errorKind: undefined, message: String(stack ?? error) };
}

async function close(opened: Promise<Opened> | undefined, channel: MainChannel): Promise<void> {
  await (await opened?.catch(() => undefined))?.segmenter.close();
  channel.close();
}
