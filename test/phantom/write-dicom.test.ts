import { describe, expect, it } from '@jest/globals';
import { readInstanceHeader } from '../../src/dicom/instance.ts';
import { decodeFrame } from '../../src/dicom/pixels.ts';
import type { SeriesOfInstances } from '../../src/domain/instance.ts';
import { assembleVolume } from '../../src/imaging/assemble.ts';
import { selectSeries } from '../../src/imaging/select-series.ts';
import { makeHead } from './head.ts';
import { renderHead } from './raster.ts';
import { T1_MPRAGE } from './series-plans.ts';
import { type PhantomFile, phantomStudy } from './write-dicom.ts';

function seriesOf(files: readonly PhantomFile[]): SeriesOfInstances[] {
  const headers = files.map(({ bytes }) => readInstanceHeader(bytes));
  return [...Map.groupBy(headers, ({ series }) => series.seriesInstanceUid)].map(([seriesInstanceUid, instances]) => ({
    seriesInstanceUid,
    instances,
  }));
}

describe('a phantom study', () => {
  it.each([
    ['classic', 'ascending'],
    ['classic', 'descending'],
    ['enhanced', 'ascending'],
  ] as const)('comes back from DICOM as the head that was rendered, %s %s', async (kind, sliceOrder) => {
    const options = { seed: 31, leftVolumeMm3: 3600, rightVolumeMm3: 2400, noise: 0, bias: 0 };
    const files = phantomStudy(options, { kind, sliceOrder, spacing: 8 });
    const [series] = seriesOf(files);
    const bytesOf = new Map(series!.instances.map((header, n) => [header.sopInstanceUid, files[n]!.bytes]));
    const { volume } = await assembleVolume(series!.instances, ({ instance, frame }) =>
      decodeFrame(bytesOf.get(instance.sopInstanceUid)!, frame.frameNumber),
    );
    const { shape, affine } = volume;
    const again = renderHead(makeHead(options), { shape, affine }).volume;
    const furthest = volume.data.reduce((most, value, n) => Math.max(most, Math.abs(value - again.data[n]!)), 0);
    // Half a unit of rounding, and what 16 characters of a Decimal String leave of the geometry.
    expect(furthest).toBeLessThan(0.51);
  });

  it('names the scan as an MPRAGE of 176 sagittal slices of one millimetre', () => {
    const files = phantomStudy({ seed: 32 }, { kind: 'classic', blank: true });
    expect(files).toHaveLength(176);
    const header = readInstanceHeader(files[0]!.bytes);
    expect(header.acquisition).toMatchObject({
      repetitionTime: 2300,
      echoTime: 2.98,
      inversionTime: 900,
      flipAngle: 9,
    });
    expect(header.series.seriesDescription).toBe('T1 MPRAGE SAG');
    const [frame] = header.frames;
    expect(frame!.imageOrientationPatient).toEqual([0, 1, 0, 0, 0, -1]);
    expect(frame!.pixelSpacing).toEqual([1, 1]);
  });

  it('holds distractors of which none is chosen, each with a reason', () => {
    const series = seriesOf(phantomStudy({ seed: 33 }, { kind: 'classic', distractors: true, blank: true }));
    expect(series).toHaveLength(8);
    const { selected, rejected } = selectSeries(series);
    expect(selected.instances[0]!.series.seriesDescription).toBe(T1_MPRAGE.description);
    expect(rejected.map(({ seriesNumber }) => seriesNumber)).toEqual([1, 4, 5, 6, 7, 8, 99]);
    for (const { reasons } of rejected) expect(reasons.length).toBeGreaterThan(0);
  });
});
