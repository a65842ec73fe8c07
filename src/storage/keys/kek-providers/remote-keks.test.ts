import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FakeKeyService } from '../../../../test/harness/fake-key-service.ts';
import { KMS_CREDENTIALS, openFakeKms } from '../../../../test/harness/fake-kms.ts';
import { openFakeVault, VAULT_ROLE, VAULT_TOKEN } from '../../../../test/harness/fake-vault.ts';
import type { AwsKmsSettings, KeySettings, VaultSettings } from './kek-provider.ts';
import { kekProviderOf } from './kek-provider-of.ts';

let folder: string;
let service: FakeKeyService;
let waits: number[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keks-'));
  waits = [];
});
afterEach(async () => {
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

function secretFile(text: string, mode = 0o600): string {
  const path = join(folder, `secret-${randomBytes(4).toString('hex')}`);
  writeFileSync(path, text, { mode });
  return path;
}

function opened(settings: KeySettings, environment: NodeJS.ProcessEnv = {}, attemptMilliseconds = 5_000) {
  const limits = { attempts: 3, attemptMilliseconds, wait: async (time: number) => void waits.push(time) };
  return kekProviderOf(settings, { environment, now: () => new Date('2026-11-24T10:00:00Z'), limits });
}

/** What both have to keep, by how they are opened. */
function describeRemote(name: string, make: () => Promise<{ settings: KeySettings; other: KeySettings }>) {
  describe(`${name}, as any key service`, () => {
    it('wraps a KEK that is made here, and gives it back for what it stored', async () => {
      const { settings } = await make();
      const first = await opened(settings).open(undefined);
      expect(first.key).toHaveLength(32);
      const again = await opened(settings).open(first.stored);
      expect(Buffer.from(again.key)).toEqual(Buffer.from(first.key));
      expect(again.stored).toBe(first.stored);
      const second = await opened(settings).open(undefined);
      expect(Buffer.from(second.key).equals(first.key)).toBe(false);
    });

    it('says wrong-key for what another key wrapped, and for what was changed', async () => {
      const { settings, other } = await make();
      const { stored = '' } = await opened(other).open(undefined);
      await expect(opened(settings).open(stored)).rejects.toMatchObject({ kind: 'wrong-key' });
      const own = (await opened(settings).open(undefined)).stored!;
      const middle = own.length - 20;
      const changed = `${own.slice(0, middle)}${own[middle] === 'A' ? 'B' : 'A'}${own.slice(middle + 1)}`;
      await expect(opened(settings).open(changed)).rejects.toMatchObject({ kind: 'wrong-key' });
      expect(waits).toEqual([]);
    });

    it.each([429, 500, 503])('tries again, later each time, while it is answered %d', async (status) => {
      const { settings } = await make();
      service.trouble.fail = { times: 2, answer: { status, body: 'busy' } };
      expect((await opened(settings).open(undefined)).key).toHaveLength(32);
      expect(waits).toEqual([200, 400]);
      service.trouble.fail = { times: 3, answer: { status, body: 'busy' } };
      await expect(opened(settings).open(undefined)).rejects.toMatchObject({ kind: 'upstream-unavailable' });
    });

    it('gives up on one that does not answer, or cannot be reached', async () => {
      const { settings } = await make();
      service.trouble.silent = true;
      const late = { kind: 'upstream-unavailable', message: expect.stringContaining('did not answer in time') };
      await expect(opened(settings, {}, 50).open(undefined)).rejects.toMatchObject(late);
      expect(waits).toHaveLength(2);
      await service.close();
      const gone = { kind: 'upstream-unavailable', message: expect.stringContaining('cannot be reached') };
      await expect(opened(settings).open(undefined)).rejects.toMatchObject(gone);
    });

    it.each([
      ['a redirect', 302, ''],
      ['no JSON', 200, 'hello'],
      ['JSON without what was asked for', 200, { data: { plaintext: 7 } }],
      ['null', 200, 'null'],
      ['an endless text', 200, 'x'.repeat(100_000)],
      ['a refusal', 403, { errors: ['permission denied'], __type: 'AccessDeniedException' }],
    ])('refuses %s without trying again', async (_, status, body) => {
      const { settings } = await make();
      service.trouble.fail = { times: 9, answer: { status, body } };
      await expect(opened(settings).open(undefined)).rejects.toMatchObject({ kind: 'upstream-refused' });
      expect(waits).toEqual([]);
    });

    it('refuses a KEK of another length', async () => {
      const { settings } = await make();
      const { stored } = await opened(settings).open(undefined);
      const short = randomBytes(16).toString('base64');
      service.trouble.fail = {
        times: 1,
        answer: { status: 200, body: { Plaintext: short, data: { plaintext: short } } },
      };
      await expect(opened(settings).open(stored)).rejects.toMatchObject({ kind: 'wrong-key' });
    });

    it('goes over TLS, but on this very machine', async () => {
      const { settings } = await make();
      for (const url of ['http://keys.example', 'http://127.0.0.1.example', 'ftp://keys.example', 'keys']) {
        const message = expect.stringMatching(/^(vaultUrl|awsKmsUrl) /);
        expect(() => opened({ ...settings, url } as KeySettings)).toThrow(expect.objectContaining({ message }));
      }
    });
  });
}

async function vault(given: Partial<VaultSettings> = {}): Promise<VaultSettings> {
  service = await openFakeVault();
  const login = { kind: 'token', tokenFile: secretFile(`${VAULT_TOKEN}\n`), setting: 'keys.vaultTokenFile' } as const;
  return { kind: 'vault', url: `${service.url}/`, mount: 'transit', key: 'neuroinsight', login, ...given };
}

describeRemote('Vault', async () => {
  const settings = await vault();
  return { settings, other: { ...settings, key: 'another' } };
});

describe('Vault', () => {
  it('is sent the token and the namespace, and never the KEK but to be wrapped', async () => {
    const settings = await vault({ namespace: 'hospital' });
    const { stored } = await opened(settings).open(undefined);
    await opened(settings).open(stored);
    const [encrypt, decrypt] = service.requests;
    expect(encrypt).toMatchObject({
      method: 'POST',
      path: '/v1/transit/encrypt/neuroinsight',
      headers: { 'x-vault-token': VAULT_TOKEN, 'x-vault-namespace': 'hospital' },
    });
    expect(JSON.parse(decrypt!.body)).toEqual({ ciphertext: stored });
  });

  it('logs in by AppRole', async () => {
    const settings = await vault();
    const approle = (secret: string): VaultSettings['login'] => ({
      kind: 'approle',
      mount: 'approle',
      roleId: VAULT_ROLE.roleId,
      secretIdFile: secretFile(secret),
      setting: 'keys.vaultSecretIdFile',
    });
    const first = await opened({ ...settings, login: approle(VAULT_ROLE.secretId) }).open(undefined);
    expect(service.requests.at(-1)!.headers['x-vault-token']).toBe(VAULT_ROLE.token);
    expect(first.stored).toMatch(/^vault:v1:/);
    const wrong = opened({ ...settings, login: approle('another') });
    await expect(wrong.open(undefined)).rejects.toMatchObject({ kind: 'upstream-refused' });
  });

  it('is refused a token that others can read, and names that lead elsewhere', async () => {
    const settings = await vault();
    const login = { kind: 'token', tokenFile: secretFile(VAULT_TOKEN, 0o644), setting: 'keys.vaultTokenFile' } as const;
    await expect(opened({ ...settings, login }).open(undefined)).rejects.toThrow(/^keys\.vaultTokenFile .*chmod 600/);
    for (const given of [{ key: '../sys/seal' }, { mount: 'a/../b' }, { key: 'a?b' }, { mount: '' }, { key: 'a b' }]) {
      expect(() => opened({ ...settings, ...given })).toThrow('is no name of Vault');
    }
    expect(service.requests).toEqual([]);
  });

  it('keeps a wrong token apart from a wrong key', async () => {
    const settings = await vault();
    const { stored } = await opened(settings).open(undefined);
    const login = { kind: 'token', tokenFile: secretFile('hvs.another'), setting: 'keys.vaultTokenFile' } as const;
    await expect(opened({ ...settings, login }).open(stored)).rejects.toMatchObject({ kind: 'upstream-refused' });
  });
});

async function kms(given: Partial<AwsKmsSettings> = {}): Promise<AwsKmsSettings> {
  service = await openFakeKms();
  return {
    kind: 'aws-kms',
    keyId: 'alias/neuroinsight',
    region: 'eu-central-1',
    url: service.url,
    credentialsFile: secretFile(JSON.stringify(KMS_CREDENTIALS)),
    setting: 'keys.awsCredentialsFile',
    ...given,
  };
}

describeRemote('AWS KMS', async () => {
  const settings = await kms();
  return { settings, other: { ...settings, keyId: 'alias/another' } };
});

describe('AWS KMS', () => {
  it('takes the credentials of the environment out of it', async () => {
    const { credentialsFile: _, ...settings } = await kms();
    const environment: NodeJS.ProcessEnv = {
      AWS_ACCESS_KEY_ID: KMS_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KMS_CREDENTIALS.secretAccessKey,
      AWS_SESSION_TOKEN: KMS_CREDENTIALS.sessionToken,
    };
    const provider = opened(settings, environment);
    expect(environment).toEqual({});
    expect((await provider.open(undefined)).key).toHaveLength(32);
    expect(() => opened(settings, environment)).toThrow('AWS_ACCESS_KEY_ID gives no accessKeyId');
  });

  it('is refused with another secret, and with credentials that are none', async () => {
    const settings = await kms();
    const wrong = { ...KMS_CREDENTIALS, secretAccessKey: 'another' };
    const forged = opened({ ...settings, credentialsFile: secretFile(JSON.stringify(wrong)) });
    const refused = { kind: 'upstream-refused', message: 'AWS KMS answered 400: InvalidSignatureException' };
    await expect(forged.open(undefined)).rejects.toMatchObject(refused);
    for (const text of ['', 'not json', '[]', 'null', '{"accessKeyId":"a"}', '{"accessKeyId":1,"secretAccessKey":2}']) {
      const bad = opened({ ...settings, credentialsFile: secretFile(text) });
      await expect(bad.open(undefined)).rejects.toThrow(/^keys\.awsCredentialsFile /);
    }
  });

  it('tries again when it is throttled, which it tells with 400', async () => {
    const settings = await kms();
    service.trouble.fail = { times: 1, answer: { status: 400, body: { __type: 'ThrottlingException' } } };
    expect((await opened(settings).open(undefined)).key).toHaveLength(32);
    expect(waits).toEqual([200]);
  });

  it('binds what it wraps to being a KEK of this software', async () => {
    const settings = await kms();
    await opened(settings).open(undefined);
    expect(JSON.parse(service.requests[0]!.body)).toMatchObject({
      KeyId: 'alias/neuroinsight',
      EncryptionContext: { application: 'neuroinsight', purpose: 'key-encryption-key' },
    });
  });

  it('is that of the region unless another address is given', async () => {
    const { url: _, ...settings } = await kms();
    expect(opened(settings).name).toBe('aws-kms');
    expect(() => opened({ ...settings, region: 'eu central' })).toThrow('awsRegion is no region');
  });
});
