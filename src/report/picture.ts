import type { Laterality, Vec3 } from '../domain/geometry.ts';
import type { Region } from './display-plane.ts';

export type Plane = 'axial' | 'coronal' | 'sagittal';

/** 8-bit RGB, `width * height * 3` bytes, top row first. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** One slice with the contours drawn in, as a radiologist looks at it. */
export interface Picture extends Raster {
  readonly plane: Plane;
  /** The side a sagittal picture cuts; absent where both sides are in the picture. */
  readonly laterality?: Laterality;
  /** `detail` is cropped to the hippocampi, `context` shows the whole slice. */
  readonly view: 'detail' | 'context';
  /** LPS coordinate of the slice along its normal, mm: z of axial, y of coronal, x of sagittal pictures. */
  readonly positionMm: number;
  /** Millimetres from one pixel to the next, both ways. */
  readonly pixelSizeMm: number;
  /** LPS mm at the centre of the first (top left) pixel: Image Position (Patient), PS3.3 C.7.6.2.1.1. */
  readonly imagePosition: Vec3;
  /** Direction of a row (to the right of the screen), then of a column (down). PS3.3 C.7.6.2.1.1. */
  readonly imageOrientation: readonly [number, number, number, number, number, number];
  /** One line for people: "Axial, z 12.5 mm (head)". */
  readonly caption: string;
  /** What a reader who cannot see the picture is told. */
  readonly alternativeText: string;
}

export type Rgb = readonly [number, number, number];

/**
 * Blue and orange can be told apart with every common colour vision, and in grey print by lightness. The same two hues
 * stand for the same two sides everywhere: light on dark pictures, dark on white paper.
 */
export const SIDE_COLOURS: Readonly<Record<Laterality, { readonly onDark: Rgb; readonly onWhite: string }>> = {
  left: { onDark: [86, 180, 255], onWhite: '#0068a8' },
  right: { onDark: [255, 165, 20], onWhite: '#b35000' },
};

/** A raster from one grey a pixel. */
export function greyRaster(greys: Uint8ClampedArray, width: number, height: number): Raster {
  const rgb = new Uint8Array(3 * greys.length);
  for (let pixel = 0, at = 0; pixel < greys.length; pixel++) {
    const grey = greys[pixel]!;
    rgb[at++] = grey;
    rgb[at++] = grey;
    rgb[at++] = grey;
  }
  return { width, height, rgb };
}

/** Lays `colour` over a region of the raster, `mask` (0 to 1, one a pixel of the region) thick. */
export function blendMask({ width, rgb }: Raster, mask: Float32Array, colour: Rgb, region: Region): void {
  for (let y = 0; y < region.height; y++) {
    for (let x = 0; x < region.width; x++) {
      const share = mask[x + region.width * y]!;
      if (share === 0) continue;
      const at = 3 * (region.left + x + width * (region.top + y));
      for (let channel = 0; channel < 3; channel++) {
        rgb[at + channel] = Math.round(rgb[at + channel]! * (1 - share) + colour[channel]! * share);
      }
    }
  }
}

/** Fills a rectangle of whole pixels; what lies outside the raster is left out. */
export function fillRectangle(
  { width, height, rgb }: Raster,
  [left, top, wide, high]: readonly [number, number, number, number],
  colour: Rgb,
): void {
  for (let y = Math.max(0, top); y < Math.min(height, top + high); y++) {
    for (let x = Math.max(0, left); x < Math.min(width, left + wide); x++) rgb.set(colour, 3 * (x + width * y));
  }
}

/** Copies `source` into `target` with its top left pixel at (left, top); it must fit. */
export function paste(target: Raster, source: Raster, left: number, top: number): void {
  for (let y = 0; y < source.height; y++) {
    const row = source.rgb.subarray(3 * source.width * y, 3 * source.width * (y + 1));
    target.rgb.set(row, 3 * (left + target.width * (top + y)));
  }
}
