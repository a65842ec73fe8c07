import { describe, expect, it } from '@jest/globals';
import { bytesOf, decimalsOf, itemsOf, readDicom } from '../../test/harness/dicom-reading.ts';
import { type FixtureOptions, makeResultFixture } from '../../test/harness/result-fixture.ts';
import type { Picture } from './picture.ts';
import { buildSecondaryCaptures, secondaryCaptureUid } from './secondary-capture.ts';

/** A 3 x 2 picture in a plane through `imagePosition`. */
function pictureAt(change: Partial<Picture> = {}): Picture {
  return {
    plane: 'axial',
    view: 'detail',
    positionMm: 0.75,
    width: 3,
    height: 2,
    rgb: Uint8Array.from({ length: 18 }, (_, index) => 10 * index),
    pixelSizeMm: 0.5,
    imagePosition: [-40, -40, 0.75],
    imageOrientation: [1, 0, 0, 0, 1, 0],
    caption: 'Axial, z 0.8 mm',
    alternativeText: '',
    ...change,
  };
}

const sagittal = pictureAt({
  plane: 'sagittal',
  laterality: 'left',
  width: 200,
  height: 2,
  rgb: new Uint8Array(1200),
  imagePosition: [27, -60, 10],
  imageOrientation: [0, 1, 0, 0, 0, -1],
});

function build(pictures: Picture[], options: FixtureOptions = {}) {
  const { result } = makeResultFixture(options);
  return { result, files: buildSecondaryCaptures(result, pictures).map(readDicom) };
}

describe('buildSecondaryCaptures', () => {
  it('keeps every pixel of every picture, top row first', () => {
    const picture = pictureAt();
    const { files } = build([picture, sagittal]);
    expect(files).toHaveLength(2);
    expect([...bytesOf(files[0]!, 'x7fe00010')]).toEqual([...picture.rgb]);
    expect([files[0]!.uint16('x00280010'), files[0]!.uint16('x00280011')]).toEqual([2, 3]);
    expect(decimalsOf(files[0]!, 'x00280030')).toEqual([0.5, 0.5]);
  });

  it('makes one series with one UID a picture', () => {
    const { files, result } = build([pictureAt(), sagittal]);
    expect(files.map((file) => file.string('x00080018'))).toEqual([
      secondaryCaptureUid(result, 1),
      secondaryCaptureUid(result, 2),
    ]);
    expect(secondaryCaptureUid(result, 1)).not.toBe(secondaryCaptureUid(result, 2));
    expect(new Set(files.map((file) => file.string('x0020000e')))).toEqual(new Set([result.identifiers.scSeriesUid]));
    expect(files.map((file) => file.string('x00200013'))).toEqual(['1', '2']);
  });

  it('says where right and left are on the screen', () => {
    const tilted = pictureAt({ imageOrientation: [1, 0, 0, 0, Math.cos(0.2), -Math.sin(0.2)] });
    const { files } = build([pictureAt(), sagittal, tilted]);
    expect(files.map((file) => file.string('x00200020'))).toEqual(['L\\P', 'P\\F', 'L\\PF']);
    expect(files.map((file) => file.string('x00200062'))).toEqual([undefined, 'L', undefined]);
    const right = build([{ ...sagittal, laterality: 'right' }]).files[0]!;
    expect(right.string('x00200062')).toBe('R');
  });

  it('refers to the slices a picture was interpolated from, and to no others', () => {
    // Axial slices lie at -29.25, -27.75, ... mm: 0.75 mm is exactly the 21st, 1 mm lies between it and the next.
    const between = pictureAt({ imagePosition: [-40, -40, 1] });
    const { files, result } = build([pictureAt(), between, sagittal]);
    const sources = files.map((file) => itemsOf(file, 'x00082112').map((item) => item.string('x00081155')));
    const uids = result.sourceImages.map(({ sopInstanceUid }) => sopInstanceUid);
    expect(sources[0]).toEqual([uids[20]]);
    expect(sources[1]).toEqual([uids[20], uids[21]]);
    expect(sources[2]).toEqual(uids.slice(25, 28));
  });

  it('names the frames of an enhanced source', () => {
    const { files } = build([pictureAt({ imagePosition: [-40, -40, 1] })], { source: 'enhanced' });
    expect(itemsOf(files[0]!, 'x00082112').map((item) => item.string('x00081160'))).toEqual(['21', '22']);
  });

  it('refers to nothing where a picture lies outside the study', () => {
    const { files } = build([pictureAt({ imagePosition: [-40, -40, 500] })]);
    expect(itemsOf(files[0]!, 'x00082112')).toEqual([]);
  });

  it('tells that nothing drawn in names the patient, and what the picture is for', () => {
    const [file] = build([pictureAt()]).files;
    expect(file!.string('x00280301')).toBe('NO');
    expect(file!.text('x00204000')).toMatch(/^Axial, z 0\.8 mm\. Research use only/);
  });
});
