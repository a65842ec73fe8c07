import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FIXTURE_ORIENTATIONS, makeResultFixture } from '../../test/harness/result-fixture.ts';
import type { Affine, LabelVolume, Laterality, Vec3, Volume } from '../domain/geometry.ts';
import { HippocampusLabel } from '../domain/geometry.ts';
import { digestOf } from '../domain/identity.ts';
import { applyAffine } from '../imaging/affine.ts';
import { renderMontage, renderOverlays } from './overlay.ts';
import { type Picture, SIDE_COLOURS } from './picture.ts';

/** Pixels of a picture in which the colour of a side stands out from grey. */
function contourPixels({ width, rgb }: Picture, side: Laterality): { readonly x: number; readonly y: number }[] {
  const [red, , blue] = SIDE_COLOURS[side].onDark;
  const sign = Math.sign(blue - red);
  const found = [];
  for (let pixel = 0; pixel < rgb.length / 3; pixel++) {
    if (sign * (rgb[3 * pixel + 2]! - rgb[3 * pixel]!) > 60) {
      found.push({ x: pixel % width, y: Math.floor(pixel / width) });
    }
  }
  return found;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Small blocks as hippocampi, 20 mm to each side, in a grid whose axes are permuted, flipped and turned. */
function blocks(
  order: readonly number[],
  flips: readonly boolean[],
  turn: number,
): { volume: Volume; labels: LabelVolume } {
  const size = 2;
  const shape: Vec3 = [40, 40, 40];
  const [cosine, sine] = [Math.cos(turn), Math.sin(turn)];
  const rotate = ([x, y, z]: Vec3): Vec3 => [cosine * x - sine * y, sine * x + cosine * y, z];
  const columns = order.map((axis, n) =>
    rotate([0, 1, 2].map((row) => (row === axis ? (flips[n] ? -size : size) : 0)) as unknown as Vec3),
  );
  const origin = [0, 1, 2].map((row) => -columns.reduce((sum, column) => sum + column[row]! * 19.5, 0));
  const affine = [0, 1, 2].flatMap((row) => [
    ...columns.map((column) => column[row]!),
    origin[row]!,
  ]) as unknown as Affine;
  const data = new Uint8Array(shape[0] * shape[1] * shape[2]);
  data.forEach((_, at) => {
    const index: Vec3 = [at % 40, Math.floor(at / 40) % 40, Math.floor(at / 1600)];
    const [x, y, z] = applyAffine(affine, index);
    if (Math.abs(Math.abs(x) - 20) > 5 || Math.abs(y) > 12 || Math.abs(z - 4) > 5) return;
    const [front, back] =
      x > 0
        ? [HippocampusLabel.leftAnterior, HippocampusLabel.leftPosterior]
        : [HippocampusLabel.rightAnterior, HippocampusLabel.rightPosterior];
    data[at] = y < 0 ? front : back;
  });
  return {
    labels: { shape, affine, data },
    volume: { shape, affine, data: Float32Array.from(data, (n) => n * 10 + 50) },
  };
}

describe('renderOverlays', () => {
  it('draws the left hippocampus in the right half of axial and coronal pictures, whatever the source orientation', () => {
    const orders = fc.constantFrom([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]);
    const flips = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean());
    fc.assert(
      fc.property(orders, flips, fc.double({ min: -0.4, max: 0.4, noNaN: true }), (order, flip, turn) => {
        const { volume, labels } = blocks(order, flip, turn);
        for (const picture of renderOverlays(volume, labels).filter(({ plane }) => plane !== 'sagittal')) {
          const left = contourPixels(picture, 'left').map(({ x }) => x);
          const right = contourPixels(picture, 'right').map(({ x }) => x);
          expect(left.length).toBeGreaterThan(20);
          expect(right.length).toBeGreaterThan(20);
          expect(Math.min(...left)).toBeGreaterThan(picture.width / 2);
          expect(Math.max(...right)).toBeLessThan(picture.width / 2);
        }
      }),
      { numRuns: 6 },
    );
  });

  it.each(FIXTURE_ORIENTATIONS)('keeps left, front and head where they belong for a %s source', (orientation) => {
    const { volume, labels } = makeResultFixture({ orientation });
    const pictures = renderOverlays(volume, labels);
    expect(pictures.map(({ plane, laterality, view }) => [plane, laterality, view].filter(Boolean).join(' '))).toEqual([
      'axial detail',
      'coronal detail',
      'sagittal right detail',
      'sagittal left detail',
      'axial context',
      'coronal context',
      'sagittal right context',
      'sagittal left context',
    ]);
    const [axial, , rightSagittal, leftSagittal] = pictures as [Picture, Picture, Picture, Picture];
    expect(mean(contourPixels(axial, 'left').map(({ x }) => x))).toBeGreaterThan(axial.width / 2);
    // Seen from the patient's left and cut through one side, only that side's colour is there.
    expect(contourPixels(leftSagittal, 'right')).toEqual([]);
    expect(contourPixels(rightSagittal, 'left')).toEqual([]);
    expect(leftSagittal.positionMm).toBeGreaterThan(20);
    expect(rightSagittal.positionMm).toBeLessThan(-20);
  });

  it('shows the front on the left of sagittal pictures and at the top of axial ones, the head at the top of the rest', () => {
    const { labels } = blocks([2, 0, 1], [true, false, true], 0.2);
    const brightWhere = (test: (position: Vec3) => boolean): Picture[] => {
      const data = Float32Array.from(labels.data, (_, at) => {
        const index: Vec3 = [at % 40, Math.floor(at / 40) % 40, Math.floor(at / 1600)];
        return test(applyAffine(labels.affine, index)) ? 1000 : 100;
      });
      return renderOverlays({ ...labels, data }, labels).filter(({ view }) => view === 'detail');
    };
    const greyAt = ({ width, rgb }: Picture, x: number, y: number) => rgb[3 * (x + width * y)]!;
    const front = brightWhere(([, y]) => y < 0);
    const top = brightWhere(([, , z]) => z > 4);
    for (const [picture, isTop] of [
      [front[0]!, true],
      [top[1]!, true],
      [front[2]!, false],
      [top[2]!, true],
      [front[3]!, false],
      [top[3]!, true],
    ] as const) {
      const [x, y] = [picture.width, picture.height].map((n) => Math.round(n / 4)) as [number, number];
      const bright = greyAt(picture, x, y);
      const dark = isTop ? greyAt(picture, x, 3 * y) : greyAt(picture, 3 * x, y);
      expect(bright - dark).toBeGreaterThan(100);
    }
  });

  it('says where each pixel is, so that a derived image can carry the position', () => {
    const { volume, labels } = makeResultFixture({ orientation: 'oblique' });
    for (const picture of renderOverlays(volume, labels)) {
      const { imagePosition, imageOrientation, pixelSizeMm, laterality } = picture;
      const row = imageOrientation.slice(0, 3);
      const column = imageOrientation.slice(3);
      for (const side of laterality ? [laterality] : (['left', 'right'] as const)) {
        const pixels = contourPixels(picture, side);
        const [x, y] = [mean(pixels.map((pixel) => pixel.x)), mean(pixels.map((pixel) => pixel.y))];
        const position = imagePosition.map((start, n) => start + pixelSizeMm * (x * row[n]! + y * column[n]!));
        const expected = [side === 'left' ? 27 : -27, 4, 0];
        for (const n of [0, 1, 2]) expect(Math.abs(position[n]! - expected[n]!)).toBeLessThan(3);
      }
    }
  });

  it('describes every picture in words and makes the same bytes again', () => {
    const { volume, labels } = makeResultFixture();
    const [first, second] = [renderOverlays(volume, labels), renderOverlays(volume, labels)];
    expect(second.map(({ rgb }) => digestOf([rgb]))).toEqual(first.map(({ rgb }) => digestOf([rgb])));
    expect(first[2]!.caption).toBe('Sagittal right, x -27.0 mm');
    for (const { alternativeText } of first) expect(alternativeText).toMatch(/radiological convention .*left in blue/);
  });

  it('leaves out the sagittal picture of a side that has no voxel, and refuses a volume without any', () => {
    const { volume, labels } = makeResultFixture();
    const onlyLeft = { ...labels, data: labels.data.map((value) => (value > 2 ? 0 : value)) };
    expect(renderOverlays(volume, onlyLeft).map(({ laterality }) => laterality ?? '-')).toEqual([
      '-',
      '-',
      'left',
      '-',
      '-',
      'left',
    ]);
    const none = { ...labels, data: new Uint8Array(labels.data.length) };
    expect(() => renderOverlays(volume, none)).toThrow(expect.objectContaining({ kind: 'no-hippocampus' }));
  });

  it('shows an image of one grey without failing', () => {
    const { volume, labels } = makeResultFixture();
    const flat = { ...volume, data: new Float32Array(volume.data.length).fill(7) };
    expect(renderOverlays(flat, labels).length).toBe(8);
  });

  it('widens the detail pictures for hippocampi that would not fit', () => {
    const { volume, labels } = makeResultFixture();
    const wide = { ...labels, affine: labels.affine.map((n, at) => (at % 4 === 3 ? n : n * 2)) as unknown as Affine };
    const [normal, widened] = [
      renderOverlays(volume, labels)[0]!,
      renderOverlays({ ...volume, affine: wide.affine }, wide)[0]!,
    ];
    expect(normal.pixelSizeMm).toBe(0.25);
    expect(widened.pixelSizeMm * widened.width).toBeGreaterThan(120);
  });
});

describe('renderMontage', () => {
  it('lays out four rows of six slices', () => {
    const { volume, labels } = makeResultFixture();
    const { width, height, rgb } = renderMontage(volume, labels);
    expect([width, height]).toEqual([6 * 324 - 4, 20 + 4 * 244 - 4]);
    expect(rgb.length).toBe(width * height * 3);
  });
});
