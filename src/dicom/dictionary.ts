import dcmjs from 'dcmjs';

/** One attribute of PS3.6, as dcmjs lists it. */
export interface DictionaryEntry {
  /** 0xGGGGEEEE. */
  readonly tag: number;
  /** Two letters of PS3.5 6.2, or dcmjs's own marks: ox = OB or OW, xs = US or SS, lt = US or OW, up = UL. */
  readonly vr: string;
  /** Value multiplicity: 1, 1-n, 2-2n, ... */
  readonly vm: string;
}

const BY_KEYWORD: ReadonlyMap<string, DictionaryEntry> = new Map(
  Object.values(dcmjs.data.DicomMetaDictionary.nameMap).flatMap(({ name, tag, vr, vm }) => {
    const number = Number.parseInt(tag.slice(1, 5) + tag.slice(6, 10), 16);
    return Number.isNaN(number) ? [] : [[name, { tag: number, vr, vm }] as const];
  }),
);

const BY_TAG: ReadonlyMap<number, DictionaryEntry> = new Map(
  [...BY_KEYWORD.values()].map((entry) => [entry.tag, entry]),
);

const KEYWORD_BY_TAG: ReadonlyMap<number, string> = new Map(
  [...BY_KEYWORD].map(([keyword, { tag }]) => [tag, keyword]),
);

/** True for a keyword of PS3.6. */
export function isKeyword(text: string): boolean {
  return BY_KEYWORD.has(text);
}

/** Keyword of a standard attribute by its tag (0xGGGGEEEE), undefined for private and unknown ones. */
export function keywordOfTag(tag: number): string | undefined {
  return KEYWORD_BY_TAG.get(tag);
}

/**
 * Tag, VR and multiplicity of a keyword of PS3.6. An unknown keyword is a defect of the caller: a plain Error.
 */
export function entryOf(keyword: string): DictionaryEntry {
  const entry = BY_KEYWORD.get(keyword);
  if (!entry) throw new Error(`no attribute of PS3.6 has the keyword ${keyword}`);
  return entry;
}

/** 0xGGGGEEEE of a keyword of PS3.6; an unknown keyword is a plain Error. */
export function tagOf(keyword: string): number {
  return entryOf(keyword).tag;
}

/** VR of a standard attribute by its tag, undefined for private and unknown ones; for implicit VR encodings. */
export function vrOfTag(tag: number): string | undefined {
  return BY_TAG.get(tag)?.vr;
}

/** Eight upper-case hex digits: 0x00100010 -> "00100010". */
export function hexOfTag(tag: number): string {
  return tag.toString(16).toUpperCase().padStart(8, '0');
}
