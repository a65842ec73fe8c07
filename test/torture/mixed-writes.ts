import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { multipartBody } from '../../src/dicom/multipart-body.ts';
import { smallStudy } from '../harness/small-study.ts';

/** What a client sent in one request, and what it was answered. */
export interface StoredStudy {
  readonly studyInstanceUid: string;
  /** SOPInstanceUIDs as the server answered them. */
  readonly stored: readonly string[];
  /** sha256 (hex) of every file of the request. */
  readonly files: readonly string[];
}

/** One version that the server said it has: the resource as it was sent, without what the server sets. */
export interface WrittenVersion {
  readonly type: string;
  readonly id: string;
  readonly versionId: number;
  readonly content: string | undefined;
}

/** A transaction, by the identifier that all of its resources carry. */
export interface SentTransaction {
  readonly identifier: string;
  readonly resources: number;
}

/** A study with the sha256 of the files of each request that was begun. */
export interface AttemptedStudy {
  readonly studyInstanceUid: string;
  readonly requests: (readonly string[])[];
}

/** Everything that clients were told is stored, and everything that they tried. Only grows. */
export interface Acknowledged {
  readonly stows: StoredStudy[];
  readonly versions: WrittenVersion[];
  readonly attemptedStudies: AttemptedStudy[];
  readonly attemptedTransactions: SentTransaction[];
  /** Answers that were neither success nor a broken connection. */
  readonly refused: string[];
}

export const newRecord = (): Acknowledged => ({
  stows: [],
  versions: [],
  attemptedStudies: [],
  attemptedTransactions: [],
  refused: [],
});

export const IDENTIFIERS = 'urn:neuroinsight:torture';
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A picture of the record as it is now. */
export const copyOf = (record: Acknowledged): Acknowledged => ({
  stows: [...record.stows],
  versions: [...record.versions],
  attemptedStudies: record.attemptedStudies.map((study) => ({ ...study, requests: [...study.requests] })),
  attemptedTransactions: [...record.attemptedTransactions],
  refused: [...record.refused],
});

/** A resource without what the server sets, in one form. */
export function contentOf(resource: Record<string, unknown>): string {
  const { id: _id, meta: _meta, text: _text, ...rest } = resource;
  return JSON.stringify(sorted(rest));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted((value as Record<string, unknown>)[key])]));
}

export interface MixedWrites {
  readonly record: Acknowledged;
  /** Resolves when every client has ended. */
  stop(): Promise<void>;
}

/** Several callers that write without a pause: two send studies, three write resources and transactions. */
export function startMixedWrites(url: string, key: string, seed: string): MixedWrites {
  const record = newRecord();
  let going = true;
  const client = async (step: (n: number) => Promise<void>): Promise<void> => {
    for (let n = 0; going; n++) {
      try {
        await step(n);
      } catch {
        // The server was cut off: nothing was acknowledged.
        await sleep(20);
      }
    }
  };
  const authorization = `Bearer ${key}`;
  const clients = [
    ...[0, 1].map((caller) => client((n) => sendStudy(url, authorization, record, `${seed}-${caller}-${n}`, n))),
    ...[0, 1].map((caller) => client((n) => writeResource(url, authorization, record, `${seed}-${caller}-${n}`, n))),
    client((n) => sendTransaction(url, authorization, record, `${seed}-t-${n}`, n)),
  ];
  return {
    record,
    async stop() {
      going = false;
      await Promise.all(clients);
    },
  };
}

