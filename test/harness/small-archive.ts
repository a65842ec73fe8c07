import { createHash } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import Koa from 'koa';
import { DEFAULT_STORE_LIMITS } from '../../src/archive/store-limits.ts';
import { readDicom } from '../../src/dicom/file.ts';
import { decodeCompressed } from '../../src/dicom/frame-codecs.ts';
import { frameSpansOf } from '../../src/dicom/frame-spans.ts';
import { indexAttributesOf } from '../../src/dicom/index-attributes.ts';
import { instanceHeaderOf } from '../../src/dicom/instance.ts';
import { jsonOf } from '../../src/dicom/json.ts';
import { NeuroInsightError, rowFor } from '../../src/domain/errors.ts';
import type { AppRouter, AppState } from '../../src/http/context.ts';
import type {
  Access,
  AuditTrail,
  BlobLocation,
  BlobStore,
  DicomIndex,
  DicomMatch,
  DicomMatchRow,
  DicomQuery,
  FrameDecoder,
  InstanceRow,
  Principal,
} from '../../src/ports/index.ts';

export const PUBLIC_URL = 'https://neuro.example.org';

export const principalWith = (scopes: string, site = 'main'): Principal => ({
  kind: 'api-key',
  id: 'key-1',
  name: 'bench',
  site,
  scopes,
  address: '192.0.2.1',
});

/** For routes that are not asked to store anything. */
export const NO_STORE = {
  store: { store: async () => Promise.reject(new Error('nothing is stored here')) },
  publicUrl: PUBLIC_URL,
  limits: DEFAULT_STORE_LIMITS,
};

export interface SmallArchive {
  readonly instances: readonly InstanceRow[];
  readonly index: Pick<DicomIndex, 'query' | 'instances'>;
  readonly blobs: Pick<BlobStore, 'read'>;
  readonly audit: AuditTrail;
  /** In this thread. */
  readonly decoder: Pick<FrameDecoder, 'decode'>;
  /** What has been written down, in order. */
  readonly accesses: Access[];
  /** Every read of the blob store. */
  readonly reads: BlobLocation[];
  /** Queries as the index received them. */
  readonly queries: DicomQuery[];
}

/** Files stored in site `main`, in one pack, metadata behind them: just enough of a store to be asked. */
export function smallArchive(files: readonly Uint8Array[]): SmallArchive {
  const pack: Uint8Array[] = [];
  let end = 0;
  const append = (bytes: Uint8Array): BlobLocation => {
    pack.push(bytes);
    end += bytes.length;
    return { pack: 'pack-1', offset: end - bytes.length, length: bytes.length };
  };
  const blobsOf = files.map(append);
  const instances = files.map((bytes, i) => rowOf(bytes, blobsOf[i]!, append));
  const content = Buffer.concat(pack);
  const accesses: Access[] = [];
  const reads: BlobLocation[] = [];
  const queries: DicomQuery[] = [];
  return {
    instances,
    accesses,
    reads,
    queries,
    decoder: { decode: decodeCompressed },
    index: {
      query: async (site, query) => {
        queries.push(query);
        return site === 'main' ? answer(instances, query) : [];
      },
      instances: async (site, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }) =>
        instances.filter(
          (row) =>
            site === 'main' &&
            row.studyInstanceUid === studyInstanceUid &&
            (seriesInstanceUid === undefined || row.seriesInstanceUid === seriesInstanceUid) &&
            (sopInstanceUid === undefined || row.sopInstanceUid === sopInstanceUid),
        ),
    },
    blobs: {
      read: async (location, range, into) => {
        reads.push(location);
        const all = content.subarray(location.offset, location.offset + location.length);
        const wanted = range ? all.subarray(range[0], range[1] + 1) : all;
        if (!into || into.length < wanted.length) return wanted;
        into.set(wanted);
        return into.subarray(0, wanted.length);
      },
    },
    audit: {
      rowOf: () => {
        throw new Error('a read writes no commit of its own');
      },
      record: async (access) => {
        accesses.push(access);
      },
    },
  };
}

