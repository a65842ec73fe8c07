import type { Archive } from '../../archive/queries.ts';
import { frameEncodingOf, isUndecodable, type Parts } from '../../archive/retrieve-frames.ts';
import { instanceUrl } from '../../archive/retrieve-metadata.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../../dicom/transfer-syntax.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { InstanceRow } from '../../ports/index.ts';
import { type AppContext, pathParameter } from '../context.ts';
import { negotiate, type Offer } from './accept.ts';
import { acceptedBy } from './qido.ts';
import { answerHead, instanceSelectorOf, isUnchanged, sendMultipart, sendSingle } from './wado.ts';

const OCTETS = 'application/octet-stream';
/** As many frames as any object has; a longer list repeats itself. */
const MOST_FRAMES = 100_000;

/** Media type of compressed frames by transfer syntax; PS3.18 table 8.7.3-5. */
const MEDIA_TYPES: readonly (readonly [RegExp, string])[] = [
  [/^1\.2\.840\.10008\.1\.2\.4\.(5[0-9]|6[0-6]|70)$/, 'image/jpeg'],
  [/^1\.2\.840\.10008\.1\.2\.4\.8[01]$/, 'image/jls'],
  [/^1\.2\.840\.10008\.1\.2\.4\.9[01]$/, 'image/jp2'],
  [/^1\.2\.840\.10008\.1\.2\.4\.9[23]$/, 'image/jpx'],
  [/^1\.2\.840\.10008\.1\.2\.4\.20[1-3]$/, 'image/jphc'],
  [/^1\.2\.840\.10008\.1\.2\.5$/, 'image/dicom-rle'],
];

interface FrameOffer extends Offer {
  readonly as: 'stored' | 'decoded';
}

/** Frames and bulk data of one instance: PS3.18 10.4.1.1.5 and 10.4.1.1.6. */
export function frameHandlers(archive: Archive) {
  return {
    frames: (ctx: AppContext) => frames(archive, ctx),
    bulkData: (ctx: AppContext) => bulkData(archive, ctx),
  };
}

async function frames(archive: Archive, ctx: AppContext): Promise<void> {
  const numbers = frameNumbers(pathParameter(ctx, 'frames'));
  const accepted = acceptedBy(ctx);
  const found = await archive.frames(ctx.state.principal, instanceSelectorOf(ctx));
  const { instance } = found;
  if (instance.frames.length > 0 && numbers.some((number) => number > instance.frames.length)) {
    throw new NeuroInsightError('not-found', `the instance has ${instance.frames.length} frames`);
  }
  const offer = negotiate(accepted, frameOffers(instance, numbers.length === 1));
  const { type, form, as, transferSyntax } = offer;
  if (await isUnchanged(ctx, `"${found.digest}-${as}"`, found.audited)) return;
  if (ctx.method === 'HEAD') return void (await answerHead(ctx, found.audited, form === 'single' ? type : undefined));
  const parts = await opened(as, () => found.open(numbers, as));
  if (form === 'single') return sendSingle(ctx, parts, type);
  const url = instanceUrl(archive.serviceUrl, instance);
  return sendMultipart(ctx, parts, {
    type,
    ...(transferSyntax !== undefined && { transferSyntax: () => transferSyntax }),
    location: (i) => `${url}/frames/${numbers[i]}`,
  });
}

/** What cannot be decoded here can still be had as it is stored: the client's choice, not a fault of the request. */
async function opened(as: 'stored' | 'decoded', open: () => Promise<Parts>): Promise<Parts> {
  try {
    return await open();
  } catch (error) {
    if (as === 'stored' || !isUndecodable(error)) throw error;
    throw new NeuroInsightError('not-acceptable', 'the frames cannot be decoded; ask for transfer-syntax=*', {
      cause: error,
    });
  }
}

/** "1,3,2": whole numbers from 1, in the order in which they are sent. */
function frameNumbers(text: string): readonly number[] {
  const names = text.split(',');
  if (names.length > MOST_FRAMES || !names.every((name) => /^[1-9]\d{0,8}$/.test(name))) {
    throw new NeuroInsightError('invalid-request', 'frames are numbers from 1, separated by commas');
  }
  return names.map(Number);
}

/** Best first: what needs no decoding. Octets in a compressed transfer syntax are what viewers ask for with `*`. */
function frameOffers(instance: InstanceRow, one: boolean): readonly FrameOffer[] {
  const stored = instance.transferSyntaxUid;
  const plain = { type: OCTETS, transferSyntax: EXPLICIT_LITTLE_ENDIAN, isDefault: true } as const;
  const encoding = frameEncodingOf(instance);
  if (encoding !== 'compressed') return inForms({ ...plain, as: encoding === 'native' ? 'stored' : 'decoded' }, one);
  const media = MEDIA_TYPES.find(([pattern]) => pattern.test(stored))?.[1];
  return [
    ...(media ? inForms({ type: media, transferSyntax: stored, isDefault: true, as: 'stored' }, one) : []),
    ...inForms({ type: OCTETS, transferSyntax: stored, as: 'stored' }, one),
    ...inForms({ ...plain, as: 'decoded' }, one),
  ];
}

/** The envelope first: a reply without it breaks the common loaders. Alone only a single frame can be. */
function inForms(offer: Omit<FrameOffer, 'form'>, one: boolean): readonly FrameOffer[] {
  const multipart: FrameOffer = { ...offer, form: 'multipart' };
  return one ? [multipart, { ...offer, form: 'single' }] : [multipart];
}

const BULK_OFFERS: readonly Offer[] = [
  { form: 'multipart', type: OCTETS, transferSyntax: EXPLICIT_LITTLE_ENDIAN, isDefault: true },
  { form: 'single', type: OCTETS, transferSyntax: EXPLICIT_LITTLE_ENDIAN, isDefault: true },
];

async function bulkData(archive: Archive, ctx: AppContext): Promise<void> {
  const { form } = negotiate(acceptedBy(ctx), BULK_OFFERS);
  const tagPath = pathParameter(ctx, 'place');
  const found = await archive.bulkData(ctx.state.principal, instanceSelectorOf(ctx), tagPath);
  if (await isUnchanged(ctx, `"${found.digest}"`, found.audited)) return;
  if (ctx.method === 'HEAD') return void (await answerHead(ctx, found.audited, form === 'single' ? OCTETS : undefined));
  const bytes = await found.open();
  const parts: Parts = { count: 1, lengths: [bytes.length], pieces: onePiece(bytes) };
  if (form === 'single') return sendSingle(ctx, parts, OCTETS);
  const url = instanceUrl(archive.serviceUrl, found.instances[0]!);
  return sendMultipart(ctx, parts, { type: OCTETS, location: () => `${url}/bulkdata/${tagPath}` });
}

async function* onePiece(bytes: Uint8Array): Parts['pieces'] {
  yield [{ index: 0, bytes, last: true }];
}
