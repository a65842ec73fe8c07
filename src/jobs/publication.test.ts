import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle } from '@medplum/fhirtypes';
import { mrSlice } from '../../test/harness/mr-slice.ts';
import { openRecordedAnalyst } from '../../test/harness/recorded-analyst.ts';
import { ADDRESSEES, createRunWorld, engineer } from '../../test/harness/run-world.ts';
import { partsFrom } from '../../test/harness/storing-world.ts';
import { testKeyRing } from '../../test/harness/test-keys.ts';
import { prepareInstances } from '../archive/prepare-instances.ts';
import { createStoreService, DEFAULT_STORE_LIMITS } from '../archive/store-instances.ts';
import { createAuditTrail } from '../audit/audit-trail.ts';
import { encodeDicom, type NaturalDataset } from '../dicom/encode.ts';
import type { DicomFile } from '../dicom/file.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Analyst, Ledger, RunRow } from '../ports/index.ts';
import { createRecords } from '../records/records.ts';
import { SharpImageEncoder } from '../render/sharp-image-encoder.ts';
import { type FileBlobStore, openFileBlobStore } from '../storage/blobs/file-blob-store.ts';
import { openMemoryStore } from '../storage/memory/memory-store.ts';
import { createRunExecutor } from './execute-run.ts';
import { createRunService } from './run-service.ts';
import { queueQuietStudies } from './study-quiet.ts';

const isResult = ({ dataset }: DicomFile): boolean => dataset.string('Manufacturer') === 'NeuroInsight';
const RESULT_TYPES = ['DiagnosticReport', 'Patient', 'ImagingStudy', 'Observation', 'Provenance'];

let folder: string;
let analyst: Analyst;
const opened: FileBlobStore[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-publication-'));
  analyst = await openRecordedAnalyst({ encoder: new SharpImageEncoder() });
});
afterAll(async () => {
  await Promise.all(opened.map((blobs) => blobs.close()));
  rmSync(folder, { recursive: true, force: true });
});

/** Archive, records, audit and jobs as the server has them, over a store in memory and packs in a folder. */
async function openHouse(destinations = ADDRESSEES) {
  const { time, deps } = createRunWorld({ destinations });
  const store = await openMemoryStore({ clock: time.clock });
  const { ids, clock, tracing } = deps;
  const dataDir = mkdtempSync(join(folder, 'data-'));
  const blobs = await openFileBlobStore({ dataDir, keyRing: testKeyRing(), packs: store.packs, clock });
  opened.push(blobs);
  const { dicom } = store;
  let beforeCommit = async (): Promise<void> => {};
  const ledger: Ledger = {
    async commit(commit) {
      if (commit.instances && commit.runs) await beforeCommit();
      return store.ledger.commit(commit);
    },
  };
  const audit = createAuditTrail({ ledger, clock, ids, tracing });
  const records = createRecords({
    reader: store.resources,
    auditLog: store.audit,
    ledger,
    audit,
    clock,
    ids,
    publicUrl: 'http://127.0.0.1:8080',
  });
  const house = {
    ...deps,
    ...store,
    changes: deps.changes,
    ledger,
    audit,
    blobs,
    records,
    analyst,
    analystFingerprint: analyst.fingerprint,
    results: { prepareInstances: prepareInstances.bind(undefined, { index: dicom, blobs, clock, isResult }) },
  };
  return {
    time,
    store,
    blobs,
    records,
    house,
    runs: createRunService(house),
    archive: createStoreService({
      ledger,
      index: dicom,
      blobs,
      audit,
      clock,
      isResult,
      log: deps.log,
      limits: DEFAULT_STORE_LIMITS,
    }),
    executor: createRunExecutor(house),
    onPublish: (work: () => Promise<void>) => {
      beforeCommit = work;
    },
  };
}
type House = Awaited<ReturnType<typeof openHouse>>;

async function stow({ archive, time }: House, study: string, changes: NaturalDataset = {}): Promise<void> {
  const files = [0, 1, 2].map((slice) =>
    encodeDicom({
      ...mrSlice({ rows: 4, columns: 4, slice }),
      Manufacturer: 'Phantom works',
      StudyInstanceUID: study,
      SeriesInstanceUID: `${study}.1`,
      SOPInstanceUID: `${study}.1.${slice}`,
      ...changes,
    }),
  );
  const principal = { ...engineer, scopes: 'system/*.cruds' };
  const { failed } = await archive.store({ principal, interaction: 'dicomweb/stow', parts: partsFrom(files) });
  expect(failed).toEqual([]);
  await time.advance(60);
}

