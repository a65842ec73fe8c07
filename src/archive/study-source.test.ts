import { describe, expect, it } from '@jest/globals';
import { mrSlice } from '../../test/harness/mr-slice.ts';
import { smallArchive } from '../../test/harness/small-archive.ts';
import { encodeDicom } from '../dicom/encode.ts';
import { decodeFrame } from '../dicom/pixels.ts';
import { openArchivedStudy } from './study-source.ts';

const slices = [0, 1, 2].map((slice) => encodeDicom(mrSlice({ rows: 4, columns: 6, slice })));
const enhanced = encodeDicom({
  ...mrSlice({ rows: 4, columns: 6, slice: 9 }),
  SeriesInstanceUID: '2.25.77',
  NumberOfFrames: 3,
  PixelData: new Uint8Array(4 * 6 * 2 * 3).map((_, i) => i),
});
const { instances, blobs, reads } = smallArchive([...slices, enhanced]);

describe('a study in the archive as the source of an analysis', () => {
  it('lists its series and gives the pixels that its files hold', async () => {
    const study = openArchivedStudy(instances, blobs);
    const series = await study.listSeries();
    expect(series.map(({ seriesInstanceUid, instances: own }) => [seriesInstanceUid, own.length])).toEqual([
      ['2.25.1002002', 3],
      ['2.25.77', 1],
    ]);
    const instance = series[0]!.instances[1]!;
    const frame = instance.frames[0]!;
    expect(await study.readFrame({ instance, frame })).toEqual(await decodeFrame(slices[1]!, 1));
    expect(study.skipped).toEqual([]);
    await study.close();
  });

  it('reads a multi-frame file once for all its frames', async () => {
    const study = openArchivedStudy(instances, blobs);
    const instance = (await study.listSeries())[1]!.instances[0]!;
    reads.length = 0;
    for (const frame of instance.frames) {
      expect(await study.readFrame({ instance, frame })).toEqual(await decodeFrame(enhanced, frame.frameNumber));
    }
    expect(reads).toHaveLength(1);
    await study.close();
  });

  it('knows no instance of another study, and has nothing to say of none', async () => {
    const study = openArchivedStudy(instances.slice(1), blobs);
    const stranger = (await openArchivedStudy(instances, blobs).listSeries())[0]!.instances[0]!;
    const asked = study.readFrame({ instance: stranger, frame: stranger.frames[0]! });
    await expect(asked).rejects.toMatchObject({ kind: 'not-found' });
    expect(() => openArchivedStudy([], blobs)).toThrow(expect.objectContaining({ kind: 'nothing-to-read' }));
  });
});
