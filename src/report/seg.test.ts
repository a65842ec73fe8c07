import { describe, expect, it } from '@jest/globals';
import {
  bytesOf,
  codeAt,
  type DataSet,
  decimalsOf,
  itemOf,
  itemsOf,
  readDicom,
} from '../../test/harness/dicom-reading.ts';
import { FIXTURE_ORIENTATIONS, type FixtureOptions, makeResultFixture } from '../../test/harness/result-fixture.ts';
import { digestOf } from '../domain/identity.ts';
import { buildSegmentation, segmentationDataset } from './seg.ts';

function build(options: FixtureOptions = {}) {
  const fixture = makeResultFixture(options);
  return { ...fixture, file: readDicom(buildSegmentation(fixture.result, fixture.labels)) };
}

/** LPS of every voxel of each segment, by the attributes of the file alone. */
function voxelsOf(file: DataSet): Map<number, number[][]> {
  const [rows, columns] = [file.uint16('x00280010')!, file.uint16('x00280011')!];
  const shared = itemOf(file, 'x52009229');
  const [betweenRows, betweenColumns] = decimalsOf(itemOf(shared, 'x00289110'), 'x00280030') as [number, number];
  const orientation = decimalsOf(itemOf(shared, 'x00209116'), 'x00200037');
  const packed = bytesOf(file, 'x7fe00010');
  const voxels = new Map<number, number[][]>();
  itemsOf(file, 'x52009230').forEach((frame, number) => {
    const segment = itemOf(frame, 'x0062000a').uint16('x0062000b')!;
    const position = decimalsOf(itemOf(frame, 'x00209113'), 'x00200032');
    const found = voxels.get(segment) ?? [];
    voxels.set(segment, found);
    for (let pixel = 0; pixel < rows * columns; pixel++) {
      const bit = number * rows * columns + pixel;
      if (((packed[bit >> 3]! >> (bit & 7)) & 1) === 0) continue;
      const [column, row] = [pixel % columns, Math.floor(pixel / columns)];
      found.push(
        position.map(
          (start, axis) =>
            start + orientation[axis]! * betweenColumns * column + orientation[axis + 3]! * betweenRows * row,
        ),
      );
    }
  });
  return voxels;
}

const meanOf = (points: number[][], axis: number) =>
  points.reduce((sum, point) => sum + point[axis]!, 0) / points.length;

