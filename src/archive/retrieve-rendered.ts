import type { Dataset } from '../dicom/dataset.ts';
import { frameGroupsOf } from '../dicom/frames.ts';
import { type CompressedDecoder, openPixels, type PixelReader } from '../dicom/pixels.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { PixelHeader } from '../domain/instance.ts';
import type { GreyPicture } from '../ports/index.ts';
import { isUndecodable } from './retrieve-frames.ts';

/** PS3.18 8.3.5.1.4: centre and width in rescaled values. */
export interface Window {
  readonly center: number;
  readonly width: number;
  readonly shape: 'linear' | 'linear-exact' | 'sigmoid';
}

/**
 * One frame as grey levels, through the window given, else that of the file (of the frame, then of the image; the first
 * of several), else from the smallest to the largest value.
 *
 * @throws not-found for a frame that is not there; not-acceptable for what has no grey picture: colour, documents,
 *   pixels that cannot be decoded, or not in time; overloaded.
 */
export async function renderFrame(
  bytes: Uint8Array,
  frameNumber: number,
  wanted: Window | undefined,
  decoder: CompressedDecoder,
): Promise<GreyPicture> {
  const [{ header, dataset }, values] = await greyValues(bytes, frameNumber, decoder);
  const pixels = header.pixels!;
  const window = wanted ?? windowOf(dataset, frameNumber, pixels);
  const { rows: height, columns: width } = pixels;
  return { grey: greyLevels(values, window ?? fullRange(values)), width, height };
}

async function greyValues(
  bytes: Uint8Array,
  frameNumber: number,
  decoder: CompressedDecoder,
): Promise<readonly [PixelReader, Float32Array]> {
  try {
    const reader = await openPixels(bytes, decoder);
    return [reader, await reader.readFrame(frameNumber)];
  } catch (error) {
    if (!isUndecodable(error)) throw error;
    throw new NeuroInsightError('not-acceptable', 'the instance has no picture in grey', { cause: error });
  }
}

/** Undefined where the header has none; also in MONOCHROME1, whose values were turned over and its window was not. */
function windowOf(dataset: Dataset, frameNumber: number, pixels: PixelHeader): Window | undefined {
  if (pixels.photometricInterpretation !== 'MONOCHROME2') return undefined;
  const frame = frameGroupsOf(dataset)[frameNumber - 1];
  const center = frame?.number('FrameVOILUTSequence', 'WindowCenter');
  const width = frame?.number('FrameVOILUTSequence', 'WindowWidth');
  if (center === undefined || width === undefined || width < 1) return undefined;
  const shape = frame?.string('FrameVOILUTSequence', 'VOILUTFunction');
  if (shape === 'SIGMOID') return { center, width, shape: 'sigmoid' };
  return { center, width, shape: shape === 'LINEAR_EXACT' ? 'linear-exact' : 'linear' };
}

function fullRange(values: Float32Array): Window {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const width = most > least ? most - least : 1;
  return { center: least + width / 2, width, shape: 'linear-exact' };
}

/** PS3.3 C.11.2.1.2 and C.11.2.1.3. */
function greyLevels(values: Float32Array, { center, width, shape }: Window): Uint8Array {
  const levels = new Uint8ClampedArray(values.length);
  if (shape === 'sigmoid') {
    for (let i = 0; i < values.length; i++) levels[i] = 255 / (1 + Math.exp((-4 * (values[i]! - center)) / width));
    return new Uint8Array(levels.buffer);
  }
  // LINEAR runs between the centres of the first and the last value of the window: half a step and one step less.
  const [middle, span] = shape === 'linear' ? [center - 0.5, Math.max(width - 1, 1e-6)] : [center, width];
  const scale = 255 / span;
  const offset = 127.5 - middle * scale;
  for (let i = 0; i < values.length; i++) levels[i] = values[i]! * scale + offset;
  return new Uint8Array(levels.buffer);
}
