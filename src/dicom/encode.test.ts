import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeDicom, IMPLEMENTATION_CLASS_UID } from './encode.ts';
import { formatDecimalString, formatValue } from './encode-values.ts';

const MR = { SOPClassUID: '1.2.840.10008.5.1.4.1.1.4', SOPInstanceUID: '1.2.3' };
const asLatin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

describe('encodeDicom', () => {
  it('writes a complete file meta information whose group length is right', () => {
    const bytes = encodeDicom(MR);
    expect(bytes.subarray(0, 128).every((byte) => byte === 0)).toBe(true);
    const text = asLatin1(bytes);
    expect(text.slice(128, 132)).toBe('DICM');
    const end = 144 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(140, true);
    expect(text.slice(end, end + 16)).toBe('\x08\x00\x05\x00CS\x0a\x00ISO_IR 1');
    expect(text.slice(144, end)).toContain('\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01');
    expect(text).toContain(
      `UI\x2c\x00${IMPLEMENTATION_CLASS_UID}`.replace(
        '\x2c',
        String.fromCharCode((IMPLEMENTATION_CLASS_UID.length + 1) & ~1),
      ),
    );
    expect(text).toContain('\x02\x00\x13\x00SH\x10\x00NEUROINSIGHT_01 ');
  });

  it('gives the same bytes for the same dataset, whatever the order of its keys', () => {
    const one = encodeDicom({ ...MR, Rows: 2, PatientID: 'A' });
    const other = encodeDicom({ PatientID: 'A', Rows: 2, ...MR });
    expect(Buffer.compare(one, other)).toBe(0);
  });

  it('refuses an unknown keyword, a file meta keyword and a transfer syntax it cannot write', () => {
    expect(() => encodeDicom({ ...MR, PatientNmae: 'x' })).toThrow(/PatientNmae/);
    expect(() => encodeDicom({ ...MR, TransferSyntaxUID: '1.2' })).toThrow(/file meta/);
    expect(() => encodeDicom(MR, '1.2.840.10008.1.2.2')).toThrow(/transfer syntax/);
    expect(() => encodeDicom({ SOPClassUID: '1.2' })).toThrow(/UI/);
  });

  it('refuses values that their VR does not allow and names the attribute, not the value', () => {
    const refused: Record<string, unknown>[] = [
      { StudyDate: '2024-01-01' },
      { StudyTime: '9:30' },
      { StudyInstanceUID: '1..3' },
      { StudyInstanceUID: '../../etc' },
      { Modality: 'mr' },
      { PatientAge: '42' },
      { Rows: 70000 },
      { Rows: 1.5 },
      { Rows: '12' },
      { InstanceNumber: 2 ** 31 },
      { SliceThickness: Number.NaN },
      { SliceThickness: '1.2.3' },
      { RealWorldValueSlope: Number.POSITIVE_INFINITY },
      { RecommendedDisplayFrameRateInFloat: 1e300 },
      { PatientID: 5 },
      { PatientID: ['a', 'b'] },
      { ReferencedStudySequence: ['a'] },
      { PixelData: 'abc' },
      { PixelData: [new Uint8Array(2), new Uint8Array(2)] },
      { FrameIncrementPointer: 'NoSuchKeyword' },
      { ExtendedOffsetTable: 1 },
    ];
    for (const extra of refused) {
      const keyword = Object.keys(extra)[0]!;
      expect(() => encodeDicom({ ...MR, ...(extra as Record<string, string>) })).toThrow(keyword);
    }
  });

  it('refuses a short-length element of more than 65534 bytes', () => {
    expect(() => encodeDicom({ ...MR, OtherPatientNames: new Array(3000).fill('x'.repeat(30)) })).toThrow(/65534/);
  });

  it('writes pixel data as OB up to 8 bits and as OW above, and pads an odd length', () => {
    const pixels = { ...MR, PixelRepresentation: 0, PixelData: new Uint8Array([1, 2, 3]) };
    expect(asLatin1(encodeDicom({ ...pixels, BitsAllocated: 1 }))).toContain(
      '\xe0\x7f\x10\x00OB\x00\x00\x04\x00\x00\x00\x01\x02\x03\x00',
    );
    expect(asLatin1(encodeDicom({ ...pixels, BitsAllocated: 16 }))).toContain('\xe0\x7f\x10\x00OW\x00\x00\x04');
  });

  it('decides US or SS by Pixel Representation, in items by that of the dataset around them', () => {
    const signed = asLatin1(
      encodeDicom({
        ...MR,
        PixelRepresentation: 1,
        RealWorldValueMappingSequence: [{ RealWorldValueFirstValueMapped: -2 }],
        PixelPaddingValue: -1,
      }),
    );
    expect(signed).toContain('\x28\x00\x20\x01SS\x02\x00\xff\xff');
    expect(signed).toContain('\x40\x00\x16\x92SS\x02\x00\xfe\xff');
    expect(() => encodeDicom({ ...MR, PixelRepresentation: 0, PixelPaddingValue: -1 })).toThrow(/US/);
  });

  it('always says UTF-8 and writes text in it', () => {
    const bytes = encodeDicom({ ...MR, SpecificCharacterSet: 'ISO_IR 100', PatientName: 'Müller' });
    expect(asLatin1(bytes)).toContain('ISO_IR 192');
    expect(Buffer.from(bytes).includes(Buffer.from('Müller', 'utf8'))).toBe(true);
  });

  it('writes encapsulated pixel data as one fragment a frame after a filled offset table', () => {
    const bytes = encodeDicom(
      { ...MR, PixelData: [new Uint8Array([9]), new Uint8Array(40_000)] },
      '1.2.840.10008.1.2.5',
    );
    const text = asLatin1(bytes);
    expect(text).toContain(
      '\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\x08\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x00\xfe\xff\x00\xe0\x02\x00\x00\x00\x09\x00\xfe\xff\x00\xe0\x40\x9c\x00\x00',
    );
  });
});

describe('formatDecimalString', () => {
  it('never needs more than 16 characters and stays within 5e-9 of the number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e300, max: 1e300 }), (value) => {
        const text = formatDecimalString(value);
        expect(text.length).toBeLessThanOrEqual(16);
        expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(Math.abs(value) * 5e-9 + Number.MIN_VALUE);
      }),
    );
  });

  it('keeps what is exact and never writes a negative zero', () => {
    expect(formatDecimalString(-0)).toBe('0');
    expect(formatDecimalString(0.9375)).toBe('0.9375');
    expect(formatDecimalString(1 / 3)).toBe('0.33333333333333');
    expect(formatDecimalString(-0.00012345678901234567)).toBe('-1.2345678901e-4');
  });
});

describe('formatValue', () => {
  it('cuts long text by characters, not by half of a surrogate pair', () => {
    expect(formatValue('SH', '\u{1F9E0}'.repeat(20))).toBe('\u{1F9E0}'.repeat(16));
    expect(formatValue('LO', 'x'.repeat(70))).toBe('x'.repeat(64));
    expect(formatValue('PN', `${'a'.repeat(70)}^b=c`)).toBe(`${'a'.repeat(64)}=c`);
  });

  it('writes a name of 64 characters outside the basic plane', () => {
    const name = '\u{20BB7}'.repeat(64);
    expect(Buffer.from(encodeDicom({ ...MR, PatientName: name })).includes(Buffer.from(name))).toBe(true);
  });

  it('takes control characters and value separators out of short text', () => {
    expect(formatValue('LO', 'a\\b\nc\x1b')).toBe('a/b c ');
    expect(formatValue('UT', 'a\\b\nc')).toBe('a\\b\nc');
  });
});
