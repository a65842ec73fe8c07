import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NeuroInsightError } from '../../domain/errors.ts';
import { developmentKekPath, openDevelopmentKek } from './development-kek.ts';
import { readEscrow } from './escrow.ts';
import type { KekProvider } from './kek-providers/kek-provider.ts';
import { type KeyChestOptions, openKeyChest } from './key-chest.ts';
import { kekIdOf } from './key-ring.ts';

let folder: string;
let dataDir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chest-'));
  dataDir = mkdtempSync(join(folder, 'data-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const keyOf = (name: string): Buffer => createHash('sha256').update(name).digest();
const idOf = (name: string): string => kekIdOf(keyOf(name));
const local = (name: string): KekProvider => ({ name: 'file', open: async () => ({ key: keyOf(name) }) });

/** A provider that wraps: what it stores opens by its own name only. */
function remote(name: string, provider = 'vault'): KekProvider {
  return {
    name: provider,
    async open(stored) {
      if (stored === undefined) return sealedBy(name);
      if (!stored.startsWith(`${name}:`)) throw new NeuroInsightError('wrong-key', 'does not open what was wrapped');
      return { key: Buffer.from(stored.slice(name.length + 1), 'hex'), stored };
    },
  };
}

function sealedBy(name: string) {
  const key = randomBytes(32);
  return { key, stored: `${name}:${key.toString('hex')}` };
}

const open = (kek: KekProvider, given: Partial<KeyChestOptions> = {}) =>
  openKeyChest({ dataDir, kek, random: randomBytes, clock: { now: () => new Date('2026-11-24T10:00:00Z') }, ...given });
const path = () => join(dataDir, 'keys.json');
const textOf = () => readFileSync(path(), 'utf8');

describe('the key chest', () => {
  it('makes the keys of a new folder once, and gives the same again', async () => {
    const made = await open(local('a'));
    expect(Buffer.from(made.keys.database, 'hex')).toHaveLength(32);
    expect([made.keys.rowMac.length, made.keys.signingSeed.length]).toEqual([32, 32]);
    const again = await open(local('a'));
    expect(again.keys.database).toBe(made.keys.database);
    expect(Buffer.from(again.keys.rowMac)).toEqual(Buffer.from(made.keys.rowMac));
    expect(again.ring.currentKekId).toBe(idOf('a'));
    const bytes = Buffer.from('statement');
    expect(again.signer.verifies(bytes, made.signer.sign(bytes))).toBe(true);
    expect(again.keks).toEqual([{ id: idOf('a'), provider: 'file', since: '2026-11-24T10:00:00.000Z', atHand: true }]);
  });

  it('lies in one private file that holds no key in clear', async () => {
    const { keys } = await open(local('a'));
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['keys.json']);
    const secrets = [Buffer.from(keys.database, 'hex'), keys.rowMac, keys.signingSeed, keyOf('a')];
    for (const secret of secrets.map((one) => Buffer.from(one))) {
      for (const form of ['hex', 'base64', 'latin1'] as const) expect(textOf()).not.toContain(secret.toString(form));
    }
  });

  it('refuses another KEK, naming both, and leaves everything as it is', async () => {
    await open(local('a'));
    const before = textOf();
    const message = `the data folder is under the key-encryption key ${idOf('a')} (file); given: ${idOf('b')} (file)`;
    await expect(open(local('b'))).rejects.toMatchObject({ kind: 'wrong-key', message });
    await expect(open(remote('v'))).rejects.toMatchObject({ kind: 'wrong-key' });
    expect(textOf()).toBe(before);
    expect(readdirSync(dataDir)).toEqual(['keys.json']);
  });

  it('never makes keys beside a database, nor where nothing is to be made', async () => {
    await expect(open(local('a'), { makeNothing: true })).rejects.toMatchObject({ kind: 'damaged' });
    writeFileSync(join(dataDir, 'neuroinsight.sqlite'), '');
    const missing = { kind: 'damaged', message: 'keys.json is missing: put it back from a backup' };
    await expect(open(local('a'))).rejects.toMatchObject(missing);
    expect(existsSync(path())).toBe(false);
  });

  it('is refused when it is cut at any place, or says something else', async () => {
    await open(local('a'));
    const text = textOf();
    const refusedText = async (wrong: string): Promise<void> => {
      writeFileSync(path(), wrong);
      const error = await open(local('a')).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(NeuroInsightError);
      expect(['damaged', 'wrong-key']).toContain((error as NeuroInsightError).kind);
    };
    for (let length = 0; length < text.length - 2; length += 17) await refusedText(text.slice(0, length));
    for (const wrong of ['null', '[]', '7', '{}', 'x'.repeat(100_000), `${text}x`]) await refusedText(wrong);
    writeFileSync(path(), text);
    await open(local('a'));
  });

  it('is refused when a value of it was changed, added or swapped', async () => {
    await open(local('a'));
    const file = JSON.parse(textOf());
    const [entry] = file.entries;
    const { database, rowMac, signingSeed } = entry.keys;
    const changes = [
      { ...entry, since: '2020-01-01T00:00:00.000Z' },
      { ...entry, provider: 'environment' },
      { ...entry, kekId: idOf('b') },
      { ...entry, kekId: 'no id' },
      { ...entry, keys: { database: rowMac, rowMac: database, signingSeed } },
      { ...entry, keys: { database, rowMac } },
      {
        ...entry,
        keys: {
          database,
          rowMac,
          signingSeed: signingSeed.replace(/^./, (letter: string) => (letter === 'x' ? 'y' : 'x')),
        },
      },
    ].map((changed) => ({ ...file, entries: [changed] }));
    const others = [
      { ...file, mac: 'AAAA' },
      { ...file, mac: undefined },
      { ...file, entries: [] },
      { ...file, entries: [entry, { ...entry, kekId: idOf('b') }] },
      { ...file, entries: [entry, entry, entry] },
    ];
    for (const changed of [...changes, ...others]) {
      writeFileSync(path(), JSON.stringify(changed));
      const error = await open(local('a')).catch((cause: unknown) => cause);
      expect(['damaged', 'wrong-key']).toContain((error as NeuroInsightError).kind);
    }
    writeFileSync(path(), JSON.stringify({ ...file, format: 'neuroinsight-keys-2' }));
    await expect(open(local('a'))).rejects.toMatchObject({ kind: 'invalid-configuration' });
  });

  it('says by a code why it cannot be read', async () => {
    await open(local('a'));
    rmSync(path());
    mkdirSync(path());
    await expect(open(local('a'))).rejects.toThrow('keys.json cannot be read (EISDIR)');
  });

  it('keeps what a key service wrapped, and asks it for that', async () => {
    const made = await open(remote('v'));
    const again = await open(remote('v'));
    expect(again.keys.database).toBe(made.keys.database);
    await expect(open(remote('other'))).rejects.toMatchObject({ kind: 'wrong-key' });
    await expect(open(remote('v', 'aws-kms'))).rejects.toMatchObject({ kind: 'wrong-key' });
    const down: KekProvider = {
      name: 'vault',
      open: async () => {
        throw new NeuroInsightError('upstream-unavailable', 'Vault cannot be reached');
      },
    };
    await expect(open(down)).rejects.toMatchObject({ kind: 'upstream-unavailable' });
  });

  it('gives the current KEK to be locked away, whole or split', async () => {
    const chest = await open(local('a'));
    expect(readEscrow(chest.escrow())).toEqual({ id: idOf('a'), key: keyOf('a') });
    const shares = chest.escrow({ threshold: 2, count: 3 });
    expect(readEscrow(shares.slice(1)).id).toBe(idOf('a'));
  });
});

describe('the KEK of a key service that is lost', () => {
  it('opens the folder from its escrow copy, and can be given up for another', async () => {
    const chest = await open(remote('v'));
    const { key } = readEscrow(chest.escrow({ threshold: 2, count: 3 }).slice(0, 2));
    const recovered: KekProvider = { name: 'file', open: async () => ({ key }) };
    const opened = await open(recovered);
    expect(opened.keys.database).toBe(chest.keys.database);
    expect(opened.keks).toMatchObject([{ provider: 'vault', atHand: true }]);
    const next = await open(local('b'), { previous: recovered });
    next.keepOnly(idOf('b'));
    expect((await open(local('b'))).keks).toHaveLength(1);
  });
});

describe('the key chest in a rotation', () => {
  it('wraps under the new KEK at once, on the disk under both, until only one is kept', async () => {
    const chest = await open(local('a'));
    const { ring, keys } = chest;
    const before = ring.wrap(keyOf('study'), 'x');
    expect(await chest.beginRotation(local('b'))).toMatchObject({ id: idOf('b'), provider: 'file', atHand: true });
    expect(ring.currentKekId).toBe(idOf('b'));
    expect(Buffer.from(ring.unwrap(before, 'x'))).toEqual(keyOf('study'));
    expect(chest.keks.map(({ id }) => id)).toEqual([idOf('b'), idOf('a')]);
    expect(readEscrow(chest.escrow()).id).toBe(idOf('b'));
    // Killed here, either KEK opens the folder; which keys of studies lie under which is the rotation's to know.
    for (const [name, other] of ['ab', 'ba']) {
      const opened = await open(local(name!));
      expect(opened.keys.database).toBe(keys.database);
      expect(opened.ring.currentKekId).toBe(idOf(name!));
      const atHand = (id: string) => opened.keks.find((kek) => kek.id === id)?.atHand;
      expect([atHand(idOf(name!)), atHand(idOf(other!))]).toEqual([true, false]);
    }
    chest.keepOnly(idOf('b'));
    expect(chest.keks.map(({ id }) => id)).toEqual([idOf('b')]);
    await expect(open(local('a'))).rejects.toMatchObject({ kind: 'wrong-key' });
    expect((await open(local('b'), { previous: local('a') })).keks).toHaveLength(1);
  });

  it('begins at the start with a new KEK and the one before', async () => {
    const { keys } = await open(local('a'));
    const chest = await open(local('b'), { previous: local('a') });
    expect(chest.keys.database).toBe(keys.database);
    expect(chest.keks.map(({ id, atHand }) => [id, atHand])).toEqual([
      [idOf('b'), true],
      [idOf('a'), true],
    ]);
    // And goes on at the next, whichever of the two is called the current one.
    for (const given of [
      { kek: 'b', previous: 'a' },
      { kek: 'a', previous: 'b' },
    ]) {
      const again = await open(local(given.kek), { previous: local(given.previous) });
      expect(again.ring.currentKekId).toBe(idOf('b'));
    }
  });

  it('does not begin where nothing is to be made', async () => {
    await open(local('a'));
    const chest = await open(local('b'), { previous: local('a'), makeNothing: true });
    expect(chest.keks.map(({ id }) => id)).toEqual([idOf('a')]);
    expect(JSON.parse(textOf()).entries).toHaveLength(1);
  });

  it('goes from a file to a key service, from one of its keys to another, and back', async () => {
    const { keys } = await open(local('a'));
    const steps: [KekProvider, KekProvider][] = [
      [remote('v'), local('a')],
      [remote('w'), remote('v')],
      [local('b'), remote('w')],
    ];
    for (const [kek, previous] of steps) {
      const chest = await open(kek, { previous });
      expect(chest.keys.database).toBe(keys.database);
      expect(chest.keks).toHaveLength(2);
      chest.keepOnly(chest.keks[0]!.id);
      expect((await open(kek)).keks).toHaveLength(1);
      await expect(open(previous)).rejects.toMatchObject({ kind: 'wrong-key' });
    }
  });

  it('refuses a third KEK, the same one again, and to forget the one that is needed', async () => {
    const chest = await open(local('a'));
    await expect(chest.beginRotation(local('a'))).rejects.toMatchObject({ kind: 'conflict' });
    await chest.beginRotation(local('b'));
    await expect(chest.beginRotation(local('c'))).rejects.toMatchObject({ kind: 'conflict' });
    await expect(open(local('c'), { previous: local('a') })).rejects.toMatchObject({ kind: 'wrong-key' });
    const onlyOld = await open(local('a'));
    expect(() => onlyOld.keepOnly(idOf('b'))).toThrow('not at hand');
    onlyOld.keepOnly(idOf('a'));
    expect((await open(local('a'))).keks).toHaveLength(1);
    await expect(open(local('b'))).rejects.toMatchObject({ kind: 'wrong-key' });
  });
});

describe('the KEK of development', () => {
  it('is made beside the data folder for a new one, private, and is there the next time', async () => {
    const provider = openDevelopmentKek(dataDir, randomBytes);
    const file = developmentKekPath(dataDir);
    expect(file).toBe(`${dataDir}.kek`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { keys } = await open(provider);
    expect((await open(openDevelopmentKek(dataDir, randomBytes))).keys.database).toBe(keys.database);
  });

  it('is not made where there are keys that it would not open', async () => {
    await open(local('a'));
    await expect(open(openDevelopmentKek(dataDir, randomBytes))).rejects.toMatchObject({
      kind: 'invalid-configuration',
      message: expect.stringContaining('key-encryption key of development'),
    });
    expect(existsSync(developmentKekPath(dataDir))).toBe(false);
  });
});