describe('buildSegmentation', () => {
  it.each(FIXTURE_ORIENTATIONS)('keeps every voxel of each side where it was in a study that is %s', (orientation) => {
    const { file, result } = build({ orientation });
    const voxels = voxelsOf(file);
    const [left, right] = [voxels.get(1)!, voxels.get(2)!];
    expect([left.length, right.length]).toEqual([result.left.voxelCount, result.right.voxelCount]);
    expect(Math.abs(meanOf(left, 0) - 27)).toBeLessThan(0.5);
    expect(Math.abs(meanOf(right, 0) + 27)).toBeLessThan(0.5);
    for (const side of [left, right]) {
      expect(Math.abs(meanOf(side, 1) - 4)).toBeLessThan(0.5);
      expect(Math.abs(meanOf(side, 2))).toBeLessThan(0.5);
    }
  });

  it('names each side by a laterality beside the hippocampus', () => {
    const { file, result } = build();
    const segments = itemsOf(file, 'x00620002');
    expect(segments.map((segment) => segment.string('x00620005'))).toEqual(['Left hippocampus', 'Right hippocampus']);
    const types = segments.map((segment) => itemOf(segment, 'x0062000f'));
    expect(types.map((type) => `${type.string('x00080102')} ${type.string('x00080100')}`)).toEqual([
      'SCT 5366008',
      'SCT 5366008',
    ]);
    expect(types.map((type) => codeAt(type, 'x00620011'))).toEqual(['SCT 7771000', 'SCT 24028007']);
    expect(segments.map((segment) => codeAt(segment, 'x00620003'))).toEqual(['SCT 91723000', 'SCT 91723000']);
    expect(segments.map((segment) => segment.string('x00620021'))).toEqual([
      result.identifiers.trackingUid.left,
      result.identifiers.trackingUid.right,
    ]);
  });

  it('says which weights made it, and that it is research', () => {
    const { file, result } = build();
    const algorithm = itemOf(itemsOf(file, 'x00620002')[0]!, 'x00620007');
    expect(codeAt(algorithm, 'x0066002f')).toBe('DCM 123110');
    expect(algorithm.string('x00660036')).toBe('hippocampus');
    expect(algorithm.string('x00660031')).toBe('1.0.0');
    expect(algorithm.text('x00660032')).toBe(`sha256 ${result.model.sha256}`);
    expect(file.string('x00189004')).toBe('RESEARCH');
    expect(file.string('x0008103e')).toMatch(/^RESEARCH /);
  });

  it('refers each frame to the one slice it was drawn on', () => {
    const { file, result } = build({ orientation: 'coronal-forwards' });
    for (const frame of itemsOf(file, 'x52009230')) {
      const source = itemOf(itemOf(frame, 'x00089124'), 'x00082112');
      const slice = result.sourceImages.findIndex(
        ({ sopInstanceUid }) => sopInstanceUid === source.string('x00081155'),
      );
      const position = decimalsOf(itemOf(frame, 'x00209113'), 'x00200032');
      const { affine } = result.geometry;
      expect(position[1]).toBeCloseTo(affine[6] * slice + affine[7], 6);
      expect(source.elements.x00081160).toBeUndefined();
      expect(codeAt(source, 'x0040a170')).toBe('DCM 121322');
    }
  });

  it('refers to frames of the one instance of an enhanced source, and names that instance once', () => {
    const { file, result } = build({ source: 'enhanced' });
    const frames = itemsOf(file, 'x52009230').map((frame) => {
      const source = itemOf(itemOf(frame, 'x00089124'), 'x00082112');
      expect(source.string('x00081150')).toBe('1.2.840.10008.5.1.4.1.1.4.1');
      return { number: Number(source.string('x00081160')), z: decimalsOf(itemOf(frame, 'x00209113'), 'x00200032')[2]! };
    });
    for (const { number, z } of frames) {
      expect(z).toBeCloseTo(result.geometry.affine[10] * (number - 1) + result.geometry.affine[11], 6);
    }
    expect(itemsOf(itemOf(file, 'x00081115'), 'x0008114a')).toHaveLength(1);
  });

  it('orders frames by segment and then by position along the normal, also in a left-handed grid', () => {
    for (const orientation of ['sagittal', 'sagittal-rightwards'] as const) {
      const { file } = build({ orientation });
      const indices = itemsOf(file, 'x52009230').map((frame) => {
        const content = itemOf(frame, 'x00209111');
        return [content.uint32('x00209157', 0)!, content.uint32('x00209157', 1)!];
      });
      expect(indices).toEqual([...indices].sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!));
      const first = decimalsOf(itemOf(itemsOf(file, 'x52009230')[0]!, 'x00209113'), 'x00200032')[0]!;
      const second = decimalsOf(itemOf(itemsOf(file, 'x52009230')[1]!, 'x00209113'), 'x00200032')[0]!;
      // Rows run to the back, columns to the feet: their product points to the patient's right.
      expect(second).toBeLessThan(first);
    }
  });

  it('keeps the frame of reference of the source, and makes one where there is none', () => {
    expect(build().file.string('x00200052')).toBe('1.2.826.0.1.3680043.10.1338.9');
    const own = build({ bare: true }).file.string('x00200052');
    expect(own).toMatch(/^2\.25\.\d+$/);
    expect(build({ bare: true }).file.string('x00200052')).toBe(own);
  });

  it('copies patient and study, and leaves empty what the source did not say', () => {
    const { file } = build();
    expect(Buffer.from(bytesOf(file, 'x00100010')).toString('utf8').trim()).toBe('Müller^Änne^^Dr');
    expect(file.string('x00100020')).toBe('NI-0042');
    expect(file.string('x00080050')).toBe('ACC-2024-0042');
    expect(file.string('x00200011')).toBe('301');
    const bare = build({ bare: true }).file;
    for (const tag of [
      'x00100010',
      'x00100020',
      'x00100030',
      'x00100040',
      'x00080020',
      'x00080030',
      'x00080090',
      'x00200010',
      'x00080050',
    ]) {
      expect(bare.elements[tag]?.length).toBe(0);
    }
    expect(bare.string('x00180015')).toBe('BRAIN');
  });

  it('is the same, byte for byte, when it is built again', () => {
    const { result, labels } = makeResultFixture();
    expect(digestOf([buildSegmentation(result, labels)])).toBe(digestOf([buildSegmentation(result, labels)]));
  });

  it('refuses labels without a voxel by name', () => {
    const { result, labels } = makeResultFixture();
    const empty = { ...labels, data: new Uint8Array(labels.data.length) };
    expect(() => buildSegmentation(result, empty)).toThrow(expect.objectContaining({ kind: 'no-hippocampus' }));
  });

  it('does not write a slice that no source image stands for', () => {
    const { result, labels } = makeResultFixture();
    expect(() => segmentationDataset({ ...result, sourceImages: [] }, labels)).toThrow('no source image');
  });
});
