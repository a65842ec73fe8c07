import { createHash, randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Foundation, openFoundation } from '../../src/compose-foundation.ts';
import { loadConfig } from '../../src/config.ts';
import type { BlobLocation, Commit, InstanceRow } from '../../src/ports/index.ts';
import {
  AT,
  apiKeyRow,
  auditRow,
  instanceRow,
  LATER,
  outboxRow,
  patientVersion,
  runRow,
  sha256Of,
} from '../contract/store-rows.ts';
import { randomStream } from '../phantom/random.ts';

export const NAMES = ['a', 'b'] as const;
const PATIENTS = 24;
const SLICES = 3;
const SLICE_BYTES = 50_000;
const SITE = 'main';
const STUDIES = { a: '1.2.1', b: '1.2.2' } as const;

/** What every question was answered with, one text an item; an error is told from what is stored by its first mark. */
export type Answers = ReadonlyMap<string, readonly string[]>;

export interface TamperWorld {
  /** Below it: `older`, `cold` (stopped in order) and `hot` (a log beside the database), each with a witness beside it. */
  readonly folder: string;
  /** A data folder of another server under the same KEK. */
  readonly other: string;
  readonly expected: Answers;
  /** All items that each question was ever rightly answered with. */
  readonly known: ReadonlyMap<string, ReadonlySet<string>>;
  start(dataDir: string, witness: boolean): Promise<Foundation>;
  /** A copy of one of the states. */
  copy(state: 'older' | 'cold' | 'hot', to: string): string;
}

export const DATABASE = 'neuroinsight.sqlite';
const ANSWERS = 'answers.json';

/** Fills data folders and writes down what they answer. */
export async function makeTamperWorld(folder: string): Promise<TamperWorld> {
  const kek = join(folder, 'kek');
  writeFileSync(kek, randomBytes(32).toString('base64'), { mode: 0o600 });
  const start = (dataDir: string, witness: boolean): Promise<Foundation> =>
    openFoundation(configOf(dataDir, kek, witness), { purpose: 'test' });
  const [live, other] = [join(folder, 'live'), join(folder, 'other')];

  const first = await start(live, true);
  for (const name of NAMES) await storeAll(first, name);
  const older = await answersOf(first);
  await first.close();
  keep(live, join(folder, 'older'));

  const second = await start(live, true);
  await changeAll(second);
  const expected = await answersOf(second);
  keep(live, join(folder, 'hot'));
  await second.close();
  keep(live, join(folder, 'cold'));
  cpSync(`${live}.witness`, join(folder, 'hot.witness'));

  const third = await start(other, false);
  await storeAll(third, 'a');
  await third.close();

  writeFileSync(join(folder, ANSWERS), JSON.stringify({ older: [...older], expected: [...expected] }));
  return openTamperWorld(folder);
}

/** A world that was made, in another process too. */
export function openTamperWorld(folder: string): TamperWorld {
  const written: Record<'older' | 'expected', [string, string[]][]> = JSON.parse(
    readFileSync(join(folder, ANSWERS), 'utf8'),
  );
  const older = new Map(written.older);
  const known = new Map(
    written.expected.map(([name, items]) => [name, new Set([...items, ...(older.get(name) ?? [])])]),
  );
  return {
    folder,
    other: join(folder, 'other'),
    expected: new Map(written.expected),
    known,
    start: (dataDir, witness) => openFoundation(configOf(dataDir, join(folder, 'kek'), witness), { purpose: 'test' }),
    copy(state, to) {
      keep(join(folder, state), join(folder, to));
      return join(folder, to);
    },
  };
}

function configOf(dataDir: string, kek: string, witness: boolean) {
  return loadConfig(new URL('../../config/default.json', import.meta.url), {
    NEUROINSIGHT_DATA_DIR: dataDir,
    NEUROINSIGHT_KEK_FILE: kek,
    NEUROINSIGHT_MINIMUM_FREE_MIB: '0',
    NEUROINSIGHT_SCRUB_MIB_PER_SECOND: '10000',
    NEUROINSIGHT_LOG_LEVEL: 'silent',
    ...(witness && { NEUROINSIGHT_WITNESS_FILE: `${dataDir}.witness` }),
  });
}

/** The folder and its witness. */
function keep(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { mode: 0o700 });
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  if (existsSync(`${from}.witness`)) cpSync(`${from}.witness`, `${to}.witness`);
}

