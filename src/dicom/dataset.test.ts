import { describe, expect, it } from '@jest/globals';
import { element, file, item, openSequence, uint16, uint32 } from '../../test/harness/dicom-bytes.ts';
import { encodeDicom } from './encode.ts';
import { type DicomFile, readDicom } from './file.ts';

const of = (...elements: Uint8Array[]) => readDicom(file(Buffer.concat(elements))).dataset;
const double = (value: number) => Buffer.from(new Float64Array([value]).buffer);

describe('Dataset', () => {
  it('gives undefined, or an empty list, for absent and for empty', () => {
    const dataset = of(element(0x00100010, 'PN', ''), element(0x00100020, 'LO', '  '), element(0x00180050, 'DS', ''));
    for (const keyword of ['PatientName', 'PatientID', 'StudyID']) {
      expect(dataset.string(keyword)).toBeUndefined();
      expect(dataset.strings(keyword)).toEqual([]);
    }
    expect(dataset.personName('PatientName')).toBeUndefined();
    expect(dataset.numbers('SliceThickness')).toBeUndefined();
    expect(dataset.uid('StudyInstanceUID')).toBeUndefined();
    expect(dataset.item('ReferencedImageSequence')).toBeUndefined();
    expect(dataset.sequence('ReferencedImageSequence')).toEqual([]);
  });

  it('takes padding off values and keeps empty ones in the middle', () => {
    const dataset = of(
      element(0x00080008, 'CS', 'ORIGINAL\\\\M '),
      element(0x0020000d, 'UI', '1.2.3\0'),
      element(0x00204000, 'LT', ' a\\b\r\n '),
    );
    expect(dataset.strings('ImageType')).toEqual(['ORIGINAL', '', 'M']);
    expect(dataset.uid('StudyInstanceUID')).toBe('1.2.3');
    expect(dataset.strings('ImageComments')).toEqual([' a\\b\r\n']);
  });

  it('takes empty components and groups off person names', () => {
    expect(of(element(0x00100010, 'PN', 'Doe^Jane^^^==')).personName('PatientName')).toBe('Doe^Jane');
    expect(of(element(0x00100010, 'PN', '=X^Y')).personName('PatientName')).toBe('=X^Y');
    expect(of(element(0x00100010, 'PN', '^^^^')).personName('PatientName')).toBeUndefined();
  });

  it('reads numbers of text and of every binary VR', () => {
    const dataset = of(
      element(0x00180050, 'DS', ' 1.5e0'),
      element(0x00200013, 'IS', '+7'),
      element(0x00200032, 'DS', '-1\\2.5 \\ 3'),
      element(0x00280010, 'US', uint16(65535)),
      element(0x00280106, 'SS', uint16(65535)),
      element(0x00089459, 'FL', Buffer.from(new Float32Array([0.5]).buffer)),
      element(0x00189087, 'FD', double(1000)),
      element(0x00200000, 'UL', uint32(5)),
      element(0x00186020, 'SL', uint32(0xffffffff)),
    );
    expect(dataset.number('SliceThickness')).toBe(1.5);
    expect(dataset.integer('InstanceNumber')).toBe(7);
    expect(dataset.numbers('ImagePositionPatient')).toEqual([-1, 2.5, 3]);
    expect(dataset.number('Rows')).toBe(65535);
    expect(dataset.number('SmallestImagePixelValue')).toBe(-1);
    expect(dataset.number('RecommendedDisplayFrameRateInFloat')).toBe(0.5);
    expect(dataset.number('DiffusionBValue')).toBe(1000);
    expect(dataset.number('ReferencePixelX0')).toBe(-1);
    expect(dataset.integer('SliceThickness')).toBeUndefined();
  });

  it('gives no number at all where one value is none', () => {
    for (const value of ['1\\x', '1,5', 'NaN', 'Infinity', '0x10', '1\\\\2']) {
      expect(of(element(0x00200032, 'DS', value)).numbers('ImagePositionPatient')).toBeUndefined();
    }
    expect(of(element(0x00189087, 'FD', double(Number.NaN))).number('DiffusionBValue')).toBeUndefined();
    expect(of(element(0x00280010, 'US', Buffer.alloc(1))).number('Rows')).toBeUndefined();
  });

  it('reads UN by the dictionary, US or SS by Pixel Representation', () => {
    const dataset = of(
      element(0x00100020, 'UN', 'P1'),
      element(0x00280103, 'US', uint16(1)),
      element(0x00280106, 'UN', uint16(65535)),
    );
    expect(dataset.string('PatientID')).toBe('P1');
    expect(dataset.number('SmallestImagePixelValue')).toBe(-1);
  });

  it('gives items of sequences, of any encoding, with what they hold', () => {
    const inner = element(0x00081150, 'UI', '1.2\0');
    const dataset = of(openSequence(0x00081140, openSequence(0x00081140, inner), inner));
    const items = dataset.sequence('ReferencedImageSequence');
    expect(items).toHaveLength(2);
    expect(items[0]!.item('ReferencedImageSequence')!.uid('ReferencedSOPClassUID')).toBe('1.2');
    expect(items[1]!.string('ReferencedSOPClassUID')).toBe('1.2');
    expect(dataset.string('ReferencedImageSequence')).toBeUndefined();
    expect(
      of(element(0x00081140, 'SQ', item(inner)))
        .item('ReferencedImageSequence')!
        .string('ReferencedSOPClassUID'),
    ).toBe('1.2');
  });

  it.each(['../../../etc/passwd', '1.2/3', '1..2', '.1', '1.', '1.2a', `1.${'2'.repeat(63)}`, '1.2 3', '*'])(
    'refuses the UID %s by name',
    (uid) => {
      expect(() => of(element(0x0020000d, 'UI', uid)).uid('StudyInstanceUID')).toThrow(
        expect.objectContaining({ kind: 'malformed-dicom', message: expect.not.stringContaining(uid) }),
      );
    },
  );

  it('lets leading zeros in UIDs through, which real devices write', () => {
    expect(of(element(0x0020000d, 'UI', '1.2.0003\0')).uid('StudyInstanceUID')).toBe('1.2.0003');
  });

  it('finds elements by tag too and gives their bytes without copying', () => {
    const { dataset, bytes }: DicomFile = readDicom(
      encodeDicom({ SOPClassUID: '1.2', SOPInstanceUID: '1.3', PatientID: 'AB' }),
    );
    const found = dataset.element(0x00100020)!;
    expect(Buffer.from(dataset.rawBytes(found)).toString()).toBe('AB');
    expect(dataset.rawBytes(found).buffer).toBe(bytes.buffer);
    expect(dataset.string(0x00100020)).toBe('AB');
    expect(dataset.element(0x00091001)).toBeUndefined();
  });

  it('treats an unknown keyword as a defect', () => {
    expect(() => of().string('PatientNmae')).toThrow(/PatientNmae/);
  });
});
