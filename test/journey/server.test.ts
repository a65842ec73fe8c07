import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Json, RunView, ServerClient } from '../../src/cli/server-client.ts';
import { freePort } from '../harness/orthanc.ts';
import { clientOf, makeKey, type ServerProcess, startServerProcess } from '../harness/server-process.ts';
import { countsOf, itemsOf, runIn, runsOf, stow } from '../harness/server-walk.ts';
import { smallStudy } from '../harness/small-study.ts';

const ONE_SET = { MR: 12, SEG: 1, SR: 1, PDF: 1, reports: 1 };
const STORED = '00081199';
const canary = smallStudy('Zzyzx');

let folder: string;
let start: () => Promise<void>;
let server: ServerProcess;
let client: ServerClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-server-'));
  const environment = { NEUROINSIGHT_QUIET_SECONDS: '0', NEUROINSIGHT_LOG_LEVEL: 'debug' };
  const options = { dataDir: join(folder, 'data'), port: await freePort(), environment };
  const key = makeKey(options);
  start = async () => {
    server = await startServerProcess(options);
    client = clientOf(server, key);
  };
  await start();
});
afterAll(async () => {
  await server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const jsonOf = (path: string): Promise<Json[]> => client.json<Json[]>(path);
const firstOf = (dataset: Json | undefined, tag: string): unknown =>
  (dataset?.[tag] as { readonly Value?: readonly unknown[] } | undefined)?.Value?.[0];

describe('a study sent to the server', () => {
  let run: RunView;

  it('is stored, measured without being asked, and completed', async () => {
    const answer = await stow(client, canary);
    expect(itemsOf(answer, STORED)).toHaveLength(12);
    run = await runIn(client, canary.studyInstanceUid, ['completed']);
    expect(run).toMatchObject({ percent: 100, failure: null, result: { qualityVerdict: 'pass' } });
    const { lines } = await client.json<{ lines: { message: string }[] }>(`/api/v1/runs/${run.id}/log`);
    expect(lines.length).toBeGreaterThan(1);
  });

  it('is found with its results by QIDO-RS', async () => {
    const [study, ...others] = await jsonOf('/dicomweb/studies?PatientID=P-Zzyzx');
    expect(others).toEqual([]);
    expect(firstOf(study, '0020000D')).toBe(canary.studyInstanceUid);
    expect((study!['00080061'] as { Value: string[] }).Value).toEqual(
      expect.arrayContaining(['MR', 'SEG', 'SR', 'DOC']),
    );
    const [seg] = await jsonOf(`/dicomweb/studies/${canary.studyInstanceUid}/instances?Modality=SEG`);
    expect(firstOf(seg, '00080018')).toBe(run.result!.segSopInstanceUid);
  });

  it('is given back by WADO-RS byte for byte, its results as DICOM', async () => {
    const study = `/dicomweb/studies/${canary.studyInstanceUid}`;
    const body = Buffer.from(
      await client.bytes(study, 'multipart/related; type="application/dicom"; transfer-syntax=*'),
    );
    for (const file of canary.files) expect(body.includes(Buffer.from(file))).toBe(true);
    const metadata = await jsonOf(`${study}/metadata`);
    const modalities = metadata.map((instance) => firstOf(instance, '00080060'));
    expect(modalities.filter((modality) => modality === 'MR')).toHaveLength(12);
    expect(modalities).toEqual(expect.arrayContaining(['SEG', 'SR', 'DOC', 'OT']));
  });

  it('is reported in FHIR, with its patient, observations and study', async () => {
    const report = await client.json<Json & { subject: { reference: string }; result: { reference: string }[] }>(
      `/fhir/R4/${run.result!.diagnosticReport}`,
    );
    expect(report).toMatchObject({ resourceType: 'DiagnosticReport', status: 'preliminary' });
    expect(await client.json(`/fhir/R4/${report.subject.reference}`)).toMatchObject({
      name: [{ family: 'Phantom', given: ['Zzyzx'] }],
      birthDate: '1955-01-02',
    });
    for (const { reference } of report.result)
      expect(await client.json(`/fhir/R4/${reference}`)).toMatchObject({ resourceType: 'Observation' });
  });

  it('has its files behind the links of its run', async () => {
    const view = await client.json<{ links: { files: { name: string; href: string }[] } }>(`/api/v1/runs/${run.id}`);
    const pdf = view.links.files.find(({ name }) => name === 'report.pdf')!;
    const bytes = await client.bytes(pdf.href.slice(server.url.length));
    expect(Buffer.from(bytes.subarray(0, 5)).toString()).toBe('%PDF-');
    const events: RunView[] = [];
    for await (const event of client.watchRun(run.id)) events.push(event);
    expect(events.at(-1)).toMatchObject({ id: run.id, state: 'completed' });
  });

  it('leaves an audit of who stored, measured and read it', async () => {
    const events = await client.json<{ total: number }>('/fhir/R4/AuditEvent?_count=50&_total=accurate');
    expect(events.total).toBeGreaterThan(5);
    expect(JSON.stringify(events)).toContain(`urn:oid:${canary.studyInstanceUid}`);
  });
});

describe('a study that comes again', () => {
  it('changes nothing when it is sent five times, nor when it is asked for', async () => {
    const study = smallStudy('five times');
    for (let n = 0; n < 5; n++) expect(itemsOf(await stow(client, study), STORED)).toHaveLength(12);
    const run = await runIn(client, study.studyInstanceUid, ['completed']);
    for (let n = 0; n < 2; n++) await stow(client, study);
    expect((await client.requestRun(study.studyInstanceUid)).id).toBe(run.id);
    expect(await countsOf(client, study.studyInstanceUid)).toEqual(ONE_SET);
    expect(await runsOf(client, study.studyInstanceUid)).toHaveLength(1);
  });

  it('is one study when ten copies come at once, asked for by each', async () => {
    const study = smallStudy('ten at once');
    const copies = Array.from({ length: 10 }, async () => {
      // As a client does that is told to come again.
      for (;;) {
        try {
          const answer = await stow(client, study);
          if (itemsOf(answer, STORED).length === 12) return client.requestRun(study.studyInstanceUid);
        } catch (error) {
          if (!String(error).includes('503')) throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });
    const asked = await Promise.all(copies);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    await runIn(client, study.studyInstanceUid, ['completed']);
    expect(await countsOf(client, study.studyInstanceUid)).toEqual(ONE_SET);
    expect(await runsOf(client, study.studyInstanceUid)).toHaveLength(1);
  });
});

describe('the server process', () => {
  it('has written no name and no patient number into its log, nor into what it answers to a bad request', async () => {
    const answers: string[] = [];
    for (const path of [
      '/dicomweb/studies?PatientName=Zzyzx*',
      '/dicomweb/studies?StudyDate=Zzyzx',
      '/dicomweb/Zzyzx',
      '/fhir/R4/Patient?family=Zzyzx',
      '/fhir/R4/Patient/Zzyzx',
    ]) {
      const refused = (error: Error): string => error.message;
      answers.push(await client.request(path).then(({ status }) => String(status), refused));
    }
    const broken = { files: canary.files.map((file) => file.subarray(0, 1000)) };
    answers.push(JSON.stringify(await stow(client, broken)));
    expect(answers.slice(0, 1)).toEqual(['200']);
    expect(answers.join()).not.toContain('Zzyzx');
    expect(server.log()).toContain('"run finished"');
    expect(server.log()).not.toMatch(/Zzyzx|Phantom/);
  });

  it('counts its work for Prometheus', async () => {
    const text = await (await client.request('/metrics')).text();
    expect(text).toMatch(/^neuroinsight_runs\{.*state="completed".*\} 3$/m);
    expect(text).not.toContain('Zzyzx');
  });

  it('ends in peace in the middle of a run, which the next process completes', async () => {
    const study = smallStudy('stopped');
    await stow(client, study);
    await client.requestRun(study.studyInstanceUid);
    await runIn(client, study.studyInstanceUid, ['running', 'completed']);
    expect(await server.kill('SIGTERM')).toBe(0);
    await start();
    expect(await runIn(client, study.studyInstanceUid, ['completed'])).toMatchObject({ attempt: 1 });
    expect(await countsOf(client, study.studyInstanceUid)).toEqual(ONE_SET);
  });
});
