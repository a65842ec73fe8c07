import { NeuroInsightError } from '../../../domain/errors.ts';
import type { KekProvider, VaultSettings } from './kek-provider.ts';
import { callRemote, kekOf, type RemoteLimits, requireConfidential, textAt } from './remote-call.ts';
import { badSetting, readSecretFile } from './secret-text.ts';

const PEER = 'Vault';
const SEGMENT = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/**
 * HashiCorp Vault's Transit engine (and OpenBao's, which speaks the same) wraps a KEK that is made here. Needed of the
 * policy: `update` on MOUNT/encrypt/KEY and MOUNT/decrypt/KEY.
 */
export function vaultKek(
  settings: VaultSettings,
  { random, limits }: { readonly random: (bytes: number) => Uint8Array; readonly limits: RemoteLimits },
): KekProvider {
  const base = requireConfidential(settings.url, 'vaultUrl').href.replace(/\/+$/, '');
  const mount = pathOf(settings.mount, 'vaultMount');
  const name = pathOf(settings.key, 'vaultKey');
  const post = (path: string, body: object, token?: string): Promise<unknown> => {
    const headers = {
      'content-type': 'application/json',
      ...(settings.namespace !== undefined && { 'x-vault-namespace': settings.namespace }),
      ...(token !== undefined && { 'x-vault-token': token }),
    };
    return callRemote(
      {
        peer: PEER,
        url: `${base}/v1/${path}`,
        headers: () => headers,
        body: JSON.stringify(body),
        refusal: (status, answer) => (path.includes('/decrypt/') ? foreign(status, answer) : undefined),
      },
      limits,
    );
  };
  const login = async (): Promise<string> => {
    const { login: how } = settings;
    if (how.kind === 'token') return readSecretFile(how.tokenFile, how.setting);
    const secret = { role_id: how.roleId, secret_id: readSecretFile(how.secretIdFile, how.setting) };
    return textAt(PEER, await post(`auth/${pathOf(how.mount, how.setting)}/login`, secret), 'auth', 'client_token');
  };
  return {
    name: 'vault',
    async open(stored) {
      const token = await login();
      if (stored !== undefined) {
        const answer = await post(`${mount}/decrypt/${name}`, { ciphertext: stored }, token);
        return { key: kekOf(PEER, textAt(PEER, answer, 'data', 'plaintext')), stored };
      }
      const key = random(32);
      const plaintext = Buffer.from(key).toString('base64');
      const answer = await post(`${mount}/encrypt/${name}`, { plaintext }, token);
      return { key, stored: textAt(PEER, answer, 'data', 'ciphertext') };
    },
  };
}

/** A ciphertext of another key, or a changed one, is answered with 400. */
function foreign(status: number, answer: unknown): NeuroInsightError | undefined {
  const { errors } = (answer ?? {}) as { readonly errors?: unknown };
  const said = Array.isArray(errors) ? errors.join(' ') : '';
  if (status !== 400 || !/message authentication failed|ciphertext|decrypt/i.test(said)) return undefined;
  return new NeuroInsightError('wrong-key', `the key of ${PEER} does not open what was wrapped`);
}

/** Segments of a path, none of which leads elsewhere. */
function pathOf(path: string, setting: string): string {
  const segments = path.replace(/^\/+|\/+$/g, '').split('/');
  if (segments.every((segment) => SEGMENT.test(segment))) return segments.join('/');
  throw badSetting(setting, 'is no name of Vault');
}
