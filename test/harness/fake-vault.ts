import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { type FakeKeyService, type KeyServiceAnswer, openKeyService } from './fake-key-service.ts';

export const VAULT_TOKEN = 'hvs.token-of-the-tests';
export const VAULT_ROLE = { roleId: 'role-1', secretId: 'secret-1', token: 'hvs.token-of-the-role' };

const keyOf = (name: string): Buffer => createHash('sha256').update(`vault ${name}`).digest();
const refused = (status: number, message: string): KeyServiceAnswer => ({ status, body: { errors: [message] } });

/** The part of Vault's HTTP interface that a KEK needs: login by AppRole, Transit encrypt and decrypt, per key name. */
export function openFakeVault(): Promise<FakeKeyService> {
  return openKeyService(({ method, path, headers, body }) => {
    if (method !== 'POST') return refused(405, 'unsupported operation');
    const given = JSON.parse(body) as Readonly<Record<string, string>>;
    if (path === '/v1/auth/approle/login') {
      const known = given.role_id === VAULT_ROLE.roleId && given.secret_id === VAULT_ROLE.secretId;
      return known ? { status: 200, body: { auth: { client_token: VAULT_ROLE.token } } } : refused(400, 'invalid role');
    }
    const { action, key } = /^\/v1\/transit\/(?<action>encrypt|decrypt)\/(?<key>[\w-]+)$/.exec(path)?.groups ?? {};
    if (!action || !key) return refused(404, 'no handler for route');
    if (![VAULT_TOKEN, VAULT_ROLE.token].includes(headers['x-vault-token']!)) return refused(403, 'permission denied');
    if (action === 'encrypt') return { status: 200, body: { data: { ciphertext: sealed(key, given.plaintext!) } } };
    try {
      return { status: 200, body: { data: { plaintext: opened(key, given.ciphertext!) } } };
    } catch {
      return refused(400, 'cipher: message authentication failed');
    }
  });
}

function sealed(key: string, plaintext: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyOf(key), nonce);
  const parts = [nonce, cipher.update(Buffer.from(plaintext, 'base64')), cipher.final(), cipher.getAuthTag()];
  return `vault:v1:${Buffer.concat(parts).toString('base64')}`;
}

function opened(key: string, ciphertext: string): string {
  const bytes = Buffer.from(ciphertext.slice('vault:v1:'.length), 'base64');
  const decipher = createDecipheriv('aes-256-gcm', keyOf(key), bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('base64');
}