async function drain({ executor }: House): Promise<void> {
  for (let next = await executor.claimNext(); next !== undefined; next = await executor.claimNext()) await next.done;
}

async function countsOf({ records, store }: House, study: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const type of RESULT_TYPES) {
    const found = await records.search(engineer, type, [['_summary', 'count']]);
    counts[type] = (('resource' in found ? found.resource : found) as Bundle).total!;
  }
  counts.objects = (await store.dicom.instances('main', { studyInstanceUid: study })).filter(
    (row) => !row.isSource,
  ).length;
  return counts;
}

async function packsOf({ blobs }: House): Promise<string[]> {
  const packs: string[] = [];
  for await (const pack of blobs.packs()) packs.push(pack);
  return packs.sort();
}

const ONE_SET = { DiagnosticReport: 1, Patient: 1, ImagingStudy: 1, Observation: 5, Provenance: 1, objects: 4 };

describe('results of a run in the whole house', () => {
  it('are one set however often the study comes and is asked for', async () => {
    const house = await openHouse();
    await stow(house, '2.25.77');
    await queueQuietStudies(house.house);
    const asked = await Promise.all(
      Array.from({ length: 10 }, () => house.runs.request(engineer, { studyInstanceUid: '2.25.77' })),
    );
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    await drain(house);
    await stow(house, '2.25.77');
    await queueQuietStudies(house.house);
    await drain(house);
    const { rows } = await house.store.runs.list('main', { limit: 10, offset: 0 });
    expect(rows.map(({ state, failure }) => failure ?? state)).toEqual(['built']);
    expect(await countsOf(house, '2.25.77')).toEqual(ONE_SET);
    expect(await house.store.outbox.ofRun('main', rows[0]!.id)).toHaveLength(2);
  });

  it('are found by what the run says, and its files are kept by the pack of its objects', async () => {
    const house = await openHouse();
    await stow(house, '2.25.77');
    const { id } = await house.runs.request(engineer, { studyInstanceUid: '2.25.77' });
    await drain(house);
    const run: RunRow = await house.runs.get(engineer, id);
    const { result } = run;
    const [seg] = await house.store.dicom.findInstances('main', [result!.segSopInstanceUid]);
    expect(seg).toMatchObject({ receivedFrom: `run/${id}`, isSource: false, studyInstanceUid: '2.25.77' });
    const [type, report] = result!.diagnosticReport.split('/');
    expect(await house.store.resources.get('main', type!, report!)).toMatchObject({ versionId: 1 });
    expect(Object.keys(run.files).sort()).toEqual([
      'bundle.json',
      'labels.nii.gz',
      'measurements.json',
      'overlay.png',
      'parts.nii.gz',
      'report.pdf',
    ]);
    const bytes = await house.runs.file(engineer, id, 'report.pdf');
    expect(Buffer.from(bytes.subarray(0, 5)).toString()).toBe('%PDF-');
    for (const { pack } of Object.values(run.files)) expect(await house.store.dicom.isPackReferenced(pack)).toBe(true);
  });

  it('share the Patient when two studies of one person end at the same moment', async () => {
    const house = await openHouse();
    for (const study of ['2.25.77', '2.25.78']) {
      await stow(house, study);
      await house.runs.request(engineer, { studyInstanceUid: study });
    }
    // Both have prepared before either commits: the second meets the Patient that the first has made.
    const both = Promise.withResolvers<void>();
    let prepared = 0;
    house.onPublish(async () => {
      if (++prepared === 2) both.resolve();
      await both.promise;
    });
    const executions = [await house.executor.claimNext(), await house.executor.claimNext()];
    await Promise.all(executions.map((execution) => execution!.done));
    const { rows } = await house.store.runs.list('main', { limit: 10, offset: 0 });
    expect(rows.map(({ state, failure }) => failure ?? state)).toEqual(['built', 'built']);
    expect(prepared).toBe(3);
    expect(rows[0]!.result!.patient).toBe(rows[1]!.result!.patient);
    expect((await countsOf(house, '2.25.78')).Patient).toBe(1);
  });

  it('leave no pack that nobody points to when the commit is refused', async () => {
    const house = await openHouse();
    await stow(house, '2.25.77');
    await house.runs.request(engineer, { studyInstanceUid: '2.25.77' });
    const before = await packsOf(house);
    house.onPublish(() => Promise.reject(new NeuroInsightError('storage-full', 'the disk is full')));
    await (await house.executor.claimNext())!.done;
    expect(await packsOf(house)).toEqual(before);
    expect(await countsOf(house, '2.25.77')).toEqual({
      ...Object.fromEntries(RESULT_TYPES.map((type) => [type, 0])),
      objects: 0,
    });
  });
});
