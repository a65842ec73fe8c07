/** How one value representation is laid out (PS3.5 table 6.2-1 and 7.1.2). */
export interface Vr {
  /** Two letters; UN for letters that PS3.5 does not know (6.2.2: to be read like UN). */
  readonly name: string;
  /** True where the explicit length field has 32 bits. */
  readonly long: boolean;
}

const SHORT = [
  'AE',
  'AS',
  'AT',
  'CS',
  'DA',
  'DS',
  'DT',
  'FL',
  'FD',
  'IS',
  'LO',
  'LT',
  'PN',
  'SH',
  'SL',
  'SS',
  'ST',
  'TM',
  'UI',
  'UL',
  'US',
];
const LONG = ['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV'];

const BY_NAME: ReadonlyMap<string, Vr> = new Map<string, Vr>([
  ...SHORT.map((name) => [name, { name, long: false }] as const),
  ...LONG.map((name) => [name, { name, long: true }] as const),
]);

export const SQ: Vr = BY_NAME.get('SQ')!;
export const UN: Vr = BY_NAME.get('UN')!;

const A = 0x41;
const BY_LETTERS: readonly Vr[] = Array.from({ length: 26 * 26 }, (_, index) => {
  const name = String.fromCharCode(A + Math.floor(index / 26), A + (index % 26));
  return BY_NAME.get(name) ?? UN;
});

/** The VR of two bytes of an explicit header, undefined where they are not two capital letters. */
export function vrOfLetters(first: number, second: number): Vr | undefined {
  const high = first - A;
  const low = second - A;
  return high >= 0 && high < 26 && low >= 0 && low < 26 ? BY_LETTERS[high * 26 + low] : undefined;
}

/** The VR of a name as the dictionary writes it; its own marks (ox, xs, ...) and unknown names are UN. */
export function vrOfName(name: string | undefined): Vr {
  return (name && BY_NAME.get(name)) || UN;
}
