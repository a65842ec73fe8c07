import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { element, file, STUDY_AND_SERIES, UIDS } from '../../test/harness/dicom-bytes.ts';
import { mrSlice } from '../../test/harness/mr-slice.ts';
import { principalWith } from '../../test/harness/small-archive.ts';
import { partsFrom, type StoringWorld, storingWorld } from '../../test/harness/storing-world.ts';
import { encodeDicom, type NaturalDataset } from '../dicom/encode.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { prepareInstances } from './prepare-instances.ts';
import type { StoreOutcome, StorePart, StoreRequest } from './store-instances.ts';

const STUDY = '2.25.1002001';
const writer = principalWith('system/ImagingStudy.c');
const uidOf = (slice: number) => `2.25.1002003${slice}`;
const sliceFile = (slice: number, changes: NaturalDataset = {}): Uint8Array =>
  encodeDicom({ ...mrSlice({ rows: 4, columns: 4, slice }), ...changes });

function store(
  world: StoringWorld,
  parts: readonly StorePart[],
  request: Partial<StoreRequest> = {},
): Promise<StoreOutcome> {
  // The service keeps and changes what it is given.
  const copies = parts.map((part) => ('refused' in part ? part : new Uint8Array(part)));
  return world.service.store({ principal: writer, interaction: 'dicomweb/stow', parts: partsFrom(copies), ...request });
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof NeuroInsightError) return error.kind;
    throw error;
  }
  return 'nothing refused';
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const reasonsOf = ({ failed }: StoreOutcome) => failed.map(({ failureReason }) => failureReason.toString(16));

