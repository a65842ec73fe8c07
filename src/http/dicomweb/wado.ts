import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Archive } from '../../archive/queries.ts';
import type { Parts } from '../../archive/retrieve-frames.ts';
import { instanceUrl } from '../../archive/retrieve-metadata.ts';
import type { InstanceRow, InstanceSelector } from '../../ports/index.ts';
import { type AppContext, pathParameter } from '../context.ts';
import { negotiate, type Offer } from './accept.ts';
import { multipartOf } from './multipart-writer.ts';
import { acceptedBy, JSON_OFFERS } from './qido.ts';
import { type BodyGroup, sendGroups } from './wado-body.ts';

const DICOM = 'application/dicom';

/** Instances below which an answer is neither streamed nor compressed: it saves nothing that anybody would notice. */
const WORTH_STREAMING = 4;

/** WADO-RS of studies, series and instances, and of their metadata: PS3.18 10.4. */
export function wadoHandlers(archive: Archive) {
  return {
    retrieve: (ctx: AppContext) => retrieve(archive, ctx),
    metadata: (ctx: AppContext) => metadata(archive, ctx),
  };
}

export function selectorOf({ params }: AppContext): InstanceSelector {
  return {
    studyInstanceUid: params.study!,
    ...(params.series !== undefined && { seriesInstanceUid: params.series }),
    ...(params.instance !== undefined && { sopInstanceUid: params.instance }),
  };
}

/** The selector of a path that goes down to the instance. */
export function instanceSelectorOf(ctx: AppContext): Required<InstanceSelector> {
  return {
    studyInstanceUid: pathParameter(ctx, 'study'),
    seriesInstanceUid: pathParameter(ctx, 'series'),
    sopInstanceUid: pathParameter(ctx, 'instance'),
  };
}

async function retrieve(archive: Archive, ctx: AppContext): Promise<void> {
  const accepted = acceptedBy(ctx);
  // Before the archive is asked: a type that nobody could be given is no access to the study.
  const selector = selectorOf(ctx);
  const single = selector.sopInstanceUid !== undefined;
  negotiate(accepted, dicomOffers(undefined, single));
  const found = await archive.retrieve(ctx.state.principal, selector);
  const { form } = negotiate(accepted, dicomOffers(commonTransferSyntax(found.instances), single));
  if (await isUnchanged(ctx, `"${found.digest}"`, found.audited)) return;
  if (ctx.method === 'HEAD') return void (await answerHead(ctx, found.audited, form === 'single' ? DICOM : undefined));
  const parts = await found.open();
  if (form === 'single') return sendSingle(ctx, parts, DICOM);
  return sendMultipart(ctx, parts, {
    type: DICOM,
    transferSyntax: (i) => found.instances[i]!.transferSyntaxUid,
    location: (i) => instanceUrl(archive.serviceUrl, found.instances[i]!),
  });
}

/** Stored files as they are: any transfer syntax that is asked for must be that of every one. `undefined`: not known yet. */
function dicomOffers(transferSyntax: string | undefined, single: boolean): readonly Offer[] {
  const syntax = transferSyntax === undefined ? {} : { transferSyntax, isDefault: true };
  const multipart: Offer = { form: 'multipart', type: DICOM, ...syntax };
  return single ? [multipart, { form: 'single', type: DICOM, ...syntax }] : [multipart];
}

/** `mixed` equals no transfer syntax: only `*` and silence take it. */
function commonTransferSyntax(instances: readonly InstanceRow[]): string {
  const first = instances[0]!.transferSyntaxUid;
  return instances.every(({ transferSyntaxUid }) => transferSyntaxUid === first) ? first : 'mixed';
}

async function metadata(archive: Archive, ctx: AppContext): Promise<void> {
  const { type } = negotiate(acceptedBy(ctx), JSON_OFFERS);
  const found = await archive.metadata(ctx.state.principal, selectorOf(ctx));
  ctx.vary('Accept-Encoding');
  // Weak: the compressed and the plain answer are equal in meaning, not in bytes.
  if (await isUnchanged(ctx, `W/"${found.digest}"`, found.audited)) return;
  if (ctx.method === 'HEAD') return void (await answerHead(ctx, found.audited, type));
  const chunks = await found.open();
  ctx.type = type;
  // A few instances are one write; a stream would be several.
  if (found.instances.length < WORTH_STREAMING) {
    ctx.body = await gathered(chunks);
    return;
  }
  const plain = Readable.from(chunks, { objectMode: false });
  if (!acceptsGzip(ctx.get('Accept-Encoding'))) {
    ctx.body = plain;
    return;
  }
  ctx.set('Content-Encoding', 'gzip');
  // Level 1 in zlib's thread: instances of a series repeat each other, more effort gains a few per cent.
  ctx.body = pipeline(plain, createGzip({ level: 1 }), () => undefined);
}

async function gathered(chunks: AsyncGenerator<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

const acceptsGzip = (header: string): boolean =>
  header.split(',').some((entry) => /^\s*(gzip|x-gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(entry));

/** Sends 304 when the client has what it would get; sets what caches need in any case. RFC 9110 13.1.2. */
export async function isUnchanged(ctx: AppContext, etag: string, audited: () => Promise<void>): Promise<boolean> {
  // Every use asks again: who may read today may be refused tomorrow, and each access is written down.
  ctx.set({ ETag: etag, 'Cache-Control': 'private, no-cache' });
  ctx.vary('Accept');
  ctx.vary('Authorization');
  if (!matchesEtag(ctx.get('If-None-Match'), etag)) return false;
  await audited();
  ctx.status = 304;
  return true;
}

function matchesEtag(header: string, etag: string): boolean {
  const bare = (text: string): string => text.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((one) => bare(one) === bare(etag));
}

/** Headers without a body, and without reading one. */
export async function answerHead(
  ctx: AppContext,
  audited: () => Promise<void>,
  type: string | undefined,
): Promise<void> {
  await audited();
  ctx.status = 200;
  if (type) ctx.type = type;
}

/** One part as the whole body. */
export function sendSingle(ctx: AppContext, parts: Parts, type: string): Promise<void> {
  ctx.set('Content-Type', type);
  if (parts.lengths) ctx.length = parts.lengths[0];
  return sendGroups(ctx, chunksOf(parts));
}

async function* chunksOf({ pieces }: Parts): AsyncGenerator<BodyGroup> {
  for await (const group of pieces) yield { chunks: group.map(({ bytes }) => bytes), last: group.at(-1)!.last };
}

export function sendMultipart(
  ctx: AppContext,
  parts: Parts,
  options: Parameters<typeof multipartOf>[1],
): Promise<void> {
  const { contentType, body } = multipartOf(parts, options);
  ctx.set('Content-Type', contentType);
  return sendGroups(ctx, body);
}
