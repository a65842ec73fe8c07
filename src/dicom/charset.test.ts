import { describe, expect, it } from '@jest/globals';
import { element, file, item } from '../../test/harness/dicom-bytes.ts';
import { characterSetOf } from './charset.ts';
import { readDicom } from './file.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const decode = (terms: string[], hex: string, personName = false) =>
  characterSetOf(terms).decode(bytes(hex), personName);

describe('characterSetOf', () => {
  it.each([
    ['ISO_IR 100', '4d fc 6c 6c 65 72 85', 'Müller\u0085'],
    ['ISO_IR 101', 'a3 f3 64 bc', 'Łódź'],
    ['ISO_IR 109', 'a6 65 f1 fe', 'Ĥeñŝ'],
    ['ISO_IR 110', 'b9 fe', 'šū'],
    ['ISO_IR 144', 'bb ee da 63 65 dc d1 79 70 d3', 'Люкceмбypг'],
    ['ISO_IR 127', 'e2 c8 c7 e6 ea', 'قباني'],
    ['ISO_IR 126', 'c4 e9 ef ed f5 f3 e9 ef f2', 'Διονυσιος'],
    ['ISO_IR 138', 'f9 f8 e5 ef', 'שרון'],
    ['ISO_IR 148', 'c7 61 76 75 fe 6f f0 6c 75', 'Çavuşoğlu'],
    ['ISO_IR 203', 'a4', '€'],
    ['ISO_IR 166', 'ca c1 aa d2 c2', 'สมชาย'],
    ['ISO_IR 13', 'd4 cf c0 de 5e c0 db b3', 'ﾔﾏﾀﾞ^ﾀﾛｳ'],
    ['ISO_IR 192', '57 61 6e 67 e7 8e 8b', 'Wang王'],
    ['GB18030', '57 61 6e 67 5e cd f5', 'Wang^王'],
    ['GBK', 'cd f5', '王'],
  ])('decodes %s', (term, hex, expected) => {
    expect(decode([term], hex)).toBe(expected);
  });

  it('shows what ISO_IR 6 and unknown sets do not have, and does not guess', () => {
    expect(decode([], '4d fc 6c')).toBe('M\ufffdl');
    expect(decode(['ISO_IR 6'], '4d fc 6c')).toBe('M\ufffdl');
    expect(decode(['ISO_IR 999'], '4d fc 6c')).toBe('M\ufffdl');
    expect(decode(['ISO_IR 192'], '4d fc 6c')).toBe('M\ufffdl');
  });

  // The person names of PS3.5 annexes H, I and K.
  it('follows the escape sequences of Japanese names (ISO 2022 IR 87)', () => {
    const hex =
      '59616d6164615e5461726f753d1b24423b3345441b28425e1b244242404f3a1b28423d1b2442246424 5e24401b28425e1b2442243f246d24261b2842';
    expect(decode(['', 'ISO 2022 IR 87'], hex, true)).toBe('Yamada^Tarou=山田^太郎=やまだ^たろう');
  });

  it('follows half-width katakana before them (ISO 2022 IR 13)', () => {
    const hex =
      'd4cfc0de5ec0dbb33d1b24423b3345441b284a5e1b244242404f3a1b284a3d1b2442246424 5e24401b284a5e1b2442243f246d24261b284a';
    expect(decode(['ISO 2022 IR 13', 'ISO 2022 IR 87'], hex, true)).toBe('ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう');
  });

  it('follows Korean (ISO 2022 IR 149) and returns to the first set at ^ and =', () => {
    const hex = '486f6e675e47696c646f6e673d1b242943fbf35e1b242943d1ce d4d73d1b242943c8ab5e1b242943b1e6b5bf';
    expect(decode(['', 'ISO 2022 IR 149'], hex, true)).toBe('Hong^Gildong=洪^吉洞=홍^길동');
    expect(decode(['', 'ISO 2022 IR 149'], '1b242943c8ab5e b1e6', true)).toBe('홍^\ufffd\ufffd');
  });

  it('follows simplified Chinese (ISO 2022 IR 58) to the end of the line', () => {
    const hex = '5a68616e675e5869616f446f6e673d1b242941d5c55e1b242941d0a1b6ab';
    expect(decode(['', 'ISO 2022 IR 58'], hex, true)).toBe('Zhang^XiaoDong=张^小东');
    expect(decode(['', 'ISO 2022 IR 58'], '1b242941b5da d2bb 0d0a d0a1')).toBe('第一\r\n\ufffd\ufffd');
  });

  it('follows JIS X 0212 and single-byte sets', () => {
    expect(decode(['', 'ISO 2022 IR 159'], '1b242844 3021 1b2842')).toBe('丂');
    expect(decode(['ISO 2022 IR 6', 'ISO 2022 IR 100'], '1b2d41 fc')).toBe('ü');
    expect(decode(['ISO 2022 IR 100', 'ISO 2022 IR 144'], 'fc 1b2d4c bb')).toBe('üЛ');
  });

  it('shows an escape sequence that it does not know, and survives a lonely ESC', () => {
    expect(decode(['', 'ISO 2022 IR 87'], '1b285a 41')).toBe('\ufffdA');
    expect(decode(['', 'ISO 2022 IR 87'], '41 1b')).toBe('A\ufffd');
    expect(decode(['', 'ISO 2022 IR 87'], '1b2442 3b')).toBe('\ufffd');
  });
});

describe('Specific Character Set in a file', () => {
  it('is inherited by items and overridden in them', () => {
    const name = (hex: string) => element(0x00081070, 'PN', bytes(hex));
    const items = Buffer.concat([
      item(name('4dfc')),
      item(Buffer.concat([element(0x00080005, 'CS', 'ISO_IR 144'), name('bbee')])),
      item(Buffer.concat([element(0x00080005, 'CS', ''), name('4dfc')])),
    ]);
    const { dataset } = readDicom(
      file(Buffer.concat([element(0x00080005, 'CS', 'ISO_IR 100'), element(0x00081140, 'SQ', items)])),
    );
    const names = dataset.sequence('ReferencedImageSequence').map((one) => one.string('OperatorsName'));
    expect(names).toEqual(['Mü', 'Лю', 'M\ufffd']);
  });

  it('keeps a backslash that is half of a character of GB18030 or JIS X 0208 from separating values', () => {
    const chinese = readDicom(
      file(Buffer.concat([element(0x00080005, 'CS', 'GB18030'), element(0x00081050, 'PN', bytes('815c 5c 41'))])),
    );
    expect(chinese.dataset.strings('PerformingPhysicianName')).toEqual(['乗', 'A']);
    const japanese = readDicom(
      file(
        Buffer.concat([
          element(0x00080005, 'CS', '\\ISO 2022 IR 87'),
          element(0x0008103e, 'LO', bytes('1b2442 215c 1b2842 5c 41')),
        ]),
      ),
    );
    expect(japanese.dataset.strings('SeriesDescription')).toEqual(['＋', 'A']);
  });
});