describe('storing instances', () => {
  it('keeps the bytes, the metadata, the index attributes and one audit row, in one commit', async () => {
    const world = storingWorld();
    const files = [0, 1, 2].map((slice) => sliceFile(slice));
    const outcome = await store(world, files, { studyInstanceUid: STUDY });
    expect(outcome.failed).toEqual([]);
    expect(outcome.stored.map(({ sopInstanceUid, duplicate }) => [sopInstanceUid, duplicate])).toEqual([
      [uidOf(0), false],
      [uidOf(1), false],
      [uidOf(2), false],
    ]);
    expect(world.commits).toHaveLength(1);
    expect(world.packs.size).toBe(1);
    expect(world.bytesOf(uidOf(1))).toEqual(Buffer.from(files[1]!));
    const metadata = JSON.parse(gunzipSync(world.metadataOf(uidOf(1))).toString('utf8'));
    expect(metadata['00080018']).toEqual({ vr: 'UI', Value: [uidOf(1)] });
    expect(metadata['7FE00010']).toEqual({ vr: 'OW', BulkDataURI: 'bulkdata/7FE00010' });
    expect(world.instances.get(uidOf(1))).toMatchObject({
      studyInstanceUid: STUDY,
      seriesInstanceUid: '2.25.1002002',
      instanceNumber: 2,
      receivedSha256: sha256(files[1]!),
      storedSha256: sha256(files[1]!),
      receivedAt: '2026-11-24T12:00:00.000Z',
      receivedFrom: 'key-1',
      isSource: true,
    });
    expect(world.audited).toEqual([
      expect.objectContaining({ action: 'C', outcome: '0', entities: [`urn:oid:${STUDY}`] }),
    ]);
  });

  it('names the frames where they lie in the stored file', async () => {
    const world = storingWorld();
    const bytes = sliceFile(0, { NumberOfFrames: 2, PixelData: new Uint8Array(64).map((_, i) => i) });
    await store(world, [bytes], { receivedFrom: 'pull/pacs' });
    const [, second] = world.instances.get(uidOf(0))!.frames;
    const { offset, length } = second![0]!;
    expect([...world.bytesOf(uidOf(0)).subarray(offset, offset + length)]).toEqual(
      Array.from({ length: 32 }, (_, i) => 32 + i),
    );
    expect(world.instances.get(uidOf(0))?.receivedFrom).toBe('pull/pacs');
  });

  it('overwrites a preamble that is not empty, and keeps both digests', async () => {
    const world = storingWorld();
    const clean = sliceFile(0);
    const hostile = new Uint8Array(clean);
    hostile.set(Buffer.from('<script>'), 0);
    await store(world, [hostile]);
    expect(world.bytesOf(uidOf(0))).toEqual(Buffer.from(clean));
    expect(world.instances.get(uidOf(0))).toMatchObject({
      receivedSha256: sha256(hostile),
      storedSha256: sha256(clean),
    });
    expect((await store(world, [clean])).stored[0]?.duplicate).toBe(true);
  });

  it('measures only MR images that are no results of this software', async () => {
    const isSource = async (changes: NaturalDataset, isResult = false) => {
      const world = storingWorld({ isResult: () => isResult });
      await store(world, [sliceFile(0, changes)]);
      return world.instances.get(uidOf(0))?.isSource;
    };
    expect(await isSource({ SOPClassUID: '1.2.840.10008.5.1.4.1.1.4.4' })).toBe(true);
    expect(await isSource({ SOPClassUID: '1.2.840.10008.5.1.4.1.1.7' })).toBe(false);
    expect(await isSource({ Modality: 'OT' })).toBe(false);
    expect(await isSource({}, true)).toBe(false);
  });

  it('stores the good ones of a request and gives each of the others its reason', async () => {
    const world = storingWorld();
    const short = sliceFile(4, { PixelData: new Uint8Array(30) });
    const parts: StorePart[] = [
      sliceFile(0),
      new Uint8Array(Buffer.from('not DICOM at all')),
      sliceFile(1).subarray(0, 500),
      { refused: new NeuroInsightError('truncated', 'cut') },
      sliceFile(2, { StudyInstanceUID: '2.25.99' }),
      short,
      file(UIDS),
      sliceFile(3),
    ];
    const outcome = await store(world, parts, { studyInstanceUid: STUDY });
    expect(outcome.stored.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual([uidOf(0), uidOf(3)]);
    expect(reasonsOf(outcome)).toEqual(['c000', 'c000', 'c000', 'a901', 'c000', 'c000']);
    expect(outcome.failed.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual([
      undefined,
      undefined,
      undefined,
      uidOf(2),
      uidOf(4),
      '1.2.3',
    ]);
    expect([...world.instances.keys()]).toEqual([uidOf(0), uidOf(3)]);
    expect(world.audited[0]).toMatchObject({ outcome: '0', outcomeDesc: 'not-dicom' });
  });

  it('does not repeat a UID that is none', async () => {
    const world = storingWorld();
    const traversal = Buffer.concat([
      element(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.4\0'),
      element(0x00080018, 'UI', '../../etc/passwd'),
      STUDY_AND_SERIES,
    ]);
    const { failed } = await store(world, [file(traversal)]);
    expect(failed).toEqual([
      expect.objectContaining({ failureReason: 0xc000, sopClassUid: '1.2.840.10008.5.1.4.1.1.4' }),
    ]);
    expect(failed[0]?.sopInstanceUid).toBeUndefined();
    expect(world.packs.size).toBe(0);
    expect(world.audited).toEqual([expect.objectContaining({ outcome: '4', outcomeDesc: 'malformed-dicom' })]);
  });

  it('refuses a file whose meta information names another SOP class', async () => {
    const other = Buffer.concat([
      element(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7\0'),
      element(0x00080018, 'UI', '1.2.3\0'),
      STUDY_AND_SERIES,
    ]);
    expect(reasonsOf(await store(storingWorld(), [file(other)]))).toEqual(['c000']);
  });

  it('takes the same bytes again as success without a change, and refuses others under the same UID', async () => {
    const world = storingWorld();
    await store(world, [sliceFile(0)]);
    const before = world.instances.get(uidOf(0));
    const outcome = await store(world, [sliceFile(0), sliceFile(1)]);
    expect(outcome.stored.map(({ duplicate }) => duplicate)).toEqual([true, false]);
    const refused = await store(world, [sliceFile(0, { PatientName: 'Other' })]);
    expect(reasonsOf(refused)).toEqual(['111']);
    expect(world.instances.get(uidOf(0))).toBe(before);
    expect(world.packs.size).toBe(2);
  });

  it('stores an instance once that comes twice in a request; with other bytes the second is refused', async () => {
    const world = storingWorld();
    const outcome = await store(world, [sliceFile(0), sliceFile(0), sliceFile(0, { PatientName: 'Other' })]);
    expect(outcome.stored).toHaveLength(1);
    expect(reasonsOf(outcome)).toEqual(['111']);
    expect(world.commits[0]?.instances).toHaveLength(1);
  });

  it('writes one pack a study, and refuses one study too many by itself', async () => {
    const world = storingWorld({ limits: { maxStudies: 2 } });
    const parts = ['2.25.1', '2.25.2', '2.25.3'].map((study, i) => sliceFile(i, { StudyInstanceUID: study }));
    const outcome = await store(world, parts);
    expect([...world.packs.values()].map(({ study }) => study)).toEqual(['2.25.1', '2.25.2']);
    expect(reasonsOf(outcome)).toEqual(['a700']);
    expect(world.audited[0]?.entities).toEqual(['urn:oid:2.25.1', 'urn:oid:2.25.2']);
  });

  it('looks instances up in groups', async () => {
    const world = storingWorld({ limits: { batchInstances: 2 } });
    const outcome = await store(
      world,
      [0, 1, 2, 3, 4].map((slice) => sliceFile(slice)),
    );
    expect(outcome.stored).toHaveLength(5);
    expect(world.commits).toHaveLength(1);
  });

  it('asks for the permission to create before it reads anything', async () => {
    const world = storingWorld();
    const parts = {
      [Symbol.asyncIterator]: () => {
        throw new Error('read');
      },
    };
    const principal = principalWith('system/ImagingStudy.rs');
    expect(await refusal(store(world, [], { principal, parts }))).toBe('forbidden');
  });

  it('refuses an instance that our own code stumbles over, says so in the log, and stores the others', async () => {
    const world = storingWorld({
      isResult: ({ dataset }) => {
        if (dataset.string('SOPInstanceUID') === uidOf(0)) throw new TypeError('a defect');
        return false;
      },
    });
    const outcome = await store(world, [sliceFile(0), sliceFile(1)]);
    expect(reasonsOf(outcome)).toEqual(['110']);
    expect(outcome.failed[0]?.message).not.toContain('defect');
    expect(outcome.stored).toHaveLength(1);
    expect(world.logged).toEqual(['an instance was refused by a defect: TypeError: a defect']);
  });
});

describe('a request to store that fails', () => {
  it('leaves nothing behind when the disk is full', async () => {
    const world = storingWorld({ diskBytes: 3000, limits: { batchInstances: 1 } });
    expect(
      await refusal(
        store(
          world,
          [0, 1, 2, 3].map((slice) => sliceFile(slice)),
        ),
      ),
    ).toBe('storage-full');
    expect(world.packs.size).toBe(0);
    expect(world.instances.size).toBe(0);
    expect(world.audited).toEqual([expect.objectContaining({ outcome: '8', outcomeDesc: 'storage-full' })]);
  });

  it('leaves nothing behind when its parts stop coming', async () => {
    const world = storingWorld({ limits: { batchInstances: 1 } });
    async function* broken(): AsyncGenerator<StorePart> {
      yield sliceFile(0);
      throw new NeuroInsightError('invalid-request', 'the request ended before its content did');
    }
    expect(await refusal(store(world, [], { parts: broken(), studyInstanceUid: STUDY }))).toBe('invalid-request');
    expect(world.packs.size).toBe(0);
    expect(world.audited).toEqual([expect.objectContaining({ outcome: '4', entities: [`urn:oid:${STUDY}`] })]);
  });

  it('keeps the pack when the commit came about in spite of an error', async () => {
    const world = storingWorld({
      afterCommit: () => {
        throw new Error('the line to the store broke');
      },
    });
    await expect(store(world, [sliceFile(0)])).rejects.toThrow('the line to the store broke');
    expect(world.bytesOf(uidOf(0)).length).toBeGreaterThan(500);
  });
});

describe('storing at the same time', () => {
  it('answers ten copies of a study with success and keeps one', async () => {
    const world = storingWorld({ limits: { batchInstances: 2 } });
    const files = [0, 1, 2, 3, 4].map((slice) => sliceFile(slice));
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => store(world, files)));
    expect(outcomes.map(({ stored, failed }) => [stored.length, failed.length])).toEqual(new Array(10).fill([5, 0]));
    expect(outcomes.filter(({ stored }) => stored.some(({ duplicate }) => !duplicate))).toHaveLength(1);
    expect(world.packs.size).toBe(1);
    expect(world.instances.size).toBe(5);
    expect(world.audited).toHaveLength(10);
  });

  it('refuses what somebody else stored meanwhile with other bytes, and stores the rest', async () => {
    let raced = false;
    const world = storingWorld({
      beforeCommit: async (_, { service }) => {
        if (raced) return;
        raced = true;
        const parts = partsFrom([sliceFile(0, { PatientName: 'Faster' }), sliceFile(1)]);
        await service.store({ principal: writer, interaction: 'dicomweb/stow', parts });
      },
    });
    const outcome = await store(
      world,
      [0, 1, 2].map((slice) => sliceFile(slice)),
    );
    expect(reasonsOf(outcome)).toEqual(['111']);
    expect(outcome.stored.map(({ sopInstanceUid, duplicate }) => [sopInstanceUid, duplicate])).toEqual([
      [uidOf(2), false],
      [uidOf(1), true],
    ]);
    expect(world.instances.size).toBe(3);
  });

  it('gives up with a request to come back when the conflict never ends', async () => {
    const world = storingWorld({
      beforeCommit: async () => {
        throw new NeuroInsightError('conflict', 'always');
      },
    });
    expect(await refusal(store(world, [sliceFile(0)]))).toBe('overloaded');
    expect(world.packs.size).toBe(0);
  });
});

describe('instances that the server made itself', () => {
  const deps = (world: StoringWorld) => ({ ...world, isResult: () => true });

  it('are rows for a commit of their maker, and are left as they were given', async () => {
    const world = storingWorld();
    const bytes = sliceFile(0);
    bytes[0] = 1;
    const prepared = await prepareInstances(deps(world), 'main', [bytes, sliceFile(1)], 'run/7');
    const beside = await prepared.append(Buffer.from('a picture'));
    const sealed = await prepared.seal();
    expect(sealed).toMatchObject({ packs: [{ pack: beside.pack }], studyKeys: [{ kekId: 'kek' }] });
    await world.ledger.commit({ site: 'main', instances: prepared.rows, ...sealed });
    const { bytes: packed } = world.packs.get(beside.pack)!;
    expect(packed.subarray(beside.offset, beside.offset + beside.length).toString()).toBe('a picture');
    expect(bytes[0]).toBe(1);
    expect(world.bytesOf(uidOf(0))[0]).toBe(0);
    expect(prepared.rows.map(({ receivedFrom, isSource }) => [receivedFrom, isSource])).toEqual([
      ['run/7', false],
      ['run/7', false],
    ]);
    await prepared.discard();
    expect(world.packs.size).toBe(1);
  });

  it('vanish when their commit fails, or when one of them is no instance', async () => {
    const world = storingWorld();
    const prepared = await prepareInstances(deps(world), 'main', [sliceFile(0)], 'run/7');
    await prepared.discard();
    const broken = [sliceFile(0), new Uint8Array(10)];
    expect(await refusal(prepareInstances(deps(world), 'main', broken, 'run/7'))).toBe('not-dicom');
    expect(world.packs.size).toBe(0);
  });
});
