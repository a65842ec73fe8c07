import { describe, expect, it } from '@jest/globals';
import {
  element,
  file,
  implicitElement,
  item,
  openSequence,
  STUDY_AND_SERIES,
  UIDS,
  uint16,
  uint32,
} from '../../test/harness/dicom-bytes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { JsonAttribute, JsonDataset } from '../ports/dicom-index.ts';
import { readDicom } from './file.ts';
import { jsonOf } from './json.ts';

const IMPLICIT = '1.2.840.10008.1.2';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';
const bulkDataUri = (tagPath: string) => `bulkdata/${tagPath}`;

const json = (dataset: Uint8Array, transferSyntaxUid?: string): JsonDataset =>
  jsonOf(readDicom(file(dataset, transferSyntaxUid)), { bulkDataUri });

const itemsOf = (sequence: JsonAttribute | undefined) => (sequence?.Value ?? []) as readonly JsonDataset[];

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof NeuroInsightError) return error.kind;
    throw error;
  }
  return 'nothing refused';
}

describe('the DICOM JSON Model', () => {
  it('leaves file meta information and group lengths out', () => {
    const tags = Object.keys(json(Buffer.concat([element(0x00080000, 'UL', uint32(8)), UIDS, STUDY_AND_SERIES])));
    expect(tags).toEqual(['00080016', '00080018', '0020000D', '0020000E']);
  });

  it('takes a person name apart into its groups, empty ones left out', () => {
    const name = element(0x00100010, 'PN', 'Yamada^Tarou=\xe5==');
    const only = element(0x00100010, 'PN', '=Ideographic=Phonetic ');
    expect(json(Buffer.concat([element(0x00080005, 'CS', 'ISO_IR 100'), name]))['00100010']).toEqual({
      vr: 'PN',
      Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: 'å' }],
    });
    expect(json(only)['00100010']?.Value).toEqual([{ Ideographic: 'Ideographic', Phonetic: 'Phonetic' }]);
    expect(json(element(0x00100010, 'PN', '=='))['00100010']).toEqual({ vr: 'PN' });
  });

  it('writes decimal and integer strings as numbers, and as they came where they are none', () => {
    const written = json(
      Buffer.concat([
        element(0x00280030, 'DS', '0.48828125\\+1e2'),
        element(0x00281050, 'DS', '1,5\\ '),
        element(0x00200013, 'IS', '12345678901234567890'),
        element(0x00200012, 'IS', '-7 '),
      ]),
    );
    expect(written['00280030']?.Value).toEqual([0.48828125, 100]);
    expect(written['00281050']?.Value).toEqual(['1,5', null]);
    expect(written['00200013']?.Value).toEqual(['12345678901234567890']);
    expect(written['00200012']?.Value).toEqual([-7]);
  });

  it('writes binary numbers, those that JSON has not as strings', () => {
    const double = Buffer.alloc(24);
    double.writeDoubleLE(1.5, 0);
    double.writeDoubleLE(Number.NaN, 8);
    double.writeDoubleLE(Number.NEGATIVE_INFINITY, 16);
    const long = Buffer.alloc(16);
    long.writeBigUInt64LE(7n, 0);
    long.writeBigUInt64LE(2n ** 63n, 8);
    const written = json(
      Buffer.concat([
        element(0x00091001, 'FD', double),
        element(0x00091002, 'UV', long),
        element(0x00091003, 'AT', uint16(0x0020, 0x000d)),
        element(0x00091004, 'SS', uint16(0xffff, 2)),
        element(0x00091005, 'SV', Buffer.alloc(8, 0xff)),
      ]),
    );
    expect(written['00091001']?.Value).toEqual([1.5, 'NaN', '-inf']);
    expect(written['00091002']?.Value).toEqual([7, '9223372036854775808']);
    expect(written['00091003']?.Value).toEqual(['0020000D']);
    expect(written['00091004']?.Value).toEqual([-1, 2]);
    expect(written['00091005']?.Value).toEqual([-1]);
  });

  it('gives empty elements, empty sequences and mere padding a VR and nothing else', () => {
    const written = json(
      Buffer.concat([
        element(0x00080050, 'SH', ''),
        element(0x00081111, 'SQ', ''),
        element(0x00081030, 'LO', '  '),
        element(0x00204000, 'LT', ' \0'),
      ]),
    );
    expect(written).toEqual({
      '00080050': { vr: 'SH' },
      '00081030': { vr: 'LO' },
      '00081111': { vr: 'SQ' },
      '00204000': { vr: 'LT' },
    });
  });

  it('decodes text by the character set around it and says UTF-8', () => {
    const item100 = Buffer.concat([element(0x00080005, 'CS', 'ISO_IR 144'), element(0x00081030, 'LO', '\xbf\xd0')]);
    const written = json(
      Buffer.concat([
        element(0x00080005, 'CS', 'ISO_IR 100'),
        element(0x00081030, 'LO', 'Stra\xdfe'),
        openSequence(0x00081111, item100, element(0x00081030, 'LO', '\xe4')),
      ]),
    );
    expect(written['00080005']?.Value).toEqual(['ISO_IR 192']);
    expect(written['00081030']?.Value).toEqual(['Straße']);
    expect(written['00081111']?.Value).toEqual([
      { '00080005': { vr: 'CS', Value: ['ISO_IR 192'] }, '00081030': { vr: 'LO', Value: ['Па'] } },
      { '00081030': { vr: 'LO', Value: ['ä'] } },
    ]);
  });

  it('takes the VR of implicit encodings from the dictionary, signs from Pixel Representation, overlays by group', () => {
    const written = json(
      Buffer.concat([
        implicitElement(0x00080016, '1.2.840.10008.5.1.4.1.1.4\0'),
        implicitElement(0x00090010, 'ACME'),
        implicitElement(0x00091001, 'x'),
        implicitElement(0x00280103, uint16(1)),
        implicitElement(0x00280106, uint16(0xfffe)),
        implicitElement(0x60020010, uint16(4)),
        implicitElement(0x60023000, Buffer.alloc(2)),
        implicitElement(0x60031000, uint16(4)),
      ]),
      IMPLICIT,
    );
    expect(written['00090010']).toEqual({ vr: 'LO', Value: ['ACME'] });
    expect(written['00091001']).toEqual({ vr: 'UN', InlineBinary: 'eCA=' });
    expect(written['00280106']).toEqual({ vr: 'SS', Value: [-2] });
    expect(written['60020010']).toEqual({ vr: 'US', Value: [4] });
    expect(written['60023000']).toEqual({ vr: 'OW', InlineBinary: 'AAA=' });
    expect(written['60031000']?.vr).toBe('UN');
  });

  it('hands over the sign of Pixel Representation to the items of sequences', () => {
    const voi = Buffer.concat([implicitElement(0x00283002, uint16(256, 0xffff, 16))]);
    const bytes = Buffer.concat([implicitElement(0x00280103, uint16(1)), implicitElement(0x00283010, item(voi))]);
    const [table] = itemsOf(json(bytes, IMPLICIT)['00283010']);
    expect(table?.['00283002']).toEqual({ vr: 'SS', Value: [256, -1, 16] });
  });

  it('writes words of big endian files as little endian', () => {
    const words = Buffer.from([0x00, 0x08, 0x00, 0x05, 0x4f, 0x57, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
    const uid = Buffer.from([0x00, 0x08, 0x00, 0x18, 0x55, 0x49, 0, 4, 0x31, 0x2e, 0x32, 0]);
    const other = Buffer.from(words);
    other.writeUInt16BE(0x0009, 0);
    other.writeUInt16BE(0x1001, 2);
    const written = json(Buffer.concat([uid, other]), BIG_ENDIAN);
    expect(written['00080018']).toEqual({ vr: 'UI', Value: ['1.2'] });
    expect(written['00091001']).toEqual({ vr: 'OW', InlineBinary: 'AgEEAw==' });
  });

  it('refers to pixel data and to what is large by its place, items counted from 1', () => {
    const waveform = element(0x54001010, 'OW', Buffer.alloc(1026));
    const written = json(
      Buffer.concat([
        openSequence(0x54000100, element(0x54001010, 'OW', Buffer.alloc(1024)), waveform),
        element(0x7fe00010, 'OW', Buffer.alloc(2)),
      ]),
    );
    const [small, large] = itemsOf(written['54000100']);
    expect(small?.['54001010']?.InlineBinary).toHaveLength(1368);
    expect(large?.['54001010']).toEqual({ vr: 'OW', BulkDataURI: 'bulkdata/54000100/2/54001010' });
    expect(written['7FE00010']).toEqual({ vr: 'OW', BulkDataURI: 'bulkdata/7FE00010' });
  });

  it('keeps everything in line for a caller without an address', () => {
    const bytes = file(element(0x7fe00010, 'OW', Buffer.alloc(3000)));
    expect(jsonOf(readDicom(bytes))['7FE00010']?.InlineBinary).toHaveLength(4000);
  });

  it('refers to a long text or table, and refuses what is never meant to be so long', () => {
    const long = 'x'.repeat(70_000);
    expect(json(element(0x00204000, 'UT', long))['00204000']).toEqual({ vr: 'UT', BulkDataURI: 'bulkdata/00204000' });
    expect(refusal(() => json(element(0x00081030, 'UC', Buffer.alloc(5 * 2 ** 20, 0x20))))).toBe('limit-exceeded');
    expect(refusal(() => json(implicitElement(0x00081030, long), IMPLICIT))).toBe('limit-exceeded');
    expect(refusal(() => json(implicitElement(0x00200032, Buffer.alloc(5 * 2 ** 20, 0x5c)), IMPLICIT))).toBe(
      'limit-exceeded',
    );
  });

  it('refers to contours once there are very many of them, and refuses as much short text', () => {
    const one = Buffer.from('1\\'.repeat(30_000));
    const many = (vr: string) =>
      json(Buffer.concat(Array.from({ length: 100 }, (_, i) => element(0x00111000 + i, vr, one))));
    const contours = many('DS');
    expect(contours['00111000']?.Value).toHaveLength(30_001);
    expect(contours['00111063']).toEqual({ vr: 'DS', BulkDataURI: 'bulkdata/00111063' });
    expect(refusal(() => many('LO'))).toBe('limit-exceeded');
  });
});
