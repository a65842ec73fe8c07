import type { Laterality, Volume } from '../domain/geometry.ts';
import { LATERALITIES } from '../domain/geometry.ts';
import { boundsOf, columnOf } from '../imaging/affine.ts';
import { sampleGrid } from '../imaging/resample.ts';
import { contourOf, type Field, type Segment, strokeMask } from './contour.ts';
import { type Aim, displayGrid, regionGrid, regionOf, SCREEN } from './display-plane.ts';
import { type DisplayWindow, greysOf } from './display-window.ts';
import { letter, letteringHeight, letteringWidth } from './lettering.ts';
import { blendMask, fillRectangle, greyRaster, type Picture, type Raster, type Rgb, SIDE_COLOURS } from './picture.ts';
import type { SideField } from './side-field.ts';

/** What a slice is drawn from; one value for all pictures of a study. */
export interface Scene {
  readonly volume: Volume;
  readonly sides: Partial<Record<Laterality, SideField>>;
  readonly window: DisplayWindow;
}

export type PictureOptions = Pick<Picture, 'view'> & { readonly laterality?: Laterality };

const PLANE_NAMES = { axial: 'Axial', coronal: 'Coronal', sagittal: 'Sagittal' } as const;
const WHITE: Rgb = [255, 255, 255];
const CONTOUR_PIXELS = 2.2;

/** Draws one slice: intensities, contours of both sides, the line between their parts, letters and a scale bar. */
export function drawSlice(scene: Scene, aim: Aim, { view, laterality }: PictureOptions): Picture {
  const grid = displayGrid(aim);
  const greys = greysOf(sampleGrid(scene.volume, grid).data, scene.window);
  const raster = greyRaster(greys, aim.width, aim.height);
  for (const side of LATERALITIES) {
    const field = scene.sides[side];
    if (field) drawSide(raster, field, aim, SIDE_COLOURS[side].onDark);
  }
  drawLetters(raster, aim);
  drawScaleBar(raster, aim.pixelSizeMm, view === 'detail' ? 10 : 50);
  const { right, down, normalAxis } = SCREEN[aim.plane];
  const positionMm = aim.centre[normalAxis];
  const caption = captionOf(aim, positionMm, laterality);
  return {
    ...raster,
    plane: aim.plane,
    ...(laterality ? { laterality } : {}),
    view,
    positionMm,
    pixelSizeMm: aim.pixelSizeMm,
    imagePosition: columnOf(grid.affine, 3),
    imageOrientation: [...right, ...down],
    caption,
    alternativeText: `${caption}, ${view === 'detail' ? 'cropped to the hippocampi' : 'whole slice'}, radiological convention (${orientationInWords(aim)}). The hippocampal contour is drawn, left in blue and right in orange.`,
  };
}

function captionOf({ plane }: Aim, positionMm: number, laterality: Laterality | undefined): string {
  const axis = { axial: 'z', coronal: 'y', sagittal: 'x' }[plane];
  return `${PLANE_NAMES[plane]}${laterality ? ` ${laterality}` : ''}, ${axis} ${positionMm.toFixed(1)} mm`;
}

function orientationInWords({ plane }: Aim): string {
  return plane === 'sagittal'
    ? 'the face is on the left of the picture, the head up'
    : "the patient's right is on the left of the picture";
}

function drawSide(raster: Raster, side: SideField, aim: Aim, colour: Rgb): void {
  const { low, high } = boundsOf(side.whole);
  const region = regionOf(aim, low, high);
  if (!region) return;
  const { width, height } = region;
  const grid = regionGrid(aim, region);
  const whole: Field = { width, height, values: sampleGrid(side.whole, grid).data };
  const stroke = (segments: readonly Segment[], thickness: number) =>
    blendMask(raster, strokeMask(segments, width, height, thickness), colour, region);
  stroke(contourOf(whole, 0.5), CONTOUR_PIXELS);
  // The parts meet in a plane that is nearly coronal: cut along itself it would only draw voxel steps.
  if (aim.plane === 'coronal') return;
  const parts: Field = { width, height, values: sampleGrid(side.parts, grid).data };
  const insideOutline = ([x0, y0, x1, y1]: Segment) =>
    whole.values[Math.round((x0 + x1) / 2) + width * Math.round((y0 + y1) / 2)]! >= 0.5;
  stroke(contourOf(parts, 0).filter(insideOutline), CONTOUR_PIXELS / 2);
}

function drawLetters(raster: Raster, { plane, width, height }: Aim): void {
  const dot = Math.max(1, Math.round(height / 100));
  const { letters } = SCREEN[plane];
  const [wide, high] = [letteringWidth('R', dot), letteringHeight(dot)];
  const gap = 3 * dot;
  const [middleX, middleY] = [Math.round((width - wide) / 2), Math.round((height - high) / 2)];
  letter(raster, letters.left, [gap, middleY], dot, WHITE);
  letter(raster, letters.right, [width - gap - wide, middleY], dot, WHITE);
  letter(raster, letters.top, [middleX, gap], dot, WHITE);
  letter(raster, letters.bottom, [middleX, height - gap - high], dot, WHITE);
}

function drawScaleBar(raster: Raster, pixelSizeMm: number, lengthMm: number): void {
  const dot = Math.max(1, Math.round(raster.height / 180));
  const long = Math.round(lengthMm / pixelSizeMm);
  const left = raster.width - long - 6 * dot;
  const top = raster.height - 6 * dot;
  fillRectangle(raster, [left - 1, top - 1, long + 2, 2 * dot + 2], [0, 0, 0]);
  fillRectangle(raster, [left, top, long, 2 * dot], WHITE);
  const text = `${lengthMm} mm`;
  const wide = letteringWidth(text, dot);
  const textLeft = Math.min(Math.round(left + (long - wide) / 2), raster.width - wide - 3 * dot);
  letter(raster, text, [textLeft, top - letteringHeight(dot) - 2 * dot], dot, WHITE);
}
