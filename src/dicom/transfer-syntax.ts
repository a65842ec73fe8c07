/** PS3.5 annex A, PS3.6 table A-1. */
export const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
export const DEFLATED_EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1.99';
export const EXPLICIT_BIG_ENDIAN = '1.2.840.10008.1.2.2';
export const RLE_LOSSLESS = '1.2.840.10008.1.2.5';

/** True where pixel data is a sequence of fragments (PS3.5 A.4): the JPEG family, MPEG, HTJ2K, RLE. */
export function isEncapsulated(transferSyntaxUid: string): boolean {
  return transferSyntaxUid === RLE_LOSSLESS || /^1\.2\.840\.10008\.1\.2\.4\.\d+$/.test(transferSyntaxUid);
}

/** What `encodeDicom` writes. Explicit big endian is retired (PS3.5 2006 A.3) and never written. */
export function isWritable(transferSyntaxUid: string): boolean {
  return (
    transferSyntaxUid === IMPLICIT_LITTLE_ENDIAN ||
    transferSyntaxUid === EXPLICIT_LITTLE_ENDIAN ||
    transferSyntaxUid === DEFLATED_EXPLICIT_LITTLE_ENDIAN ||
    isEncapsulated(transferSyntaxUid)
  );
}
