import { describe, expect, it } from '@jest/globals';
import { parseMediaType } from './media-type.ts';

const parsed = (text: string) => {
  const mediaType = parseMediaType(text);
  return mediaType && [mediaType.type, Object.fromEntries(mediaType.parameters)];
};

describe('a media type', () => {
  it('is read with its parameters, quoted or not', () => {
    const expected = ['multipart/related', { type: 'application/dicom', boundary: 'a b' }];
    expect(parsed('Multipart/Related; type="application/dicom"; boundary="a b"')).toEqual(expected);
    expect(parsed('multipart/related;TYPE=application/dicom ;boundary="a\\ b";')).toEqual(expected);
  });

  it('counts the first of a parameter given twice', () => {
    expect(parsed('multipart/related; boundary=a; boundary=b')).toEqual(['multipart/related', { boundary: 'a' }]);
  });

  it.each(['', 'dicom', 'a/b c', 'a/b; boundary="open', 'a/b; =x', '/b'])('that is none (%j) is not read', (text) => {
    expect(parsed(text)).toBeUndefined();
  });
});
