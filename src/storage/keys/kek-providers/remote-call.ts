import { NeuroInsightError, upstreamError } from '../../../domain/errors.ts';
import { badSetting } from './secret-text.ts';

export interface RemoteLimits {
  /** Of one attempt, from the first byte to the last. */
  readonly attemptMilliseconds: number;
  readonly attempts: number;
  readonly wait: (milliseconds: number) => Promise<void>;
}

export const REMOTE_LIMITS: RemoteLimits = {
  attemptMilliseconds: 10_000,
  attempts: 4,
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

export interface RemoteRequest {
  /** How the other end is called in what is said to an administrator. */
  readonly peer: string;
  readonly url: string;
  /** Made anew for each attempt: a signature holds for some minutes only. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly body: string;
  /** What a refusal means; undefined: by its status. `passing`: it is worth another attempt. */
  readonly refusal?: (status: number, answer: unknown) => NeuroInsightError | 'passing' | undefined;
}

const FIRST_WAIT_MILLISECONDS = 200;
const MOST_ANSWER_BYTES = 65_536;

/**
 * Posts JSON and reads JSON, a few times while the other end is busy or cannot be reached. TLS is verified as the
 * process verifies it: NODE_EXTRA_CA_CERTS names further authorities. Redirects are refused, as the secret would go with
 * them.
 *
 * @throws upstream-unavailable, upstream-refused, or what `refusal` makes of an answer.
 */
export async function callRemote(request: RemoteRequest, limits: RemoteLimits): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await callOnce(request, limits.attemptMilliseconds);
    } catch (error) {
      const passing = error instanceof NeuroInsightError && error.kind === 'upstream-unavailable';
      if (!passing || attempt >= limits.attempts) throw error;
    }
    await limits.wait(FIRST_WAIT_MILLISECONDS * 2 ** (attempt - 1));
  }
}

async function callOnce({ peer, url, headers, body, refusal }: RemoteRequest, milliseconds: number): Promise<unknown> {
  let status: number;
  let text: string;
  try {
    const signal = AbortSignal.timeout(milliseconds);
    const response = await fetch(url, { method: 'POST', headers: headers(), body, redirect: 'manual', signal });
    status = response.status;
    text = await textOf(response);
  } catch (cause) {
    if (cause instanceof NeuroInsightError) throw cause;
    const late = (cause as { readonly name?: unknown }).name === 'TimeoutError';
    const message = `${peer} ${late ? 'did not answer in time' : 'cannot be reached'}`;
    throw new NeuroInsightError('upstream-unavailable', message, { cause });
  }
  const answer = jsonOf(text);
  if (status === 200 && answer !== undefined) return answer;
  if (status === 200)
    throw new NeuroInsightError('upstream-refused', `${peer} answered with something that is no JSON`);
  const meaning = refusal?.(status, answer);
  if (meaning === 'passing') throw new NeuroInsightError('upstream-unavailable', `${peer} is busy`);
  throw meaning ?? upstreamError(peer, status);
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > MOST_ANSWER_BYTES)
      throw new NeuroInsightError('upstream-refused', 'the key service answered too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A text at a place in an answer. @throws upstream-refused */
export function textAt(peer: string, answer: unknown, ...path: readonly string[]): string {
  let value = answer;
  for (const name of path) value = (value as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new NeuroInsightError('upstream-refused', `${peer} answered without ${path.join('.')}`);
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** @throws invalid-configuration for http beyond this machine: the KEK would cross the network in clear. */
export function requireConfidential(url: string, setting: string): URL {
  if (!URL.canParse(url)) throw badSetting(setting, 'is no URL');
  const parsed = new URL(url);
  if (parsed.protocol === 'https:' || (parsed.protocol === 'http:' && LOOPBACK.test(parsed.hostname))) return parsed;
  throw badSetting(setting, 'must be an https URL');
}

/** 32 bytes of a KEK as a key service gives them back. */
export function kekOf(peer: string, base64: string): Uint8Array {
  const key = Buffer.from(base64, 'base64');
  if (key.length === 32) return key;
  throw new NeuroInsightError('wrong-key', `${peer} gave back something that is no key-encryption key`);
}