async function storeAll({ store, blobs }: Foundation, name: 'a' | 'b'): Promise<void> {
  const study = STUDIES[name];
  await store.ledger.commit({
    site: SITE,
    resources: [{ expected: 0, row: patientVersion(name, 1, `Family of ${name}`) }],
    runs: [{ expected: 0, row: runRow(name, { studyInstanceUid: study }) }],
    runLog: [{ runId: name, at: AT, level: 'info', message: `said of ${name}` }],
    outbox: [{ expected: 0, row: outboxRow(name, { runId: name, destination: `to ${name}` }) }],
    apiKeys: [{ expected: 0, row: apiKeyRow(name, { secretSha256: sha256Of(`secret ${name}`) }) }],
    seen: [seenRow(study)],
    audit: [auditRow(name, { patients: [`Patient/${name}`] })],
    documents: [{ expected: 0, row: { kind: 'scrub', id: name, version: 1, content: { of: name } } }],
    ...(await instancesOf(blobs, name, 1)),
  });
  const patients = Array.from({ length: PATIENTS }, (_, n) => patientVersion(`${name}${n}`, 1, `Family ${name}${n}`));
  await store.ledger.commit({ site: SITE, resources: patients.map((row) => ({ expected: 0, row })) });
  const audit = Array.from({ length: PATIENTS }, (_, n) => auditRow(`${name}${n}`, { patients: [`Patient/${name}`] }));
  await store.ledger.commit({ site: SITE, audit });
}

const seenRow = (studyInstanceUid: string) => ({
  source: 'pacs',
  studyInstanceUid,
  numberOfInstances: 1,
  pulledInstances: undefined,
  refusedInstances: 0,
  attempt: 1,
  seenAt: AT,
});

/** Every kind of thing becomes another: a revoked key, a finished run, a newer version. */
async function changeAll({ store, blobs }: Foundation): Promise<void> {
  for (const name of NAMES) {
    const study = STUDIES[name];
    const run = runRow(name, { studyInstanceUid: study, version: 2, state: 'completed', finishedAt: LATER });
    const key = apiKeyRow(name, { secretSha256: sha256Of(`secret ${name}`), version: 2, revokedAt: LATER });
    const delivery = {
      runId: name,
      destination: `to ${name}`,
      version: 2,
      state: 'delivered',
      deliveredAt: LATER,
    } as const;
    await store.ledger.commit({
      site: SITE,
      resources: [{ expected: 1, row: patientVersion(name, 2, `Newer family of ${name}`) }],
      runs: [{ expected: 1, row: run }],
      apiKeys: [{ expected: 1, row: key }],
      outbox: [{ expected: 1, row: outboxRow(name, delivery) }],
      runLog: [{ runId: name, at: LATER, level: 'info', message: `finished ${name}` }],
      audit: [auditRow(`last ${name}`, { patients: [`Patient/${name}`] })],
      documents: [{ expected: 1, row: { kind: 'scrub', id: name, version: 2, content: { of: `newer ${name}` } } }],
      ...(await instancesOf(blobs, name, SLICES + 1)),
    });
  }
}

type Stored = Pick<Commit, 'instances' | 'packs' | 'studyKeys'>;

/** Instances whose bytes really lie in a pack, over several of its chunks. */
async function instancesOf(blobs: Foundation['blobs'], name: 'a' | 'b', from: number): Promise<Stored> {
  const study = STUDIES[name];
  const writer = await blobs.openPack(SITE, study);
  const instances: InstanceRow[] = [];
  for (let number = from; number < from + SLICES; number++) {
    const bytes = bytesOf(`${name}${number}`);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    instances.push(
      instanceRow(
        { study, series: `${study}.1`, uid: `${study}.1.${number}` },
        {
          blob: await writer.append(bytes),
          metadata: await writer.append(Buffer.from(`{"of":"${name}${number}"}`)),
          receivedSha256: sha256,
          storedSha256: sha256,
          receivedFrom: name,
          receivedAt: AT,
        },
      ),
    );
  }
  const { row, studyKey } = await writer.seal();
  return { instances, packs: [row], studyKeys: studyKey ? [studyKey] : [] };
}

function bytesOf(seed: string): Buffer {
  const random = randomStream(0, seed);
  return Buffer.from(Array.from({ length: SLICE_BYTES }, () => Math.floor(random.next() * 256)));
}

type Question = () => Promise<readonly unknown[]>;

/** Asks for everything that was stored, in each way in which it is handed out. */
export async function answersOf(foundation: Foundation): Promise<Answers> {
  const answers = new Map<string, readonly string[]>();
  for (const [name, ask] of Object.entries(questionsOf(foundation))) {
    answers.set(name, await ask().then(asTexts, (error: unknown) => [`!${errorOf(error)}`]));
  }
  return answers;
}