function rowOf(bytes: Uint8Array, blob: BlobLocation, append: (bytes: Uint8Array) => BlobLocation): InstanceRow {
  const file = readDicom(bytes);
  const header = instanceHeaderOf(file);
  const json = jsonOf(file, { bulkDataUri: (place) => `bulkdata/${place}` });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return {
    studyInstanceUid: header.study.studyInstanceUid,
    seriesInstanceUid: header.series.seriesInstanceUid,
    sopInstanceUid: header.sopInstanceUid,
    sopClassUid: header.sopClassUid,
    transferSyntaxUid: header.transferSyntaxUid,
    instanceNumber: header.instanceNumber,
    ...indexAttributesOf(file),
    blob,
    metadata: append(gzipSync(JSON.stringify(json))),
    frames: frameSpansOf(file),
    receivedSha256: sha256,
    storedSha256: sha256,
    receivedAt: '2026-01-01T00:00:00Z',
    receivedFrom: 'key-1',
    isSource: true,
  };
}

/** Matches UIDs only: what the conditions mean is tested where they are compiled, and at the stores. */
function answer(instances: readonly InstanceRow[], { level, where, limit, offset }: DicomQuery): DicomMatchRow[] {
  const holds = (row: InstanceRow, match: DicomMatch): boolean => {
    if (match.kind !== 'uid') return true;
    const uids: Readonly<Record<string, string>> = {
      StudyInstanceUID: row.studyInstanceUid,
      SeriesInstanceUID: row.seriesInstanceUid,
      SOPInstanceUID: row.sopInstanceUid,
    };
    return match.anyOf.includes(uids[match.keyword] ?? '');
  };
  const found = new Map<string, DicomMatchRow>();
  for (const row of instances.filter((one) => where.every((match) => holds(one, match)))) {
    const ofStudy = instances.filter((one) => one.studyInstanceUid === row.studyInstanceUid);
    const ofSeries = ofStudy.filter((one) => one.seriesInstanceUid === row.seriesInstanceUid);
    const keys = { study: row.studyInstanceUid, series: row.seriesInstanceUid, instance: row.sopInstanceUid };
    if (found.has(keys[level])) continue;
    found.set(keys[level], {
      studyInstanceUid: row.studyInstanceUid,
      ...(level !== 'study' && { seriesInstanceUid: row.seriesInstanceUid }),
      ...(level === 'instance' && { sopInstanceUid: row.sopInstanceUid }),
      attributes: row.attributes,
      modalitiesInStudy: ['MR'],
      numberOfStudyRelatedSeries: new Set(ofStudy.map((one) => one.seriesInstanceUid)).size,
      numberOfStudyRelatedInstances: ofStudy.length,
      ...(level !== 'study' && { numberOfSeriesRelatedInstances: ofSeries.length }),
    });
  }
  return [...found.values()].slice(offset, offset + limit);
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface RunningRouter {
  readonly port: number;
  ask(
    path: string,
    options?: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<Answer>;
  close(): Promise<void>;
}

/** Serves a router on loopback to one principal; errors answer with the status and the text of their kind. */
export async function serveRouter(router: AppRouter, principal: Principal): Promise<RunningRouter> {
  const app = new Koa<AppState>();
  app.silent = true;
  app.use(async (ctx, next) => {
    ctx.state.principal = principal;
    try {
      await next();
    } catch (error) {
      ctx.status = rowFor(error).status;
      ctx.body = error instanceof NeuroInsightError ? `${error.kind}: ${error.message}` : 'defect';
    }
  });
  app.use(router.routes() as unknown as Parameters<typeof app.use>[0]);
  const server: Server = createServer(app.callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    ask: (path, { method = 'GET', headers = {} } = {}) =>
      new Promise((resolve, reject) => {
        const sent = httpRequest({ port, path, method, headers, agent: false }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
          });
        });
        sent.on('error', reject);
        sent.end();
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

export interface ReadPart {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Splits a multipart body by the boundary of its Content-Type, strictly: anything out of place throws. */
export function partsOf({ headers, body }: Answer): readonly ReadPart[] {
  const boundary = /; boundary=(\S+)$/.exec(headers['content-type'] ?? '')?.[1];
  if (boundary === undefined) throw new Error('no boundary');
  const text = `\r\n${body.toString('latin1')}`;
  const pieces = text.split(`\r\n--${boundary}`);
  if (pieces[0] !== '' || pieces.at(-1) !== '--\r\n') throw new Error('no clean beginning or end');
  return pieces.slice(1, -1).map((piece) => {
    const end = piece.indexOf('\r\n\r\n');
    const lines = piece.slice(2, end).split('\r\n');
    return {
      headers: Object.fromEntries(lines.map((line) => [line.split(': ')[0]!.toLowerCase(), line.split(': ')[1]!])),
      body: Buffer.from(piece.slice(end + 4), 'latin1'),
    };
  });
}
