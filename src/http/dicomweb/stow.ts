import type { StoreLimits, StorePart, StoreService } from '../../archive/store-instances.ts';
import { isUid } from '../../dicom/dataset.ts';
import { createMemoryBudget } from '../../dicom/growing-bytes.ts';
import { type MultipartLimits, type PartHeaders, readMultipart } from '../../dicom/multipart-reader.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import { bodyChunks, checkBodyHeaders, readBody } from '../body.ts';
import type { AppContext } from '../context.ts';
import { type MediaType, parseMediaType } from './media-type.ts';
import { storeResponse, storeStatus } from './stow-response.ts';

export interface StowDeps {
  readonly store: StoreService;
  /** As configured; the request's Host is never believed. */
  readonly publicUrl: string;
  readonly limits: StoreLimits;
}

const DICOM = 'application/dicom';
const DICOM_JSON = 'application/dicom+json';
/** RFC 2046 5.1.1 ends at 70; some clients write more. */
const LONGEST_BOUNDARY = 200;

/**
 * STOW-RS, PS3.18 10.5: POST on /studies and /studies/:study, as multipart/related of application/dicom or as one
 * instance alone. Instances are taken or refused one by one: 200 all, 202 some, 409 none.
 *
 * @throws not-acceptable, unsupported-media-type; invalid-request for a body that cannot be told into parts, or has
 *   none; limit-exceeded for a request that is too large; overloaded while too many others are being worked on; what
 *   `StoreService.store` throws. Then nothing is stored.
 */
export function stowHandler({ store, publicUrl, limits }: StowDeps): (ctx: AppContext) => Promise<void> {
  const serviceUrl = `${publicUrl.replace(/\/+$/, '')}/dicomweb`;
  const readLimits: MultipartLimits = {
    partBytes: limits.maxInstanceBytes,
    parts: limits.maxParts,
    bytes: limits.maxRequestBytes,
    budget: createMemoryBudget(limits.maxReceivingBytes),
  };
  let working = 0;
  return async (ctx) => {
    if (working >= limits.maxConcurrentRequests) {
      throw new NeuroInsightError('overloaded', 'too many requests to store at once; try again');
    }
    working++;
    try {
      const parts = partsOf(ctx, readLimits);
      const study = studyOf(ctx);
      const outcome = await store.store({
        principal: ctx.state.principal,
        interaction: 'dicomweb/stow',
        ...(study !== undefined && { studyInstanceUid: study }),
        parts,
      });
      if (outcome.stored.length + outcome.failed.length === 0) {
        throw new NeuroInsightError('invalid-request', 'the request holds no instance');
      }
      ctx.status = storeStatus(outcome);
      ctx.body = JSON.stringify(storeResponse(outcome, serviceUrl));
      ctx.set('Content-Type', DICOM_JSON);
    } finally {
      working--;
    }
  };
}

function studyOf(ctx: AppContext): string | undefined {
  const study = ctx.params.study;
  if (study !== undefined && !isUid(study)) {
    throw new NeuroInsightError('invalid-request', 'the study in the address is not a UID');
  }
  return study;
}

/** The instances of the request; everything that its headers can say wrong is thrown before a byte is read. */
function partsOf(ctx: AppContext, limits: MultipartLimits): AsyncIterable<StorePart> {
  if (ctx.accepts(DICOM_JSON, 'application/json') === false) {
    throw new NeuroInsightError('not-acceptable', `the answer is ${DICOM_JSON}`);
  }
  const types = ['multipart/related', DICOM];
  checkBodyHeaders(ctx, { limitBytes: limits.bytes, types });
  const mediaType = parseMediaType(ctx.get('Content-Type'));
  if (mediaType?.type === DICOM) return singlePart(ctx, limits);
  return multipleParts(ctx, boundaryOf(mediaType), limits);
}

async function* singlePart(ctx: AppContext, limits: MultipartLimits): AsyncGenerator<StorePart> {
  const bytes = await readBody(ctx, { limitBytes: limits.partBytes, types: [DICOM] });
  if (bytes.length > 0) yield bytes;
}

function boundaryOf(mediaType: MediaType | undefined): string {
  if (mediaType?.parameters.get('type')?.toLowerCase() !== DICOM) {
    throw new NeuroInsightError('unsupported-media-type', `the content must be multipart/related; type="${DICOM}"`);
  }
  const boundary = mediaType.parameters.get('boundary') ?? '';
  if (!/^[ -~]*[!-~]$/.test(boundary) || boundary.length > LONGEST_BOUNDARY) {
    throw new NeuroInsightError('invalid-request', 'the Content-Type has no usable boundary');
  }
  return boundary;
}

async function* multipleParts(ctx: AppContext, boundary: string, limits: MultipartLimits): AsyncGenerator<StorePart> {
  for await (const part of readMultipart(bodyChunks(ctx), boundary, limits, onlyDicom)) {
    yield 'refused' in part ? part : part.body;
  }
}

/** A part without a type is what the envelope says (RFC 2387 3.1 leaves no other reading). */
function onlyDicom(headers: PartHeaders): NeuroInsightError | undefined {
  const contentType = headers.get('content-type');
  if (contentType === undefined || parseMediaType(contentType)?.type === DICOM) return undefined;
  return new NeuroInsightError('unsupported-media-type', `a part is not ${DICOM}`);
}
