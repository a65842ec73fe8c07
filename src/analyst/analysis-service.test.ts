import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sourceRow } from '../../test/harness/run-world.ts';
import { openSealedBlobs } from '../../test/harness/sealed-blobs.ts';
import { smallStudy } from '../../test/harness/small-study.ts';
import type { InstanceRow } from '../ports/index.ts';
import type { PackAccess } from '../storage/blobs/open-packs.ts';
import { serveAnalyses } from './analysis-service.ts';
import type { AnalysisThreadData, FromThread, ToThread } from './messages.ts';

const packaged = (path: string): string => fileURLToPath(new URL(`../../config/${path}`, import.meta.url));

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'neuroinsight-analyst-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

/** The channel to a service, without a thread between. */
function serve(change: Partial<AnalysisThreadData> = {}) {
  const messages: FromThread[] = [];
  const closed = Promise.withResolvers<void>();
  const waiting: { readonly wanted: (message: FromThread) => boolean; readonly resolve: () => void }[] = [];
  let send: (message: ToThread) => void = () => undefined;
  const data: AnalysisThreadData = {
    dataDir,
    modelDir: packaged('models/hippocampus/'),
    normsFile: packaged('norms/hippocampus-freesurfer-pooled.json'),
    fonts: {
      regular: packaged('fonts/DejaVuSansCondensed.ttf'),
      bold: packaged('fonts/DejaVuSansCondensed-Bold.ttf'),
    },
    threads: 1,
    inferenceTimeoutSeconds: 30,
    inferenceMemoryMiB: 1024,
    softwareVersion: '1.0.0',
    ...change,
  };
  serveAnalyses(
    {
      on: (_, listener) => {
        send = listener;
      },
      postMessage: (message) => {
        messages.push(message);
        for (const { wanted, resolve } of waiting) if (wanted(message)) resolve();
      },
      close: closed.resolve,
    },
    data,
  );
  return {
    messages,
    send: (message: ToThread) => send(message),
    /** Resolves when the analysis with this id has ended, to how. */
    async ended(id: number): Promise<FromThread> {
      const wanted = (message: FromThread): boolean =>
        message.id === id && (message.kind === 'failed' || message.kind === 'done');
      if (!messages.some(wanted)) await new Promise<void>((resolve) => waiting.push({ wanted, resolve }));
      return messages.find(wanted)!;
    },
    async close(): Promise<void> {
      send({ kind: 'close' });
      await closed.promise;
    },
  };
}

interface StoredStudy {
  readonly instances: readonly InstanceRow[];
  readonly packs: readonly PackAccess[];
}

async function storedStudy(slices: number): Promise<StoredStudy> {
  const { studyInstanceUid, files } = smallStudy('analyst', slices);
  const { blobs } = await openSealedBlobs({ dataDir });
  const pack = await blobs.openPack('main', studyInstanceUid);
  const rows: InstanceRow[] = [];
  for (const [n, file] of files.entries()) {
    rows.push(sourceRow(n + 1, { studyInstanceUid, blob: await pack.append(file) }));
  }
  const { row } = await pack.seal();
  const packs = [await blobs.access(row.pack)];
  await blobs.close();
  return { instances: rows, packs };
}

const NOTHING: StoredStudy = { instances: [], packs: [] };

const analyse = (id: number, study: StoredStudy): ToThread => ({
  kind: 'analyse',
  id,
  ...study,
  date: '2026-11-24T10:00:00.000Z',
});

describe('the service of the analysis thread', () => {
  it('reads the study from the blob store and names why it cannot be measured', async () => {
    const service = serve();
    service.send(analyse(1, await storedStudy(3)));
    expect(await service.ended(1)).toMatchObject({ kind: 'failed', id: 1, errorKind: 'no-usable-series' });
    expect(service.messages[0]).toMatchObject({ kind: 'progress', id: 1, step: 'read-headers' });
    await service.close();
  });

  it('serves several at once and refuses each by itself', async () => {
    const service = serve();
    const rows = await storedStudy(3);
    service.send(analyse(1, rows));
    service.send(analyse(2, NOTHING));
    expect(await service.ended(2)).toMatchObject({ errorKind: 'nothing-to-read' });
    expect(await service.ended(1)).toMatchObject({ errorKind: 'no-usable-series' });
    await service.close();
  });

  it('stops one that is cancelled, and knows nothing of others that it is told of', async () => {
    const service = serve();
    service.send(analyse(1, await storedStudy(3)));
    service.send({ kind: 'cancel', id: 1 });
    service.send({ kind: 'cancel', id: 7 });
    service.send({ kind: 'earlier-date', id: 7, date: undefined });
    expect(await service.ended(1)).toMatchObject({ errorKind: 'cancelled' });
    await service.close();
  });

  it('opens no pack that it was given no key of', async () => {
    const service = serve();
    service.send(analyse(1, { ...(await storedStudy(3)), packs: [] }));
    expect(await service.ended(1)).toMatchObject({ kind: 'failed', errorKind: 'not-found' });
    await service.close();
  });

  it('tries to open a model that was missing again with the next study', async () => {
    const service = serve({ modelDir: join(dataDir, 'none') });
    const failures: FromThread[] = [];
    for (const id of [1, 2]) {
      service.send(analyse(id, NOTHING));
      failures.push(await service.ended(id));
    }
    expect(failures).toEqual(
      [1, 2].map((id) => expect.objectContaining({ kind: 'failed', id, errorKind: 'model-integrity' })),
    );
    await service.close();
  });

  it('keeps quiet about what could not be prepared until a study needs it', async () => {
    const service = serve({ modelDir: join(dataDir, 'none') });
    service.send({ kind: 'prepare' });
    service.send(analyse(1, NOTHING));
    expect(await service.ended(1)).toMatchObject({ kind: 'failed', errorKind: 'model-integrity' });
    expect(service.messages).toHaveLength(1);
    await service.close();
  });

  it('says of a defect what the log needs', async () => {
    const service = serve({ normsFile: join(dataDir, 'none.json') });
    service.send(analyse(1, NOTHING));
    const failed = await service.ended(1);
    expect(failed).toMatchObject({ kind: 'failed', message: expect.stringContaining('none.json') });
    expect(failed).toHaveProperty('errorKind', undefined);
    await service.close();
  });
});
