import { describe, expect, it } from '@jest/globals';
import { describeBlobs } from '../../../test/contract/blobs.contract.ts';
import { openMemoryBlobStore } from './memory-blob-store.ts';

describeBlobs('memory', async () => ({ blobs: openMemoryBlobStore() }));

describe('the memory blob store', () => {
  it('refuses what is more than it may hold, lets the pack go, and keeps on reading', async () => {
    const blobs = openMemoryBlobStore({ mostBytes: 100 });
    const kept = await blobs.openPack('main', '1');
    const location = await kept.append(new Uint8Array(60).fill(7));
    await kept.seal();
    const refused = await blobs.openPack('main', '1');
    await refused.append(new Uint8Array(30));
    await expect(refused.append(new Uint8Array(30))).rejects.toMatchObject({ kind: 'storage-full' });
    expect(await blobs.freeBytes()).toBe(40);
    expect(await blobs.read(location, [0, 1])).toEqual(Buffer.from([7, 7]));
  });
});
