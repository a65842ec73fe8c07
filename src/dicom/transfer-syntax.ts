import type { Encoding } from './tokenizer.ts';

/** PS3.5 annex A, PS3.6 table A-1. */
export const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
export const DEFLATED_EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1.99';
export const EXPLICIT_BIG_ENDIAN = '1.2.840.10008.1.2.2';
export const RLE_LOSSLESS = '1.2.840.10008.1.2.5';
const DEFLATED_FRAMES = '1.2.840.10008.1.2.8.1';

/** True where pixel data is a sequence of fragments (PS3.5 A.4): the JPEG family, MPEG, HTJ2K, RLE, deflated frames. */
export function isEncapsulated(transferSyntaxUid: string): boolean {
  return (
    transferSyntaxUid === RLE_LOSSLESS ||
    transferSyntaxUid === DEFLATED_FRAMES ||
    /^1\.2\.840\.10008\.1\.2\.4\.\d+(\.1)?$/.test(transferSyntaxUid)
  );
}

/** How the dataset is written, undefined for a transfer syntax that PS3.5 does not know. */
export function encodingOf(transferSyntaxUid: string): Encoding | undefined {
  if (transferSyntaxUid === IMPLICIT_LITTLE_ENDIAN) return { explicit: false, littleEndian: true };
  if (transferSyntaxUid === EXPLICIT_BIG_ENDIAN) return { explicit: true, littleEndian: false };
  const explicit =
    transferSyntaxUid === EXPLICIT_LITTLE_ENDIAN ||
    transferSyntaxUid === DEFLATED_EXPLICIT_LITTLE_ENDIAN ||
    isEncapsulated(transferSyntaxUid);
  return explicit ? { explicit, littleEndian: true } : undefined;
}

/** What `encodeDicom` writes. Explicit big endian is retired (PS3.5 2006 A.3) and never written. */
export function isWritable(transferSyntaxUid: string): boolean {
  return transferSyntaxUid !== EXPLICIT_BIG_ENDIAN && encodingOf(transferSyntaxUid) !== undefined;
}
