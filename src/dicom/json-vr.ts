import { vrOfTag } from './dictionary.ts';
import type { RawElement } from './tokenizer.ts';

/** Overlay planes (60xx,eeee), which PS3.6 lists once for all groups. */
const OVERLAY_VRS: ReadonlyMap<number, string> = new Map([
  [0x0010, 'US'],
  [0x0011, 'US'],
  [0x0015, 'IS'],
  [0x0022, 'LO'],
  [0x0040, 'CS'],
  [0x0050, 'SS'],
  [0x0051, 'US'],
  [0x0100, 'US'],
  [0x0102, 'US'],
  [0x1301, 'IS'],
  [0x1302, 'DS'],
  [0x1303, 'DS'],
  [0x1500, 'LO'],
  [0x3000, 'OW'],
]);

/** The dictionary's marks of VRs that depend on the dataset around them, as implicit VR resolves them (PS3.5 A.1). */
const RESOLVED: Readonly<Record<string, string>> = { ox: 'OW', lt: 'OW', up: 'UL', na: 'UN' };

/**
 * The VR that the DICOM JSON Model names: as written, and for UN and implicit VR that of the dictionary.
 *
 * @param signed Pixel Representation of the dataset, which decides between US and SS.
 */
export function jsonVrOf(element: RawElement, signed: boolean): string {
  const written = element.vr.name;
  if (written !== 'UN') return written;
  const known = dictionaryVrOf(element.tag, signed);
  // A sequence that could be read as one has items and is SQ already; what is left is not one.
  return known === 'SQ' && element.length > 0 ? 'UN' : known;
}

/** VR of an attribute by its tag; UN where neither PS3.6 nor PS3.5 7.8.1 (private creators: LO) says. */
export function dictionaryVrOf(tag: number, signed: boolean): string {
  const known = vrOfTag(tag);
  if (known !== undefined) return known === 'xs' ? (signed ? 'SS' : 'US') : (RESOLVED[known] ?? known);
  const group = tag >>> 16;
  const number = tag & 0xffff;
  if (group % 2 === 1) return number >= 0x10 && number <= 0xff ? 'LO' : 'UN';
  return (group & 0xff00) === 0x6000 ? (OVERLAY_VRS.get(number) ?? 'UN') : 'UN';
}
