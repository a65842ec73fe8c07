import { describe, expect, it } from '@jest/globals';
import { bytesOf, codeAt, itemsOf, readDicom } from '../../test/harness/dicom-reading.ts';
import { makeResultFixture } from '../../test/harness/result-fixture.ts';
import { buildEncapsulatedPdf } from './encapsulated-pdf.ts';

const { result } = makeResultFixture();

describe('buildEncapsulatedPdf', () => {
  it.each([9, 10])('keeps a page of %i bytes and its true length, padded to an even number', (length) => {
    const pdf = Uint8Array.from({ length }, (_, index) => index + 1);
    const file = readDicom(buildEncapsulatedPdf(result, pdf));
    expect(file.uint32('x00420015')).toBe(length);
    const stored = bytesOf(file, 'x00420011');
    expect(stored.length).toBe(10);
    expect([...stored.subarray(0, length)]).toEqual([...pdf]);
    if (length === 9) expect(stored[9]).toBe(0);
  });

  it('says what it is, what it was made from, and that nobody verified it', () => {
    const file = readDicom(buildEncapsulatedPdf(result, new Uint8Array(4)));
    expect(file.string('x00080016')).toBe('1.2.840.10008.5.1.4.1.1.104.1');
    expect(file.string('x00420012')).toBe('application/pdf');
    expect(file.string('x00420010')).toContain('research use only');
    expect(file.string('x0040a493')).toBe('UNVERIFIED');
    expect(file.string('x00280301')).toBe('YES');
    expect(codeAt(file, 'x0040a043')).toBe('LN 18748-4');
    const sources = itemsOf(file, 'x00420013').map((item) => item.string('x00081155'));
    expect(sources).toHaveLength(42);
    expect(sources.slice(-2)).toEqual([result.identifiers.segUid, result.identifiers.srUid]);
  });
});
