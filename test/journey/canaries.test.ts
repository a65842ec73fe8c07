import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerClient } from '../../src/cli/server-client.ts';
import { systemClock } from '../../src/compose.ts';
import { fileKek } from '../../src/storage/keys/kek-providers/local-keks.ts';
import { openKeyChest } from '../../src/storage/keys/key-chest.ts';
import { openConnection } from '../../src/storage/sqlite/database.ts';
import { type Canary, type CanaryHit, type Needle, needlesOf, searchBytes, searchFolder } from '../harness/canaries.ts';
import { canaryObservation, canaryPatient, canaryStudy, PHI, phiCanaries } from '../harness/canary-study.ts';
import { freePort } from '../harness/orthanc.ts';
import {
  clientOf,
  environmentOf,
  makeKey,
  type ServerProcess,
  type ServerProcessOptions,
  startServerProcess,
} from '../harness/server-process.ts';
import { itemsOf, runIn, stow } from '../harness/server-walk.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const study = canaryStudy('server');
let folder: string;
let options: ServerProcessOptions;
let server: ServerProcess;
let client: ServerClient;
let needles: readonly Needle[];
const kek = randomBytes(32);
/** What the server and its commands said, and what it answered to what it refused. */
const said: string[] = [];
const pathOf = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-canaries-'));
  for (const name of ['tmp', 'out']) mkdirSync(pathOf(name));
  writeFileSync(pathOf('kek'), `${kek.toString('base64')}\n`, { mode: 0o600 });
  const environment = {
    NEUROINSIGHT_QUIET_SECONDS: '0',
    NEUROINSIGHT_LOG_LEVEL: 'debug',
    NEUROINSIGHT_KEK_FILE: pathOf('kek'),
    NEUROINSIGHT_WITNESS_FILE: pathOf('out/witness'),
    TMPDIR: pathOf('tmp'),
  };
  options = { dataDir: pathOf('data'), port: await freePort(), environment };
  const secret = makeKey(options);
  server = await startServerProcess(options);
  client = clientOf(server, secret);
  needles = needlesOf([...phiCanaries(), { name: 'API key', value: secret }]);
});
afterAll(async () => {
  await server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** The command line beside the server, as an administrator has it. */
async function commandLine(...args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, ['--no-warnings', 'src/cli/launch.js', ...args], {
    cwd: ROOT,
    env: environmentOf(options),
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => void said.push(text));
  }
  return new Promise((resolve) => child.once('close', resolve));
}

/** The keys that open the data folder, as whoever has the KEK gets them. */
async function keysOf(dataDir: string): Promise<Canary[]> {
  const provider = fileKek(pathOf('kek'), 'the key-encryption key');
  const given = { dataDir, kek: provider, random: randomBytes, clock: systemClock, makeNothing: true };
  const { keys, ring } = await openKeyChest(given);
  const path = join(dataDir, 'neuroinsight.sqlite');
  const connection = openConnection(path, { key: keys.database, busyMilliseconds: 5_000, readOnly: true });
  const [row] = connection.table('SELECT kek_id, wrapped FROM study_keys WHERE study = ?', [
    study.studyInstanceUid,
  ]).rows;
  connection.close();
  const wrapped = { kekId: String(row![0]), wrapped: String(row![1]) };
  const studyKey = ring.unwrap(wrapped, `study/main/${study.studyInstanceUid}`);
  return [
    { name: 'KEK', value: kek },
    { name: 'database key', value: Buffer.from(keys.database, 'hex') },
    { name: 'database key as it is given', value: keys.database },
    { name: 'key of rows', value: keys.rowMac },
    { name: 'seed of signatures', value: keys.signingSeed },
    { name: 'study key', value: studyKey },
  ];
}

/** Everything that lies about: data folder, temporary folder, backup, export, witness; and all that was said. */
function found(): { hits: CanaryHit[]; bytes: number } {
  const folders = ['data', 'tmp', 'out'].map((name) => searchFolder(pathOf(name), needles));
  const spoken = searchBytes(
    'what was said',
    Buffer.from([...said, server.log(), server.printed()].join('\n')),
    needles,
  );
  return {
    hits: [...folders.flatMap(({ hits }) => hits), ...spoken],
    bytes: folders.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

describe('the search for canaries', () => {
  it('finds every way of writing each of them, also in streams of gzip, zlib and ZIP', () => {
    for (const { canary, encoding, bytes } of needles) {
      const planted = Buffer.concat([randomBytes(999), bytes, randomBytes(999)]);
      expect(searchBytes('here', planted, needles)).toContainEqual({ canary, encoding, place: 'here' });
    }
    const text = Buffer.from(`before ${PHI.family} behind`.repeat(20));
    const entry = Buffer.alloc(30);
    entry.write('PK\x03\x04', 'latin1');
    const streams = [gzipSync(text), deflateSync(text), Buffer.concat([entry, deflateRawSync(text)])];
    const planted = [...streams, gzipSync(streams[1]!)].map((stream) => Buffer.concat([stream, randomBytes(99)]));
    // The last is cut off.
    for (const stream of [...planted, streams[0]!.subarray(0, -9)]) {
      const bytes = Buffer.concat([randomBytes(99), stream]);
      expect(searchBytes('here', bytes, needles)).toContainEqual(expect.objectContaining({ canary: 'family' }));
    }
  });

  it('finds base64 in every alignment', () => {
    for (const before of ['', 'a', 'ab']) {
      const written = Buffer.from(`{"data":"${Buffer.from(`${before}${PHI.family}xyz`).toString('base64')}"}`);
      expect(searchBytes('here', written, needles)).toContainEqual(expect.objectContaining({ canary: 'family' }));
    }
  });

  it('finds what is in the study when it lies there as it came', () => {
    mkdirSync(pathOf('plain'));
    writeFileSync(pathOf('plain/slice'), study.files[0]!);
    const canaries = new Set(searchFolder(pathOf('plain'), needles).hits.map(({ canary }) => canary));
    const inStudy = 'family, given, patientId, issuer, accession, studyDescription, seriesDescription, birthDate, ';
    expect([...canaries].sort()).toEqual(`${inStudy}studyDate, pixels`.split(', ').sort());
  });
});

describe('a server that was given names, numbers, pictures and words to search for', () => {
  it('takes them all, and works with them', async () => {
    expect(itemsOf(await stow(client, study), '00081199')).toHaveLength(12);
    const json = { 'content-type': 'application/fhir+json' };
    const create = (resource: { resourceType: string }) =>
      client.json<{ id: string }>(`/fhir/R4/${resource.resourceType}`, {
        method: 'POST',
        headers: json,
        body: JSON.stringify(resource),
      });
    const { id } = await create(canaryPatient());
    await create(canaryObservation(`Patient/${id}`));
    await runIn(client, study.studyInstanceUid, ['completed']);
    const [first] = await client.json<Record<string, { Value: string[] }>[]>(
      `/dicomweb/studies/${study.studyInstanceUid}/instances?Modality=MR`,
    );
    const [series, instance] = ['0020000E', '00080018'].map((tag) => first![tag]!.Value[0]);
    for (const path of [
      `/dicomweb/studies?PatientName=${PHI.family}*&AccessionNumber=${PHI.accession}`,
      `/dicomweb/studies?PatientID=${PHI.searched}`,
      `/fhir/R4/Patient?family=${PHI.fhirFamily}&identifier=${PHI.fhirIdentifier}`,
      `/fhir/R4/Patient?name=${PHI.searched}`,
      `/fhir/R4/Patient?birthdate=${PHI.fhirBirthDate}`,
      `/dicomweb/studies/${study.studyInstanceUid}/series/${series}/instances/${instance}/rendered`,
      `/dicomweb/studies/${study.studyInstanceUid}/metadata`,
    ]) {
      expect((await client.request(path)).status).toBeLessThan(300);
    }
  });

  it('says nothing of them when it refuses', async () => {
    const post = (path: string, type: string, body: string | Uint8Array<ArrayBuffer>, token?: string) =>
      fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': type, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
        body,
      });
    const refusals = [
      `/dicomweb/${PHI.badPath}`,
      `/fhir/R4/${PHI.badPath}/${PHI.searched}`,
      `/fhir/R4/Patient/${PHI.badPath}.${PHI.searched}_`,
      `/fhir/R4/Patient?birthdate=${PHI.searched}`,
      `/fhir/R4/Patient?${PHI.badPath}=${PHI.searched}`,
      `/dicomweb/studies?StudyDate=${PHI.searched}`,
      `/dicomweb/studies/${PHI.badPath}/metadata`,
      `/api/v1/runs/${PHI.badPath}`,
    ];
    for (const path of refusals) said.push(await client.request(path).then(String, (error: Error) => error.message));
    for (const answer of [
      await post(
        '/fhir/R4/Patient',
        'application/fhir+json',
        `{"resourceType":"Patient","${PHI.badBody}":1}`,
        PHI.token,
      ),
      await post('/dicomweb/studies', `multipart/related; boundary=${PHI.badBody}`, PHI.badBody, PHI.token),
    ]) {
      expect(answer.status).toBe(401);
      said.push(await answer.text());
    }
    const bodies = [
      `{"resourceType":"Patient","${PHI.badBody}":1,"birthDate":"${PHI.badBody}"}`,
      `{"resourceType":"Patient","name":"${PHI.badBody}`,
      `{"resourceType":"${PHI.badBody}"}`,
    ];
    for (const body of bodies) {
      const init = { method: 'POST', headers: { 'content-type': 'application/fhir+json' }, body };
      said.push(await client.request('/fhir/R4/Patient', init).then(String, (error: Error) => error.message));
    }
    const torn = { files: study.files.map((file) => file.subarray(0, file.length - 100)) };
    said.push(JSON.stringify(await stow(client, torn)));
  });

  it('backs up, exports, scrubs and shows its numbers', async () => {
    expect(await commandLine('backup', '--to', pathOf('out/repository'))).toBe(0);
    expect(await commandLine('export', '--out', pathOf('out/all.export'))).toBe(0);
    expect(await commandLine('scrub')).toBe(0);
    said.push(await (await client.request('/metrics')).text());
    needles = [...needles, ...needlesOf(await keysOf(options.dataDir))];
  });

  it('has left none of it in a file, in its log or in an answer, while it runs', () => {
    const { hits, bytes } = found();
    expect(hits).toEqual([]);
    expect(bytes).toBeGreaterThan(1_000_000);
    const names = readdirSync(options.dataDir);
    const expected = ['neuroinsight.sqlite', 'neuroinsight.sqlite-wal', 'neuroinsight.sqlite-shm', 'keys.json', 'lock'];
    expect(names).toEqual(expect.arrayContaining(expected));
    expect(server.log().length).toBeGreaterThan(1_000);
    expect(existsSync(pathOf('out/all.export')) && readdirSync(pathOf('out/repository')).length > 0).toBe(true);
  });

  it('nor when it was stopped', async () => {
    expect(await server.kill('SIGTERM')).toBe(0);
    expect(found().hits).toEqual([]);
    expect(readFileSync(pathOf('kek'), 'utf8')).toContain(kek.toString('base64'));
  });
});
