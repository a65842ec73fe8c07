import { NeuroInsightError } from '../../../domain/errors.ts';
import { type AwsCredentials, signAwsRequest } from './aws-signature.ts';
import type { AwsKmsSettings, KekProvider } from './kek-provider.ts';
import { callRemote, kekOf, type RemoteLimits, requireConfidential, textAt } from './remote-call.ts';
import { badSetting, readSecretFile } from './secret-text.ts';

const PEER = 'AWS KMS';

/** Bound to what is wrapped: a policy can demand it, and nothing else that the key wraps passes for a KEK. */
const ENCRYPTION_CONTEXT = { application: 'neuroinsight', purpose: 'key-encryption-key' };

export interface AwsKmsDeps {
  readonly environment: NodeJS.ProcessEnv;
  readonly random: (bytes: number) => Uint8Array;
  readonly now: () => Date;
  readonly limits: RemoteLimits;
}

/** A key of AWS KMS wraps a KEK that is made here. Needed of the policy: kms:Encrypt and kms:Decrypt. */
export function awsKmsKek(settings: AwsKmsSettings, deps: AwsKmsDeps): KekProvider {
  const { keyId, region, url = `https://kms.${region}.amazonaws.com` } = settings;
  if (!/^[a-z0-9-]{1,32}$/.test(region)) throw badSetting('awsRegion', 'is no region');
  const endpoint = requireConfidential(url, 'awsKmsUrl');
  const ofEnvironment = settings.credentialsFile === undefined ? takeCredentials(deps.environment) : undefined;

  const call = (action: 'Encrypt' | 'Decrypt', members: object): Promise<unknown> => {
    const credentials = ofEnvironment ?? readCredentials(settings.credentialsFile, settings.setting);
    const body = JSON.stringify({ KeyId: keyId, EncryptionContext: ENCRYPTION_CONTEXT, ...members });
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${action}` };
    const sign = (): Record<string, string> => {
      const request = { method: 'POST', url: endpoint, headers, body };
      const { host: _, ...signed } = signAwsRequest(request, { region, service: 'kms', credentials, now: deps.now() });
      return signed;
    };
    return callRemote({ peer: PEER, url: endpoint.href, headers: sign, body, refusal }, deps.limits);
  };
  return {
    name: 'aws-kms',
    async open(stored) {
      if (stored !== undefined) {
        const answer = await call('Decrypt', { CiphertextBlob: stored });
        return { key: kekOf(PEER, textAt(PEER, answer, 'Plaintext')), stored };
      }
      const key = deps.random(32);
      const answer = await call('Encrypt', { Plaintext: Buffer.from(key).toString('base64') });
      return { key, stored: textAt(PEER, answer, 'CiphertextBlob') };
    },
  };
}

const PASSING = ['ThrottlingException', 'KMSInternalException', 'DependencyTimeoutException', 'LimitExceededException'];
const FOREIGN = ['InvalidCiphertextException', 'IncorrectKeyException'];

/** KMS tells what is wrong by a name, and with 400 for nearly all of it. */
function refusal(status: number, answer: unknown): NeuroInsightError | 'passing' | undefined {
  const { __type: type } = (answer ?? {}) as { readonly __type?: unknown };
  const name = typeof type === 'string' ? type.slice(type.lastIndexOf('#') + 1) : '';
  if (PASSING.includes(name)) return 'passing';
  if (FOREIGN.includes(name)) {
    return new NeuroInsightError('wrong-key', `the key of ${PEER} does not open what was wrapped`);
  }
  if (!/^[A-Za-z]{1,64}$/.test(name) || status >= 500) return undefined;
  return new NeuroInsightError('upstream-refused', `${PEER} answered ${status}: ${name}`);
}

function takeCredentials(environment: NodeJS.ProcessEnv): AwsCredentials {
  const take = (name: string): string | undefined => {
    const value = environment[name];
    delete environment[name];
    return value;
  };
  return credentialsOf(
    {
      accessKeyId: take('AWS_ACCESS_KEY_ID'),
      secretAccessKey: take('AWS_SECRET_ACCESS_KEY'),
      sessionToken: take('AWS_SESSION_TOKEN'),
    },
    'AWS_ACCESS_KEY_ID',
  );
}

function readCredentials(path: string | undefined, setting: string): AwsCredentials {
  let given: unknown;
  const text = readSecretFile(path ?? '', setting);
  try {
    given = JSON.parse(text);
  } catch {
    // The message of the parser would quote the file.
    throw badSetting(setting, 'names a file that is no JSON');
  }
  return credentialsOf(given, setting);
}

function credentialsOf(given: unknown, setting: string): AwsCredentials {
  const { accessKeyId, secretAccessKey, sessionToken } = (given ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string' || !accessKeyId || !secretAccessKey) {
    throw badSetting(setting, 'gives no accessKeyId and secretAccessKey');
  }
  return { accessKeyId, secretAccessKey, ...(typeof sessionToken === 'string' && sessionToken && { sessionToken }) };
}
