import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { administratorOf } from '../../src/admin/command.ts';
import { DEFAULT_CONFIG } from '../../src/compose.ts';
import { type Foundation, openFoundation } from '../../src/compose-foundation.ts';
import { kekOfFile } from '../../src/compose-keys.ts';
import { loadConfig } from '../../src/config.ts';
import type { BlobLocation, StudyKeyRow } from '../../src/ports/index.ts';
import { studyContext } from '../../src/storage/keys/key-ring.ts';

/** What this process does with a folder of `keys` studies that have a key only, and `packs` that have bytes too. */
export interface RotationOrder {
  readonly work: 'fill' | 'rotate' | 'check';
  readonly folder: string;
  readonly keys: number;
  readonly packs: number;
  readonly kekFile: string;
  readonly previousKekFile?: string;
  /** A rotation to this KEK begins; absent: the one that has begun goes on. */
  readonly newKekFile?: string;
}

/** Printed as lines of JSON: how far it is, and at the end what happened. */
export interface RotationLine {
  readonly moved?: number;
  /** Under the KEK before when the process began. */
  readonly found?: number;
  readonly readable?: number;
  readonly state?: string;
  readonly seconds?: number;
  readonly reads?: number;
  readonly failed?: number;
  readonly stored?: number;
  readonly slowestMilliseconds?: number;
  /** Of reading, before the rotation and while it goes on. */
  readonly p99Milliseconds?: readonly [number, number];
}

interface Stored {
  readonly study: string;
  readonly location: BlobLocation;
}

const PACK_BYTES = 65_536;
const QUIET_MILLISECONDS = 500;
const ROWS_A_COMMIT = 500;
const CREATED_AT = '2026-11-24T12:00:00.000Z';
const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
const keyOnly = (n: number): string => `2.25.1.${n}`;
const bytesOf = (study: string): Buffer => Buffer.alloc(PACK_BYTES, digestOf(study));
const say = (line: RotationLine): void => void writeSync(1, `${JSON.stringify(line)}\n`);

async function fill({ keys, store }: Foundation, count: number): Promise<void> {
  for (let first = 0; first < count; first += ROWS_A_COMMIT) {
    const numbers = Array.from({ length: Math.min(ROWS_A_COMMIT, count - first) }, (_, n) => first + n);
    const studyKeys = numbers.map((n): StudyKeyRow => {
      const study = keyOnly(n);
      const wrapped = keys.ring.wrap(digestOf(study), studyContext('main', study));
      return { studyInstanceUid: study, createdAt: CREATED_AT, ...wrapped };
    });
    await store.ledger.commit({ site: 'main', studyKeys });
  }
}

async function storePack({ blobs, store }: Foundation, study: string): Promise<Stored> {
  const writer = await blobs.openPack('main', study);
  const location = await writer.append(bytesOf(study));
  const { row, studyKey } = await writer.seal();
  await store.ledger.commit({ site: 'main', packs: [row], ...(studyKey && { studyKeys: [studyKey] }) });
  return { study, location };
}

/** Whether a key opens and is the one that was stored. */
async function keyIsThere({ keys, store }: Foundation, study: string): Promise<boolean> {
  const row = await store.packs.studyKey('main', study);
  return row !== undefined && digestOf(study).equals(keys.ring.unwrap(row, studyContext('main', study)));
}

const packIsThere = async ({ blobs }: Foundation, { study, location }: Stored): Promise<boolean> =>
  bytesOf(study).equals(await blobs.read(location));

interface Load {
  readonly latencies: number[];
  reads: number;
  failed: number;
  stored: number;
}

