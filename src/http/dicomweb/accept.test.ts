import { describe, expect, it } from '@jest/globals';
import { acceptedTypes, negotiate, type Offer } from './accept.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const JPEG_LS = '1.2.840.10008.1.2.4.80';
const frames: readonly Offer[] = [
  { form: 'multipart', type: 'image/jls', transferSyntax: JPEG_LS, isDefault: true },
  { form: 'multipart', type: 'application/octet-stream', transferSyntax: JPEG_LS },
  { form: 'multipart', type: 'application/octet-stream', transferSyntax: EXPLICIT, isDefault: true },
  { form: 'single', type: 'application/octet-stream', transferSyntax: EXPLICIT, isDefault: true },
];
const chosen = (header: string | undefined, parameter?: string): number =>
  frames.indexOf(negotiate(acceptedTypes(header, parameter), frames));

describe('Accept of a DICOMweb request', () => {
  it.each([
    [undefined, 0],
    ['', 0],
    ['*/*', 0],
    ['multipart/related', 0],
    ['multipart/related; type="image/jls"', 0],
    ['multipart/related; type="image/*"', 0],
    ['multipart/related; type=application/octet-stream; transfer-syntax=*', 1],
    ['multipart/related;type="application/octet-stream";transfer-syntax=*', 1],
    [`Multipart/Related; Type="Application/Octet-Stream"; transfer-syntax="${JPEG_LS}"`, 1],
    ['multipart/related; type="application/octet-stream"', 2],
    [`multipart/related; type="application/octet-stream"; transfer-syntax=${EXPLICIT}`, 2],
    ['application/octet-stream', 3],
    ['text/html, application/octet-stream;q=0.5', 3],
    ['multipart/related; type="application/octet-stream"; q=0.4, multipart/related; type="image/jls"; q=0.9', 0],
    ['multipart/related; type="image/jls"; q=0, application/octet-stream; q=0.1', 3],
    ['nonsense, application/octet-stream', 3],
  ])('%s takes offer %i', (header, offer) => {
    expect(chosen(header)).toBe(offer);
  });

  it('is read from the query before the header', () => {
    expect(chosen('image/png', 'application/octet-stream')).toBe(3);
  });

  it.each([
    'image/png',
    'image/jls',
    'multipart/related; type="application/dicom"',
    'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.90',
    'application/octet-stream; q=0',
    'application/octet-stream; q=x',
    'nonsense',
    ',,;=;"',
  ])('%s takes nothing, and the refusal names what there is', (header) => {
    expect(() => chosen(header)).toThrow(expect.objectContaining({ kind: 'not-acceptable' }));
    expect(() => chosen(header)).toThrow(`multipart/related; type="image/jls"; transfer-syntax=${JPEG_LS} or`);
  });
});
