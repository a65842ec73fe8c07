import { requirePermission } from '../access/scopes.ts';
import { isUid } from '../dicom/dataset.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { inTurns } from '../domain/in-turns.ts';
import type {
  AuditTrail,
  BlobStore,
  DicomIndex,
  FrameDecoder,
  GreyPicture,
  InstanceRow,
  InstanceSelector,
  JsonDataset,
  Principal,
  QueryLevel,
} from '../ports/index.ts';
import { createInflations, type Inflations } from './inflations.ts';
import { answerOf } from './queries-answer.ts';
import { parseSearch, type QueryPath } from './queries-request.ts';
import { findInstances, outcomeOf, startReading } from './retrieve.ts';
import { createReadBuffers, type ReadBuffers } from './retrieve-buffers.ts';
import { bulkDataAt } from './retrieve-bulkdata.ts';
import { decodedFrames, type Parts, storedFrames } from './retrieve-frames.ts';
import { metadataChunks } from './retrieve-metadata.ts';
import { READ_BYTES, readInOrder } from './retrieve-pieces.ts';
import { renderFrame, type Window } from './retrieve-rendered.ts';

export interface ArchiveDeps {
  readonly index: Pick<DicomIndex, 'query' | 'instances'>;
  readonly blobs: Pick<BlobStore, 'read'>;
  readonly audit: AuditTrail;
  /** Of compressed frames that are asked for decompressed. */
  readonly decoder: Pick<FrameDecoder, 'decode'>;
  /** As clients reach the server, without a slash at the end: https://neuro.example.org. */
  readonly publicUrl: string;
}

/** What those need that look into files. */
interface Opening extends ArchiveDeps {
  readonly inflations: Inflations;
}

/** Made in one turn of the event loop; some milliseconds. */
const ANSWERS_A_TURN = 250;
/** For four replies at once; a fifth makes its own. */
const KEPT_BUFFERS = 16;

export type QueryParameters = readonly (readonly [string, string])[];

export interface SearchAnswer {
  /** DICOM JSON Model, one a match. */
  readonly answers: readonly JsonDataset[];
  /** There is more than this page; `limitIsOurs` when the client did not ask for so few. */
  readonly more: boolean;
  readonly limitIsOurs: boolean;
}

/** What may be sent. Each `open` waits for the audit trail and for the first bytes: an error still has a status line. */
export interface Retrieval {
  readonly instances: readonly InstanceRow[];
  /** Hexadecimal; changes with any stored byte. */
  readonly digest: string;
  /** For an answer without a body: resolves when the access is written down. */
  audited(): Promise<void>;
}

export interface InstancesRetrieval extends Retrieval {
  /** Part 10 files as stored, one part an instance. */
  open(): Promise<Parts>;
}

export interface MetadataRetrieval extends Retrieval {
  /** One JSON array in UTF-8. */
  open(): Promise<AsyncGenerator<Uint8Array>>;
}

export interface FramesRetrieval extends Retrieval {
  readonly instance: InstanceRow;
  /** `stored` as they lie in the file, `decoded` as little endian samples. Frame numbers from 1. */
  open(numbers: readonly number[], as: 'stored' | 'decoded'): Promise<Parts>;
}

export interface BulkDataRetrieval extends Retrieval {
  open(): Promise<Uint8Array>;
}

export interface RenderedRetrieval extends Retrieval {
  /** Decodes one frame of the image. @throws what `renderFrame` throws. */
  open(frameNumber: number, window: Window | undefined): Promise<GreyPicture>;
}

/** QIDO-RS and WADO-RS without HTTP: every access decided, written down and answered for one site. */
export interface Archive {
  /** Base of the DICOMweb service. */
  readonly serviceUrl: string;
  searchStudies(principal: Principal, parameters: QueryParameters): Promise<SearchAnswer>;
  searchSeries(principal: Principal, path: QueryPath, parameters: QueryParameters): Promise<SearchAnswer>;
  searchInstances(principal: Principal, path: QueryPath, parameters: QueryParameters): Promise<SearchAnswer>;
  retrieve(principal: Principal, selector: InstanceSelector): Promise<InstancesRetrieval>;
  metadata(principal: Principal, selector: InstanceSelector): Promise<MetadataRetrieval>;
  frames(principal: Principal, selector: Required<InstanceSelector>): Promise<FramesRetrieval>;
  bulkData(principal: Principal, selector: Required<InstanceSelector>, tagPath: string): Promise<BulkDataRetrieval>;
  /** The instance, or the image in the middle of a series or a study. */
  rendered(principal: Principal, selector: InstanceSelector): Promise<RenderedRetrieval>;
}

/**
 * Every method throws forbidden, invalid-request and, but for searches, not-found; a study of another site is not found.
 * Every access is in the audit trail, what came to nothing too; a principal without the scope is written down by its door.
 */
