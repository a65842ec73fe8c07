import type { Bundle, BundleEntry, OperationOutcome } from '@medplum/fhirtypes';
import { NeuroInsightError, upstreamError } from '../domain/errors.ts';
import type { EhrClient, PeerHttp, PeerResponse } from '../ports/index.ts';

const FHIR_JSON = 'application/fhir+json';
const ANSWER_LIMIT = 64 * 2 ** 20;
const CONFLICT = 409;

/** How a destination takes a result: as one transaction, or as single conditional creates. */
export type EhrProfile = 'transaction' | 'conditional-creates';

/** An EHR over FHIR R4. Only statuses and issue codes of its answers are repeated: the rest may name a patient. */
export function createEhrClient(peer: PeerHttp, profile: EhrProfile): EhrClient {
  return {
    async send(bytes, signal) {
      const bundle: Bundle = JSON.parse(Buffer.from(bytes).toString('utf8'));
      if (profile === 'transaction') await sendTransaction(peer, bytes, signal);
      else await sendEntries(peer, bundle.entry ?? [], signal);
    },
  };
}

async function sendTransaction(peer: PeerHttp, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const headers = { 'content-type': FHIR_JSON, accept: FHIR_JSON, prefer: 'return=minimal' };
  const response = await peer.request('', { method: 'POST', headers, body: bytes, signal });
  const answer = await jsonOf<Bundle>(peer, response);
  if (answer?.resourceType !== 'Bundle' || answer.type !== 'transaction-response') {
    throw new NeuroInsightError('upstream-refused', `${peer.name} answered with no transaction response`);
  }
  const failed = answer.entry?.find(({ response }) => !/^2\d\d/.test(response?.status ?? ''));
  if (failed) {
    throw upstreamError(peer.name, Number.parseInt(failed.response?.status ?? '500', 10) || 500, 'one entry failed');
  }
}

/**
 * Each entry by itself, those without open references first: an EHR without transactions. A conditional create finds
 * what an earlier, interrupted attempt made (R4 3.1.0.8.1), so the whole may be repeated.
 */
async function sendEntries(peer: PeerHttp, entries: readonly BundleEntry[], signal: AbortSignal): Promise<void> {
  const known = new Map<string, string>();
  let waiting = [...entries];
  while (waiting.length > 0) {
    const ready = waiting.filter((entry) => openReferences(entry, entries).every((url) => known.has(url)));
    if (ready.length === 0) {
      throw new NeuroInsightError(
        'upstream-refused',
        `${peer.name} takes single resources, but these refer to each other`,
      );
    }
    for (const entry of ready) known.set(entry.fullUrl!, await createOne(peer, entry, known, signal));
    waiting = waiting.filter((entry) => !ready.includes(entry));
  }
}

function openReferences(entry: BundleEntry, entries: readonly BundleEntry[]): readonly string[] {
  const text = JSON.stringify(entry.resource);
  return entries.flatMap(({ fullUrl }) =>
    fullUrl && fullUrl !== entry.fullUrl && text.includes(`"${fullUrl}"`) ? [fullUrl] : [],
  );
}

async function createOne(
  peer: PeerHttp,
  { resource, request }: BundleEntry,
  known: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<string> {
  const body = JSON.stringify(resource, (_, value: unknown) =>
    typeof value === 'string' ? (known.get(value) ?? value) : value,
  );
  const headers = {
    'content-type': FHIR_JSON,
    accept: FHIR_JSON,
    ...(request?.ifNoneExist === undefined ? {} : { 'if-none-exist': request.ifNoneExist }),
  };
  const type = resource!.resourceType;
  const response = await peer.request(`/${type}`, { method: 'POST', headers, body, signal });
  const location = response.header('location') ?? response.header('content-location') ?? '';
  const created = await jsonOf<{ readonly id?: string }>(peer, response);
  const id = new RegExp(`${type}/([A-Za-z0-9.-]{1,64})`).exec(location)?.[1] ?? created?.id;
  if (id === undefined) {
    throw new NeuroInsightError('upstream-refused', `${peer.name} does not say which ${type} it made`);
  }
  return `${type}/${id}`;
}

/** The answer when it is a success; otherwise the error that its status deserves. */
async function jsonOf<T>(peer: PeerHttp, response: PeerResponse): Promise<T | undefined> {
  const text = await response.text(ANSWER_LIMIT);
  const parsed = parse(text);
  if (response.status >= 200 && response.status < 300) return parsed as T | undefined;
  const codes = (parsed as OperationOutcome | undefined)?.issue?.map(({ code }) => code) ?? [];
  const detail = codes.filter((code) => /^[a-z-]{1,40}$/.test(code)).join(', ');
  const error = upstreamError(peer.name, response.status, detail);
  // Somebody else wrote one of the same resources at the same moment: the next attempt finds it.
  throw response.status === CONFLICT ? new NeuroInsightError('upstream-unavailable', error.message) : error;
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
