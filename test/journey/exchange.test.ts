import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ServerClient } from '../../src/cli/server-client.ts';
import { freePort, type Orthanc, startOrthanc } from '../harness/orthanc.ts';
import { clientOf, makeKey, type ServerProcess, startServerProcess } from '../harness/server-process.ts';
import { eventually, runIn } from '../harness/server-walk.ts';
import { describeWith } from '../harness/shared-data.ts';
import { smallStudy } from '../harness/small-study.ts';

const ENVIRONMENT = {
  NEUROINSIGHT_QUIET_SECONDS: '1',
  NEUROINSIGHT_RUN_LEASE_SECONDS: '5',
  NEUROINSIGHT_LOG_LEVEL: 'info',
};

interface Delivery {
  readonly id: string;
  readonly destination: string;
  readonly state: string;
  readonly attempt: number;
}

describeWith([{ program: 'Orthanc' }, { shared: 'bench/orthanc.json' }], 'between a PACS and an EHR', () => {
  const study = smallStudy('Zzyzx-exchange');
  let folder: string;
  let orthanc: Orthanc;
  let startEhr: () => Promise<ServerProcess>;
  let startServer: () => Promise<ServerProcess>;
  let server: ServerProcess;
  let ehr: ServerProcess | undefined;
  let client: ServerClient;
  let ehrClient: ServerClient;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'neuroinsight-exchange-'));
    orthanc = await startOrthanc();
    const ehrOptions = { dataDir: join(folder, 'ehr'), port: await freePort(), environment: ENVIRONMENT };
    const ehrUrl = `http://127.0.0.1:${ehrOptions.port}`;
    const ehrKey = makeKey(ehrOptions, 'system/*.cruds', 'walk');
    const peersFile = join(folder, 'peers.json');
    writeFileSync(join(folder, 'ehr-key'), `Bearer ${ehrKey}\n`, { mode: 0o600 });
    writeFileSync(
      peersFile,
      JSON.stringify({
        sources: [{ name: 'orthanc', url: orthanc.dicomweb, windowDays: 3650, pollSeconds: 1 }],
        destinations: [
          { name: 'orthanc', kind: 'dicomweb', url: orthanc.dicomweb },
          { name: 'ehr', kind: 'fhir', url: `${ehrUrl}/fhir/R4`, authorizationFile: 'ehr-key' },
        ],
      }),
    );
    const options = {
      dataDir: join(folder, 'data'),
      port: await freePort(),
      environment: { ...ENVIRONMENT, NEUROINSIGHT_PEERS_FILE: peersFile },
    };
    const key = makeKey(options);
    // As an administrator starts it; it measures nothing.
    const entry = ['src/cli/launch.js', 'serve', '--roles', 'web'];
    startEhr = () => startServerProcess({ ...ehrOptions, entry });
    startServer = () => startServerProcess(options);
    server = await startServer();
    client = clientOf(server, key);
    ehrClient = clientOf({ url: ehrUrl }, ehrKey);
  });
  afterAll(async () => {
    await Promise.all([server?.kill('SIGKILL'), ehr?.kill('SIGKILL'), orthanc?.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const deliveries = async (): Promise<readonly Delivery[]> =>
    (await client.json<{ deliveries: Delivery[] }>('/api/v1/deliveries')).deliveries;
  const delivered = (destination: string, which: (row: Delivery) => boolean): Promise<Delivery> =>
    eventually(`a delivery to ${destination}`, async () =>
      (await deliveries()).find((row) => row.destination === destination && which(row)),
    );
  const totalAtEhr = async (type: string): Promise<number> =>
    (await ehrClient.json<{ total: number }>(`/fhir/R4/${type}?_summary=count`)).total;
  const pulled = async (): Promise<number> => {
    const text = await (await client.request('/metrics')).text();
    return Number(/^neuroinsight_pulled_instances_total\{.*outcome="stored".*\} (\d+)$/m.exec(text)?.[1] ?? 0);
  };
  /** Number of instances by modality, as Orthanc's own REST counts them. */
  const inOrthanc = async (): Promise<Record<string, number>> => {
    const series = await orthanc.json<{ MainDicomTags: { Modality: string }; Instances: string[] }[]>('/series?expand');
    return Object.fromEntries(series.map(({ MainDicomTags, Instances }) => [MainDicomTags.Modality, Instances.length]));
  };
  const COUNTS = { MR: 12, SEG: 1, SR: 1, DOC: 1, OT: 1 };

  it('a study that lies in the PACS is pulled, measured, and its results are sent back there', async () => {
    for (const file of study.files) {
      const response = await fetch(`${orthanc.url}/instances`, { method: 'POST', body: Buffer.from(file) });
      expect(response.status).toBe(200);
    }
    const run = await runIn(client, study.studyInstanceUid, ['built', 'completed']);
    await delivered('orthanc', ({ state }) => state === 'delivered');
    expect(await inOrthanc()).toEqual(COUNTS);
    const [patient] = await orthanc.json<string[]>('/patients');
    expect(await orthanc.json(`/patients/${patient}`)).toMatchObject({
      MainDicomTags: { PatientID: 'P-Zzyzx-exchange' },
    });
    // The EHR is down: the run waits for it.
    await delivered('ehr', ({ state, attempt }) => state === 'pending' && attempt > 0);
    expect((await client.json<{ state: string }>(`/api/v1/runs/${run.id}`)).state).toBe('built');
  });

  it('an EHR that comes up later holds the report, its patient and its study once', async () => {
    ehr = await startEhr();
    await delivered('ehr', ({ state }) => state === 'delivered');
    await runIn(client, study.studyInstanceUid, ['completed']);
    expect(await totalAtEhr('DiagnosticReport')).toBe(1);
    expect(await totalAtEhr('Patient')).toBe(1);
    expect(await totalAtEhr('ImagingStudy')).toBe(1);
    expect(await totalAtEhr('Observation')).toBeGreaterThan(4);
  });

  it('nothing is doubled by what was sent coming back, nor by a kill and a start', async () => {
    // The pushed results raised the PACS's count: the study is pulled once more, and passed over.
    await eventually('another pull', async () => ((await pulled()) >= 12 + 16 ? true : undefined));
    await server.kill('SIGKILL');
    server = await startServer();
    await delivered('ehr', ({ state }) => state === 'delivered');
    expect(await inOrthanc()).toEqual(COUNTS);
    expect(await totalAtEhr('DiagnosticReport')).toBe(1);
    expect((await deliveries()).map(({ state }) => state)).toEqual(['delivered', 'delivered']);
    expect((await client.json<{ runs: unknown[] }>('/api/v1/runs')).runs).toHaveLength(1);
    expect(server.log()).not.toContain('Zzyzx');
    expect(await Promise.all([server.kill('SIGTERM'), ehr!.kill('SIGTERM')])).toEqual([0, 0]);
  });
});