export function createArchive(deps: ArchiveDeps): Archive {
  const buffers = createReadBuffers(READ_BYTES, KEPT_BUFFERS);
  const opening: Opening = { ...deps, inflations: createInflations() };
  const serviceUrl = `${deps.publicUrl}/dicomweb`;
  return {
    serviceUrl,
    searchStudies: (principal, parameters) => search(deps, serviceUrl, principal, 'study', {}, parameters),
    searchSeries: (principal, path, parameters) => search(deps, serviceUrl, principal, 'series', path, parameters),
    searchInstances: (principal, path, parameters) => search(deps, serviceUrl, principal, 'instance', path, parameters),
    retrieve: (principal, selector) => retrieve(deps, buffers, principal, selector),
    metadata: (principal, selector) => metadata(deps, serviceUrl, principal, selector),
    frames: (principal, selector) => frames(opening, buffers, principal, selector),
    bulkData: (principal, selector, tagPath) => bulkData(opening, principal, selector, tagPath),
    rendered: (principal, selector) => rendered(opening, principal, selector),
  };
}

async function search(
  { index, audit }: ArchiveDeps,
  serviceUrl: string,
  principal: Principal,
  level: QueryLevel,
  path: QueryPath,
  parameters: QueryParameters,
): Promise<SearchAnswer> {
  const { studyInstanceUid: study } = path;
  const access = {
    principal,
    action: 'E',
    interaction: 'dicomweb/qido',
    entities: study !== undefined && isUid(study) ? [`urn:oid:${study}`] : [],
    query: new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value])).toString(),
  } as const;
  requirePermission(principal, 's', 'ImagingStudy');
  try {
    const { query, include, limitIsOurs } = parseSearch(level, path, parameters);
    // One more than is sent tells whether there is more.
    const asked = { ...query, limit: query.limit + 1 };
    const [rows] = await Promise.all([index.query(principal.site, asked), audit.record(access)]);
    const options = {
      level,
      include,
      serviceUrl,
      studyIsFixed: study !== undefined,
      seriesIsFixed: path.seriesInstanceUid !== undefined,
    };
    const answers = await inTurns(rows.slice(0, query.limit), ANSWERS_A_TURN, (row) => answerOf(row, options));
    return { answers, more: rows.length > query.limit, limitIsOurs };
  } catch (error) {
    // What was refused before it ran has no row yet.
    if (error instanceof NeuroInsightError) await audit.record({ ...access, ...outcomeOf(error) });
    throw error;
  }
}

async function retrieve(
  deps: ArchiveDeps,
  buffers: ReadBuffers,
  principal: Principal,
  selector: InstanceSelector,
): Promise<InstancesRetrieval> {
  const { instances, digest, audited } = await findInstances(deps, principal, selector);
  const locations = instances.map(({ blob }) => blob);
  return {
    instances,
    digest,
    audited: () => audited,
    open: async () => ({
      count: instances.length,
      lengths: locations.map(({ length }) => length),
      pieces: await startReading(readInOrder(deps.blobs, locations, buffers), audited),
    }),
  };
}

async function metadata(
  deps: ArchiveDeps,
  serviceUrl: string,
  principal: Principal,
  selector: InstanceSelector,
): Promise<MetadataRetrieval> {
  const { instances, digest, audited } = await findInstances(deps, principal, selector);
  return {
    instances,
    digest,
    audited: () => audited,
    open: () => startReading(metadataChunks(deps.blobs, instances, serviceUrl), audited),
  };
}

async function frames(
  deps: Opening,
  buffers: ReadBuffers,
  principal: Principal,
  selector: Required<InstanceSelector>,
): Promise<FramesRetrieval> {
  const { instances, digest, audited } = await findInstances(deps, principal, selector);
  const instance = instances[0]!;
  return {
    instances,
    instance,
    digest,
    audited: () => audited,
    open: async (numbers, as) => {
      const decode = as === 'decoded';
      const parts = decode
        ? await decodedFrames(deps, instance, numbers)
        : storedFrames(deps.blobs, instance, numbers, buffers);
      return { ...parts, pieces: await startReading(parts.pieces, audited) };
    },
  };
}

async function bulkData(
  deps: Opening,
  principal: Principal,
  selector: Required<InstanceSelector>,
  tagPath: string,
): Promise<BulkDataRetrieval> {
  const { instances, digest, audited } = await findInstances(deps, principal, selector);
  return {
    instances,
    digest,
    audited: () => audited,
    open: async () => {
      const { blob, transferSyntaxUid } = instances[0]!;
      const [bytes] = await Promise.all([deps.blobs.read(blob), audited]);
      return deps.inflations.run(transferSyntaxUid, () => bulkDataAt(bytes, tagPath));
    },
  };
}

async function rendered(deps: Opening, principal: Principal, selector: InstanceSelector): Promise<RenderedRetrieval> {
  const { instances, audited } = await findInstances(deps, principal, selector);
  const images = instances.filter(({ frames: own }) => own.length > 0);
  const image = images[images.length >> 1] ?? instances[0]!;
  return {
    instances,
    digest: image.storedSha256,
    audited: () => audited,
    open: async (frameNumber, window) => {
      const [bytes] = await Promise.all([deps.blobs.read(image.blob), audited]);
      return deps.inflations.run(image.transferSyntaxUid, () => renderFrame(bytes, frameNumber, window, deps.decoder));
    },
  };
}
