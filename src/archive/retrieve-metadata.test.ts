import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { mrSlice } from '../../test/harness/mr-slice.ts';
import { smallArchive } from '../../test/harness/small-archive.ts';
import { encodeDicom } from '../dicom/encode.ts';
import type { InstanceRow } from '../ports/index.ts';
import { metadataChunks } from './retrieve-metadata.ts';

const [template] = smallArchive([encodeDicom(mrSlice({ rows: 2, columns: 2, slice: 0 }))]).instances;

/** Instances whose stored metadata are these objects. */
function stored(objects: readonly object[]) {
  const packs = objects.map((object) => gzipSync(JSON.stringify(object)));
  const instances = packs.map(
    ({ length }, i): InstanceRow => ({
      ...template!,
      sopInstanceUid: `1.${i}`,
      metadata: { pack: `${i}`, offset: 0, length },
    }),
  );
  return { instances, blobs: { read: async ({ pack }: { pack: string }) => packs[Number(pack)]! } };
}

async function gather(objects: readonly object[]): Promise<{ chunks: number; value: unknown }> {
  const { instances, blobs } = stored(objects);
  const chunks: Uint8Array[] = [];
  for await (const chunk of metadataChunks(blobs, instances, 'https://x/dicomweb')) chunks.push(chunk);
  return { chunks: chunks.length, value: JSON.parse(Buffer.concat(chunks).toString()) };
}

describe('metadata of many instances', () => {
  it('are one list, whatever their size', async () => {
    const long = (i: number) => ({
      '00080018': { vr: 'UI', Value: [`1.${i}`] },
      filler: randomBytes(60_000).toString('hex'),
    });
    const objects = [{}, long(1), {}, long(3), long(4)];
    const { chunks, value } = await gather(objects);
    expect(value).toEqual(objects);
    expect(chunks).toBeGreaterThan(1);
  });

  it('have URLs for all bulk data, nested too, and for nothing that only looks like it', async () => {
    const text = 'a "BulkDataURI":"b" and \\"BulkDataURI":"';
    const nested = { vr: 'SQ', Value: [{ '54001010': { vr: 'OW', BulkDataURI: 'bulkdata/54000100/1/54001010' } }] };
    const object = { '00104000': { vr: 'LT', Value: [text, '"BulkDataURI":"'] }, '54000100': nested };
    const { value } = await gather([object]);
    const url = `https://x/dicomweb/studies/${template!.studyInstanceUid}/series/${template!.seriesInstanceUid}/instances/1.0`;
    nested.Value[0]!['54001010'].BulkDataURI = `${url}/bulkdata/54000100/1/54001010`;
    expect(value).toEqual([object]);
  });
});