const asTexts = (items: readonly unknown[]): string[] =>
  items.filter((item) => item !== undefined).map((item) => JSON.stringify(item));

const errorOf = (error: unknown): string => {
  const { kind, code, message } = error as { kind?: string; code?: string; message?: string };
  return kind ?? code ?? String(message);
};

function questionsOf(foundation: Foundation): Readonly<Record<string, Question>> {
  const { store } = foundation;
  const all: Record<string, Question> = {
    changes: () => store.changes.after(undefined, 0, 10_000),
    'audit of a day': async () => (await store.audit.search(SITE, { from: AT, count: 500, offset: 0 })).rows,
    'api keys': () => store.apiKeys.list(SITE),
    packs: () => store.packs.list('', 100),
    'due deliveries': async () => (await store.outbox.due(LATER, 9)).map(({ row }) => row),
    'claimable runs': async () => (await store.runs.claimable(LATER, 9)).map(({ row }) => row),
  };
  for (const name of NAMES) Object.assign(all, questionsAbout(foundation, name));
  for (const name of NAMES) {
    for (let n = 0; n < PATIENTS; n++) {
      all[`patient ${name}${n}`] = async () => [await store.resources.get(SITE, 'Patient', `${name}${n}`)];
      all[`audit ${name}${n}`] = async () => [await store.audit.get(SITE, `${name}${n}`)];
    }
  }
  return all;
}

function questionsAbout({ store, blobs }: Foundation, name: 'a' | 'b'): Record<string, Question> {
  const study = STUDIES[name];
  const page = { count: 100, offset: 0 };
  const query = (level: 'study' | 'series' | 'instance', keyword: string, pattern: string) => async () =>
    (await store.dicom.query(SITE, { level, where: [{ kind: 'text', keyword, pattern }], limit: 10, offset: 0 })).map(
      ({ attributes }) => attributes,
    );
  const found = {
    resourceType: 'Patient',
    where: [{ kind: 'token', param: 'identifier', anyOf: [{ code: name }] }],
    sort: [],
    total: false,
    ...page,
  } as const;
  const history = { resourceType: 'Patient', id: name, ...page };
  const instances = (): Promise<readonly InstanceRow[]> => store.dicom.instances(SITE, { studyInstanceUid: study });
  const sha256 = async (location: BlobLocation): Promise<string> =>
    createHash('sha256')
      .update(await blobs.read(location))
      .digest('hex');
  const asked: Record<string, Question> = {
    resource: async () => [await store.resources.get(SITE, 'Patient', name)],
    'first version': async () => [await store.resources.getVersion(SITE, 'Patient', name, 1)],
    'second version': async () => [await store.resources.getVersion(SITE, 'Patient', name, 2)],
    history: async () => (await store.resources.history(SITE, history)).rows,
    search: async () => (await store.resources.search(SITE, found)).rows,
    instances,
    'QIDO study': query('study', 'StudyInstanceUID', study),
    'QIDO series': query('series', 'SeriesInstanceUID', `${study}.1`),
    'QIDO by name': query('study', 'PatientName', 'muller^eva'),
    run: async () => [await store.runs.get(SITE, name)],
    'run log': () => store.runs.log(SITE, name),
    delivery: async () => [await store.outbox.get(SITE, name)],
    'api key': async () => [await store.apiKeys.findBySecret(sha256Of(`secret ${name}`))],
    audit: async () => [await store.audit.get(SITE, name), await store.audit.get(SITE, `last ${name}`)],
    'audit of a patient': async () =>
      (await store.audit.search(SITE, { patient: `Patient/${name}`, count: 500, offset: 0 })).rows,
    seen: () => store.seen.seen(SITE, 'pacs', [study]),
    'packs of a study': () => store.packs.ofStudy(SITE, study),
    document: async () => [await store.documents.get(SITE, 'scrub', name)],
  };
  for (let number = 1; number <= 2 * SLICES; number++) {
    const uid = `${study}.1.${number}`;
    const one = async () => (await store.dicom.findInstances(SITE, [uid]))[0];
    asked[`bytes ${number}`] = async () => {
      const row = await one();
      return row ? [await sha256(row.blob), await sha256(row.metadata)] : [];
    };
  }
  return Object.fromEntries(Object.entries(asked).map(([what, ask]) => [`${what} of ${name}`, ask]));
}