/** Reads all the time, and stores a study now and then, until the signal is aborted. */
async function workOn(foundation: Foundation, order: RotationOrder, packs: readonly Stored[], signal: AbortSignal) {
  const load: Load = { latencies: [], reads: 0, failed: 0, stored: 0 };
  const read = async (isThere: () => Promise<boolean>): Promise<void> => {
    const begun = performance.now();
    const right = await isThere().catch(() => false);
    load.latencies.push(performance.now() - begun);
    load.reads++;
    if (!right) load.failed++;
  };
  const reading = async (): Promise<void> => {
    while (!signal.aborted) {
      const n = Math.floor(Math.random() * 2 ** 30);
      await read(() => packIsThere(foundation, packs[n % packs.length]!));
      await read(() => keyIsThere(foundation, keyOnly(n % order.keys)));
      await setTimeout(1);
    }
  };
  const storing = async (): Promise<void> => {
    for (let n = 0; !signal.aborted; n++) {
      const study = `2.25.3.${process.pid}.${n}`;
      await read(async () => packIsThere(foundation, await storePack(foundation, study)));
      load.stored++;
      await setTimeout(50);
    }
  };
  return { load, ended: Promise.all([reading(), reading(), storing()]) };
}

const percentile = (values: readonly number[], share: number): number =>
  Number((values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0).toFixed(1));

async function rotate(foundation: Foundation, order: RotationOrder, packs: readonly Stored[]): Promise<void> {
  const stopping = new AbortController();
  const { load, ended } = await workOn(foundation, order, packs, stopping.signal);
  await setTimeout(QUIET_MILLISECONDS);
  const quiet = load.latencies.splice(0);
  const begun = performance.now();
  const found = (await foundation.keyRotation.status()).studyKeysUnderOldKek;
  const principal = administratorOf('main');
  const { keyRotation } = foundation;
  if (order.newKekFile !== undefined) await keyRotation.begin(principal, kekOfFile(order.newKekFile));
  const rotated = await keyRotation.run(principal, new AbortController().signal, (moved) =>
    say({ moved, reads: load.reads, failed: load.failed }),
  );
  const seconds = (performance.now() - begun) / 1000;
  stopping.abort();
  await ended;
  const { reads, failed, stored, latencies } = load;
  const p99Milliseconds = [percentile(quiet, 0.99), percentile(latencies, 0.99)] as const;
  const slowestMilliseconds = percentile(latencies, 1 - 1e-9);
  const { state, moved } = rotated ?? { state: 'nothing to do', moved: 0 };
  say({ state, moved, found, seconds, reads, failed, stored, p99Milliseconds, slowestMilliseconds });
}

async function check(foundation: Foundation, order: RotationOrder, packs: readonly Stored[]): Promise<void> {
  let readable = 0;
  for (const stored of packs) if (await packIsThere(foundation, stored)) readable++;
  for (let n = 0; n < order.keys; n++) if (await keyIsThere(foundation, keyOnly(n))) readable++;
  const { keks, studyKeysUnderOldKek } = await foundation.keyRotation.status();
  say({ readable, failed: studyKeysUnderOldKek, state: keks.map(({ id }) => id).join(' ') });
}

if (import.meta.main) {
  const order: RotationOrder = JSON.parse(process.argv[2]!);
  const config = loadConfig(DEFAULT_CONFIG, {
    NEUROINSIGHT_DATA_DIR: join(order.folder, 'data'),
    NEUROINSIGHT_KEK_FILE: order.kekFile,
    NEUROINSIGHT_LOG_LEVEL: 'silent',
    NEUROINSIGHT_MINIMUM_FREE_MIB: '0',
    ...(order.previousKekFile !== undefined && { NEUROINSIGHT_PREVIOUS_KEK_FILE: order.previousKekFile }),
  });
  const list = join(order.folder, 'packs.json');
  const foundation = await openFoundation(config, { purpose: order.work });
  if (order.work === 'fill') {
    await fill(foundation, order.keys);
    const packs: Stored[] = [];
    for (let n = 0; n < order.packs; n++) packs.push(await storePack(foundation, `2.25.2.${n}`));
    writeFileSync(list, JSON.stringify(packs));
  } else {
    const packs: readonly Stored[] = JSON.parse(readFileSync(list, 'utf8'));
    await (order.work === 'rotate' ? rotate : check)(foundation, order, packs);
  }
  await foundation.close();
}

/** Makes a KEK in a file. */
export function writeKek(path: string): string {
  writeFileSync(path, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  return path;
}
