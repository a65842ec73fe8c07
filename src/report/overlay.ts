import type { LabelVolume, Laterality, Vec3, Volume } from '../domain/geometry.ts';
import { displayWindowOf } from './display-window.ts';
import { letter, letteringHeight, letteringWidth } from './lettering.ts';
import { type Picture, type Plane, paste, type Raster } from './picture.ts';
import { type SideField, sideFieldsOf } from './side-field.ts';
import { drawSlice, type Scene } from './slice-picture.ts';

export type { Picture, Raster } from './picture.ts';

/** Screen order: the patient's right comes first, as on the pictures themselves. */
const SCREEN_ORDER: readonly Laterality[] = ['right', 'left'];

const DETAIL = { width: 400, height: 300 } as const;
/** Least width of a detail picture; a wider pair of hippocampi with its surroundings widens it. */
const DETAIL_WIDTH_MM = 100;
const DETAIL_SURROUNDINGS_MM = 16;
const CONTEXT = { width: 440, height: 440, pixelSizeMm: 0.5 } as const;
/** The vertex is farther from the hippocampi than the skull base is. */
const CONTEXT_SHIFT_UP_MM = 18;

/**
 * What all pictures of a study are drawn from. It looks at every voxel: whoever draws more than once makes it once.
 *
 * @throws no-hippocampus when no voxel is labelled.
 */
export function sceneOf(volume: Volume, labels: LabelVolume): Scene {
  return { volume, sides: sideFieldsOf(labels), window: displayWindowOf(volume) };
}

/**
 * Cuts a head through both hippocampi in three planes, whatever the orientation of the source, in radiological
 * convention: axial and coronal through the middle between their centroids, sagittal through each centroid; cropped
 * first, then whole slices.
 *
 * @throws no-hippocampus when no voxel is labelled.
 */
export function renderOverlays(volume: Volume, labels: LabelVolume, scene = sceneOf(volume, labels)): Picture[] {
  const pixelSizeMm = detailPixelSize(scene);
  const details = aimsOf(scene).map(({ plane, laterality, centre }) =>
    drawSlice(
      scene,
      { plane, centre, ...DETAIL, pixelSizeMm },
      { view: 'detail', ...(laterality ? { laterality } : {}) },
    ),
  );
  const contexts = aimsOf(scene).map(({ plane, laterality, centre: [x, y, z] }) => {
    const centre: Vec3 = plane === 'axial' ? [x, y, z] : [x, y, z + CONTEXT_SHIFT_UP_MM];
    return drawSlice(scene, { plane, centre, ...CONTEXT }, { view: 'context', ...(laterality ? { laterality } : {}) });
  });
  return [...details, ...contexts];
}

interface Cut {
  readonly plane: Plane;
  readonly laterality?: Laterality;
  readonly centre: Vec3;
}

function aimsOf(scene: Scene): Cut[] {
  const present = SCREEN_ORDER.flatMap((laterality) => {
    const side = scene.sides[laterality];
    return side ? [{ laterality, side }] : [];
  });
  const middle = middleOf(present.map(({ side }) => side.centroid));
  return [
    { plane: 'axial', centre: middle },
    { plane: 'coronal', centre: middle },
    ...present.map(({ laterality, side }): Cut => ({ plane: 'sagittal', laterality, centre: side.centroid })),
  ];
}

function middleOf(points: readonly Vec3[]): Vec3 {
  return [0, 1, 2].map(
    (axis) => points.reduce((sum, point) => sum + point[axis]!, 0) / points.length,
  ) as unknown as Vec3;
}

/** One scale for all detail pictures, so that sizes can be compared by eye. */
function detailPixelSize({ sides }: Scene): number {
  const { low, high } = boundsOfBoth(sides);
  const wide = Math.max(high[0] - low[0], high[1] - low[1]) + DETAIL_SURROUNDINGS_MM;
  const tall = Math.max(high[2] - low[2], high[1] - low[1]) + DETAIL_SURROUNDINGS_MM;
  return Math.max(DETAIL_WIDTH_MM, wide, (tall * DETAIL.width) / DETAIL.height) / DETAIL.width;
}

function boundsOfBoth(sides: Scene['sides']): { readonly low: Vec3; readonly high: Vec3 } {
  const present = Object.values(sides);
  const extreme = (choose: (...values: number[]) => number, pick: (side: SideField) => Vec3): Vec3 =>
    [0, 1, 2].map((axis) => choose(...present.map((side) => pick(side)[axis]!))) as unknown as Vec3;
  return { low: extreme(Math.min, ({ low }) => low), high: extreme(Math.max, ({ high }) => high) };
}

const MONTAGE_COLUMNS = 6;
const GUTTER = 4;
const HEADLINE = 20;

/**
 * One large picture for people: six axial and six coronal slices through both hippocampi and six sagittal ones through
 * each, evenly spaced from end to end, with a line that says what it is not for.
 *
 * @throws no-hippocampus when no voxel is labelled.
 */
export function renderMontage(volume: Volume, labels: LabelVolume, scene = sceneOf(volume, labels)): Raster {
  const pixelSizeMm = detailPixelSize(scene) * (DETAIL.width / 320);
  const rows = aimsOf(scene).map((cut) =>
    spreadOf(scene, cut).map((centre) =>
      drawSlice(scene, { plane: cut.plane, centre, width: 320, height: 240, pixelSizeMm }, { view: 'detail' }),
    ),
  );
  const width = MONTAGE_COLUMNS * (320 + GUTTER) - GUTTER;
  const height = HEADLINE + rows.length * (240 + GUTTER) - GUTTER;
  const montage: Raster = { width, height, rgb: new Uint8Array(3 * width * height) };
  const headline = 'RESEARCH USE ONLY - NOT FOR DIAGNOSIS';
  letter(
    montage,
    headline,
    [Math.round((width - letteringWidth(headline, 2)) / 2), (HEADLINE - letteringHeight(2)) / 2],
    2,
    [255, 255, 255],
  );
  rows.forEach((row, down) => {
    row.forEach((tile, across) => {
      paste(montage, tile, across * (320 + GUTTER), HEADLINE + down * (240 + GUTTER));
    });
  });
  return montage;
}

/** Centres of six slices between the ends of what the cut shows, in screen order for sagittal ones. */
function spreadOf(scene: Scene, { plane, laterality, centre }: Cut): Vec3[] {
  const normal = { axial: 2, coronal: 1, sagittal: 0 }[plane];
  const shown = laterality ? { [laterality]: scene.sides[laterality] } : scene.sides;
  const { low, high } = boundsOfBoth(shown as Scene['sides']);
  return Array.from({ length: MONTAGE_COLUMNS }, (_, n) => {
    const position = low[normal]! + ((n + 0.5) / MONTAGE_COLUMNS) * (high[normal]! - low[normal]!);
    return centre.map((value, axis) => (axis === normal ? position : value)) as unknown as Vec3;
  });
}
