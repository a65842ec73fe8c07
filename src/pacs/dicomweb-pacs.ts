import { randomBytes } from 'node:crypto';
import { api } from 'dicomweb-client';
import { isUid } from '../dicom/dataset.ts';
import { multipartBody } from '../dicom/multipart-body.ts';
import { readMultipart } from '../dicom/multipart-reader.ts';
import { NeuroInsightError, upstreamError } from '../domain/errors.ts';
import type { JsonDataset, PacsClient, PeerHttp, ReceivedFile, RemoteStudy } from '../ports/index.ts';
import { FetchRequest, PEER_BASE } from './fetch-request.ts';
import { storeOutcomeOf } from './store-response.ts';

const PAGE = 200;
const PAGES_AT_MOST = 500;
const STUDY_INSTANCE_UID = '0020000D';
const MODALITIES_IN_STUDY = '00080061';
const NUMBER_OF_INSTANCES = '00201208';
const ANSWER_LIMIT = 64 * 2 ** 20;
const PARTS_AT_MOST = 200_000;

/** What is used of dicomweb-client, whose own types know neither `request` nor that a search is asynchronous. */
interface StudySearch {
  searchForStudies(options: {
    readonly queryParams: Readonly<Record<string, string | number>>;
    readonly request: { readonly instance: FetchRequest };
  }): Promise<unknown>;
}

export interface PacsLimits {
  /** Bytes of one instance. */
  readonly instanceBytes: number;
}

/** A PACS over DICOMweb: dicomweb-client for QIDO-RS, streams for everything that carries pixels. */
export function createPacsClient(peer: PeerHttp, limits: PacsLimits): PacsClient {
  return {
    findStudies: (from, to, signal) => findStudies(peer, from, to, signal),
    retrieveStudy: (studyInstanceUid, signal) => retrieveStudy(peer, studyInstanceUid, limits, signal),
    store: (studyInstanceUid, instances, signal) => store(peer, studyInstanceUid, instances, signal),
  };
}

/** PS3.18 10.6. A server that does not know `offset` answers the same page again: that ends the search too. */
async function findStudies(peer: PeerHttp, from: string, to: string, signal: AbortSignal): Promise<RemoteStudy[]> {
  const found = new Map<string, RemoteStudy>();
  for (let page = 0; page < PAGES_AT_MOST; page++) {
    const rows = await query(peer, signal, {
      StudyDate: `${from}-${to}`,
      ModalitiesInStudy: 'MR',
      includefield: NUMBER_OF_INSTANCES,
      limit: PAGE,
      offset: page * PAGE,
    });
    const before = found.size;
    for (const row of rows) {
      const study = remoteStudy(row);
      if (study) found.set(study.studyInstanceUid, study);
    }
    if (rows.length < PAGE || found.size === before) break;
  }
  return [...found.values()];
}

async function query(
  peer: PeerHttp,
  signal: AbortSignal,
  queryParams: Readonly<Record<string, string | number>>,
): Promise<readonly JsonDataset[]> {
  const client = new api.DICOMwebClient({
    url: PEER_BASE,
    verbose: false,
    singlepart: false,
  }) as unknown as StudySearch;
  const instance = new FetchRequest(peer, signal);
  const answer = await client.searchForStudies({ queryParams, request: { instance } }).catch(() => {
    throw instance.failure ?? upstreamError(peer.name, instance.status, 'to a search for studies');
  });
  if (!Array.isArray(answer)) {
    throw new NeuroInsightError('upstream-refused', `${peer.name} answered a search for studies with no list`);
  }
  return answer as JsonDataset[];
}

/** What a row says of one study; one without a usable UID is nothing that could be retrieved. */
function remoteStudy(row: JsonDataset): RemoteStudy | undefined {
  const studyInstanceUid = row[STUDY_INSTANCE_UID]?.Value?.[0];
  if (typeof studyInstanceUid !== 'string' || !isUid(studyInstanceUid)) return undefined;
  const modalities = row[MODALITIES_IN_STUDY]?.Value ?? [];
  const count = Number(row[NUMBER_OF_INSTANCES]?.Value?.[0] ?? 0);
  return {
    studyInstanceUid,
    numberOfInstances: Number.isSafeInteger(count) && count >= 0 ? count : 0,
    modalities: modalities.filter((value) => typeof value === 'string'),
  };
}

/** PS3.18 10.4, as stored: the archive takes every transfer syntax, so nothing is transcoded on the way. */
async function* retrieveStudy(
  peer: PeerHttp,
  studyInstanceUid: string,
  { instanceBytes }: PacsLimits,
  signal: AbortSignal,
): AsyncGenerator<ReceivedFile> {
  const headers = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
  const response = await peer.request(`/studies/${studyInstanceUid}`, { method: 'GET', headers, signal });
  if (response.status !== 200) {
    for await (const _ of response.body) break;
    throw upstreamError(peer.name, response.status, 'to the retrieval of a study');
  }
  const boundary = boundaryOf(response.header('content-type') ?? '');
  if (boundary === undefined) {
    for await (const _ of response.body) break;
    throw new NeuroInsightError('upstream-refused', `${peer.name} answered a retrieval with no multipart body`);
  }
  const limits = { partBytes: instanceBytes, parts: PARTS_AT_MOST, bytes: Number.MAX_SAFE_INTEGER };
  for await (const part of readMultipart(response.body, boundary, limits)) yield 'refused' in part ? part : part.body;
}

/** RFC 2046 5.1.1; the value may be quoted. */
function boundaryOf(contentType: string): string | undefined {
  if (!/^multipart\/related\b/i.test(contentType)) return undefined;
  const match = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType);
  return match?.[1] ?? match?.[2];
}

/** PS3.18 10.5, one request for all instances. An instance that the PACS has already counts as held. */
async function store(
  peer: PeerHttp,
  studyInstanceUid: string,
  instances: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const boundary = randomBytes(16).toString('hex');
  const headers = {
    'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}`,
    accept: 'application/dicom+json',
  };
  const body = multipartBody(instances, boundary);
  const response = await peer.request(`/studies/${studyInstanceUid}`, { method: 'POST', headers, body, signal });
  const text = await response.text(ANSWER_LIMIT);
  if (response.status !== 200 && response.status !== 202 && response.status !== 409) {
    throw upstreamError(peer.name, response.status, 'to a store request');
  }
  const { held, failures } = storeOutcomeOf(text);
  const [reason] = failures;
  if (reason !== undefined) {
    const passing = reason >= 0xa700 && reason <= 0xa7ff;
    throw new NeuroInsightError(
      passing ? 'upstream-unavailable' : 'upstream-refused',
      `${peer.name} did not store ${failures.length} instances, failure reason ${reason.toString(16).padStart(4, '0')}`,
    );
  }
  if (response.status === 409 && held.length === 0)
    throw upstreamError(peer.name, response.status, 'to a store request');
  return held;
}