/** 1 to 8 instances, every sixth study of half-mebibyte ones; every third comes in two requests. */
async function sendStudy(
  url: string,
  authorization: string,
  record: Acknowledged,
  seed: string,
  n: number,
): Promise<void> {
  // An image is assembled from two slices or more; those that are over are not sent.
  const wanted = 1 + ((n * 5) % 8);
  const { studyInstanceUid, files: made } = smallStudy(seed, Math.max(2, wanted), n % 6 === 5 ? 512 : 32);
  const files = made.slice(0, wanted);
  const half = n % 3 === 2 ? Math.ceil(files.length / 2) : files.length;
  const attempt: AttemptedStudy = { studyInstanceUid, requests: [] };
  record.attemptedStudies.push(attempt);
  for (const part of [files.slice(0, half), files.slice(half)]) {
    if (part.length === 0) continue;
    const hashes = part.map(sha256);
    attempt.requests.push(hashes);
    const boundary = randomUUID();
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield* part;
    };
    const response = await fetch(`${url}/dicomweb/studies`, {
      method: 'POST',
      headers: {
        authorization,
        'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}`,
        accept: 'application/dicom+json',
      },
      body: ReadableStream.from(multipartBody(body(), boundary)) as ReadableStream<Uint8Array<ArrayBuffer>>,
      duplex: 'half',
    });
    const answer = (await response.json()) as Record<string, { Value?: Record<string, { Value?: string[] }>[] }>;
    const stored = answer['00081199']?.Value ?? [];
    if (response.status !== 200 || stored.length !== part.length) {
      record.refused.push(`STOW ${response.status}`);
      return;
    }
    const uids = stored.map((item) => item['00081155']?.Value?.[0] ?? '');
    record.stows.push({ studyInstanceUid, stored: uids, files: hashes });
  }
}

const patientOf = (tag: string, family: string): Record<string, unknown> => ({
  resourceType: 'Patient',
  identifier: [{ system: IDENTIFIERS, value: tag }],
  name: [{ family, given: ['Torture'] }],
  birthDate: '1955-01-02',
});

async function write(
  url: string,
  authorization: string,
  record: Acknowledged,
  method: string,
  path: string,
  resource?: Record<string, unknown>,
): Promise<{ readonly id: string; readonly versionId: number } | undefined> {
  const response = await fetch(`${url}/fhir/R4/${path}`, {
    method,
    headers: { authorization, 'content-type': 'application/fhir+json' },
    ...(resource === undefined ? {} : { body: JSON.stringify(resource) }),
  });
  const text = await response.text();
  if (!response.ok) {
    record.refused.push(`${method} ${response.status} ${text.slice(0, 200)}`);
    return undefined;
  }
  if (method === 'DELETE') return undefined;
  const { id, meta } = JSON.parse(text) as { id: string; meta: { versionId: string } };
  return { id, versionId: Number(meta.versionId) };
}

/** A patient is made, changed twice, and every fourth is deleted. */
async function writeResource(
  url: string,
  authorization: string,
  record: Acknowledged,
  seed: string,
  n: number,
): Promise<void> {
  const first = patientOf(seed, `Cut${n}`);
  const made = await write(url, authorization, record, 'POST', 'Patient', first);
  if (!made) return;
  record.versions.push({ type: 'Patient', ...made, content: contentOf(first) });
  for (const change of [1, 2]) {
    const next = { ...patientOf(seed, `Cut${n}-${change}`), id: made.id };
    const written = await write(url, authorization, record, 'PUT', `Patient/${made.id}`, next);
    if (written) record.versions.push({ type: 'Patient', ...written, content: contentOf(next) });
  }
  if (n % 4 !== 3) return;
  const before = record.refused.length;
  await write(url, authorization, record, 'DELETE', `Patient/${made.id}`);
  if (record.refused.length === before) {
    record.versions.push({ type: 'Patient', id: made.id, versionId: 4, content: undefined });
  }
}

async function sendTransaction(
  url: string,
  authorization: string,
  record: Acknowledged,
  seed: string,
  n: number,
): Promise<void> {
  const resources = Array.from({ length: 3 + (n % 4) }, (_, k) => patientOf(seed, `Together${k}`));
  record.attemptedTransactions.push({ identifier: seed, resources: resources.length });
  const response = await fetch(`${url}/fhir/R4`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/fhir+json' },
    body: JSON.stringify({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: resources.map((resource) => ({
        fullUrl: `urn:uuid:${randomUUID()}`,
        resource,
        request: { method: 'POST', url: 'Patient' },
      })),
    }),
  });
  const text = await response.text();
  if (!response.ok) {
    record.refused.push(`transaction ${response.status} ${text.slice(0, 200)}`);
    return;
  }
  const { entry } = JSON.parse(text) as { entry: { response: { location: string } }[] };
  for (const [k, { response: part }] of entry.entries()) {
    const [, id, versionId] = /Patient\/([^/]+)\/_history\/(\d+)/.exec(part.location)!;
    const content = contentOf(resources[k]!);
    record.versions.push({ type: 'Patient', id: id!, versionId: Number(versionId), content });
  }
}
