import type { Archive } from '../../archive/queries.ts';
import type { Window } from '../../archive/retrieve-rendered.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { PictureEncoder, PictureOptions } from '../../ports/index.ts';
import { type AppContext, queryPairs } from '../context.ts';
import { negotiate, type Offer } from './accept.ts';
import { acceptedBy } from './qido.ts';
import { answerHead, isUnchanged, selectorOf } from './wado.ts';

type PictureType = 'image/jpeg' | 'image/png';
/** JPEG is the default of a picture, PS3.18 table 8.7.2-1. */
const OFFERS: readonly (Offer & { readonly type: PictureType })[] = [
  { form: 'single', type: 'image/jpeg' },
  { form: 'single', type: 'image/png' },
];

const THUMBNAIL = { width: 128, height: 128 };
const QUALITY = 90;
const LARGEST_VIEWPORT = 4096;
const PARAMETERS = ['accept', 'window', 'viewport', 'quality'];

interface Wish {
  readonly window: Window | undefined;
  readonly options: PictureOptions;
}

const invalid = (message: string) => new NeuroInsightError('invalid-request', message);

/**
 * Rendered frames and instances (PS3.18 10.4.1.1.3) and thumbnails of every level (10.4.1.1.4): grey pictures with
 * window, viewport and quality (8.3.5.1). An instance shows its first frame; a series and a study the instance in the
 * middle, which shows more of a head than the first.
 */
export function renderedHandlers(archive: Archive, encoder: PictureEncoder) {
  return {
    rendered: (ctx: AppContext) => render(archive, encoder, ctx, wishOf(ctx)),
    thumbnail: (ctx: AppContext) => {
      const { window, options } = wishOf(ctx);
      return render(archive, encoder, ctx, { window, options: { fitInto: THUMBNAIL, ...options } });
    },
  };
}

async function render(archive: Archive, encoder: PictureEncoder, ctx: AppContext, wish: Wish): Promise<void> {
  const { type } = negotiate(acceptedBy(ctx), OFFERS);
  const found = await archive.rendered(ctx.state.principal, selectorOf(ctx));
  // Weak: another version of the encoder may write other bytes of the same picture.
  if (await isUnchanged(ctx, `W/"${found.digest}"`, found.audited)) return;
  if (ctx.method === 'HEAD') return answerHead(ctx, found.audited, type);
  const picture = await found.open(frameNumber(ctx), wish.window);
  const bytes = await encoder.encode(picture, type, wish.options);
  ctx.set('Content-Type', type);
  ctx.body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** One frame: several would be an animation, which these types are not. */
function frameNumber({ params }: AppContext): number {
  const text = params.frames ?? '1';
  if (!/^[1-9]\d{0,8}$/.test(text)) throw invalid('a picture is of one frame, a number from 1');
  return Number(text);
}

function wishOf(ctx: AppContext): Wish {
  const pairs = queryPairs(ctx);
  const unknown = pairs.find(([name]) => !PARAMETERS.includes(name));
  if (unknown) throw invalid(`a picture takes ${PARAMETERS.slice(1).join(', ')}`);
  const values = new Map(pairs);
  if (values.size < pairs.length) throw invalid('a parameter is given twice');
  const fitInto = viewportOf(values.get('viewport'));
  const quality = Number(values.get('quality') ?? QUALITY);
  if (!(Number.isInteger(quality) && quality >= 1 && quality <= 100))
    throw invalid('quality is a number from 1 to 100');
  return { window: windowOf(values.get('window')), options: { quality, ...(fitInto && { fitInto }) } };
}

/** centre,width,function: PS3.18 8.3.5.1.4; the function may be left out. */
function windowOf(text: string | undefined): Window | undefined {
  if (text === undefined) return undefined;
  const [center, width, shape = 'linear', ...more] = text.split(',');
  const numbers = [center, width].map((number) => (/^-?\d+(\.\d+)?$/.test(number ?? '') ? Number(number) : Number.NaN));
  const known = shape === 'linear' || shape === 'linear-exact' || shape === 'sigmoid';
  if (!known || more.length > 0 || !numbers.every(Number.isFinite) || numbers[1]! < (shape === 'linear' ? 1 : 1e-6)) {
    throw invalid('window is centre,width,function with function linear, linear-exact or sigmoid');
  }
  return { center: numbers[0]!, width: numbers[1]!, shape };
}

/** vw,vh: PS3.18 8.3.5.1.3; a region of the source is not offered. */
function viewportOf(text: string | undefined): PictureOptions['fitInto'] {
  if (text === undefined) return undefined;
  const [, width, height] = /^(\d{1,5}),(\d{1,5})$/.exec(text)?.map(Number) ?? [];
  if (!width || !height || width > LARGEST_VIEWPORT || height > LARGEST_VIEWPORT) {
    throw invalid(`viewport is width,height, each from 1 to ${LARGEST_VIEWPORT}`);
  }
  return { width, height };
}
