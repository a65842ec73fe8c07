import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { element, file, implicitElement, nestedSequences, UIDS, uint32 } from '../../test/harness/dicom-bytes.ts';
import { encodeDicom } from './encode.ts';
import { openDicom, readDicom } from './file.ts';

const MR = { SOPClassUID: '1.2.840.10008.5.1.4.1.1.4', SOPInstanceUID: '1.2.3', PatientName: 'Größe^A', Rows: 513 };
const BIG_ENDIAN = Buffer.from('00280010555300020201', 'hex');

describe('readDicom', () => {
  it.each(['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.1.99'])(
    'reads back what was written in %s',
    (syntax) => {
      const { dataset, meta, transferSyntaxUid } = readDicom(encodeDicom(MR, syntax));
      expect(transferSyntaxUid).toBe(syntax);
      expect(meta.string('MediaStorageSOPInstanceUID')).toBe('1.2.3');
      expect(dataset.personName('PatientName')).toBe('Größe^A');
      expect(dataset.number('Rows')).toBe(513);
    },
  );

  it('reads explicit big endian', () => {
    expect(readDicom(file(BIG_ENDIAN, '1.2.840.10008.1.2.2')).dataset.number('Rows')).toBe(513);
  });

  it('reads a file whose preamble is something else, and lets nothing of it out', () => {
    const bytes = encodeDicom(MR);
    bytes.set(Buffer.from('<html><script>'), 0);
    expect(readDicom(bytes).dataset.uid('SOPInstanceUID')).toBe('1.2.3');
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello')],
    ['zeros', Buffer.alloc(4096)],
    ['a dataset without preamble and file meta information', UIDS],
    ['the prefix without a preamble', Buffer.concat([Buffer.from('DICM'), UIDS])],
  ])('says not-dicom to %s', (_, bytes) => {
    expect(() => readDicom(bytes)).toThrow(expect.objectContaining({ kind: 'not-dicom' }));
  });

  it('says which part of the file meta information is missing', () => {
    const prefix = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]);
    const refuses = (bytes: Uint8Array, kind: string) =>
      expect(() => readDicom(bytes)).toThrow(expect.objectContaining({ kind }));
    refuses(prefix, 'truncated');
    refuses(Buffer.concat([prefix, UIDS]), 'malformed-dicom');
    refuses(Buffer.concat([prefix, element(0x00020001, 'OB', 'ab')]), 'malformed-dicom');
    refuses(Buffer.concat([prefix, element(0x00020001, 'OB', 'ab', 100)]), 'truncated');
    refuses(Buffer.concat([prefix, element(0x00020001, 'OB', '').subarray(0, 10)]), 'truncated');
    refuses(Buffer.concat([prefix, element(0x00020010, 'UI', '../../passwd')]), 'malformed-dicom');
  });

  it('does not trust the group length', () => {
    const bytes = file(element(0x00080060, 'CS', 'MR'));
    bytes.set(uint32(7), 140);
    expect(readDicom(bytes).dataset.string('Modality')).toBe('MR');
  });

  it('names a transfer syntax that it does not know', () => {
    expect(() => readDicom(file(UIDS, '1.2.840.10008.1.2.9'))).toThrow(
      expect.objectContaining({ kind: 'unsupported-transfer-syntax' }),
    );
  });

  it('refuses a bomb before it inflates: 1 GB of zeros in 1 MB', () => {
    const megabytes = 1024;
    const block = deflateRawSync(Buffer.alloc(2 ** 20), { level: 9, finishFlush: 2 /* Z_SYNC_FLUSH */ });
    const bomb = Buffer.concat(new Array<Buffer>(megabytes).fill(block));
    expect(bomb.length).toBeLessThan(2 * 2 ** 20);
    expect(() => readDicom(file(bomb, '1.2.840.10008.1.2.1.99'))).toThrow(
      expect.objectContaining({ kind: 'limit-exceeded' }),
    );
  });

  it('tells a cut deflate stream from a broken one', () => {
    const whole = encodeDicom({ ...MR, PatientComments: 'abc'.repeat(3000) }, '1.2.840.10008.1.2.1.99');
    expect(() => readDicom(whole.subarray(0, whole.length - 40))).toThrow(
      expect.objectContaining({ kind: 'truncated' }),
    );
    expect(() => readDicom(file(Buffer.from('ffffffffffff', 'hex'), '1.2.840.10008.1.2.1.99'))).toThrow(
      expect.objectContaining({ kind: 'malformed-dicom' }),
    );
  });

  it('reads off the event loop what it reads on it, and refuses it for the same reason', async () => {
    const whole = encodeDicom({ ...MR, PatientComments: 'abc'.repeat(3000) }, '1.2.840.10008.1.2.1.99');
    const unread = openDicom(whole);
    expect(unread.transferSyntaxUid).toBe('1.2.840.10008.1.2.1.99');
    const read = await unread.read();
    expect(read.bytes).toEqual(readDicom(whole).bytes);
    expect(read.dataset.string('PatientComments')).toHaveLength(9000);
    const plain = encodeDicom(MR);
    expect((await openDicom(plain).read()).bytes).toBe(plain);

    const large = new Uint8Array(3 * 2 ** 20).map((_, i) => i * i);
    const inflated = await openDicom(
      file(deflateRawSync(element(0x7fe00010, 'OB', large)), '1.2.840.10008.1.2.1.99'),
    ).read();
    expect(Buffer.compare(inflated.bytes.subarray(12), large)).toBe(0);

    const block = deflateRawSync(Buffer.alloc(2 ** 20), { level: 9, finishFlush: 2 /* Z_SYNC_FLUSH */ });
    const bad: readonly (readonly [Uint8Array, string])[] = [
      [whole.subarray(0, whole.length - 40), 'truncated'],
      [file(Buffer.from('ffffffffffff', 'hex'), '1.2.840.10008.1.2.1.99'), 'malformed-dicom'],
      [file(Buffer.concat(new Array<Buffer>(64).fill(block)), '1.2.840.10008.1.2.1.99'), 'limit-exceeded'],
    ];
    for (const [bytes, kind] of bad) {
      await expect(openDicom(bytes).read()).rejects.toMatchObject({ kind });
      expect(() => readDicom(bytes)).toThrow(expect.objectContaining({ kind }));
    }
  });

  it('refuses sequences 20 000 deep in every encoding', () => {
    expect(() => readDicom(file(nestedSequences(20_000)))).toThrow(expect.objectContaining({ kind: 'limit-exceeded' }));
    const deflated = file(deflateRawSync(nestedSequences(20_000)), '1.2.840.10008.1.2.1.99');
    expect(() => readDicom(deflated)).toThrow(expect.objectContaining({ kind: 'limit-exceeded' }));
  });

  it('reads implicit elements by the dictionary', () => {
    const bytes = file(implicitElement(0x00280010, Buffer.from([1, 2])), '1.2.840.10008.1.2');
    expect(readDicom(bytes).dataset.number('Rows')).toBe(513);
  });
});
