/**
 * What the free text of a header says about an acquisition. Names are the weakest evidence there is: sites write what
 * they like, so the words only ever add to tags and timing, and nothing of the text is ever quoted in a message
 * (descriptions have been seen to hold patient names).
 */
export interface NamedContrast {
  /** A T1-weighted contrast or a sequence that is only ever run for one. */
  readonly t1: boolean;
  /** In words, when the name says something other than T1: "named T2-weighted". */
  readonly other?: string;
  /** In words, when the name says that the images are no anatomy to measure: "named a localizer". */
  readonly unusable?: string;
  /** In words, when the name says that contrast agent was given. */
  readonly enhanced?: string;
  /** A reconstruction, if the image type says DERIVED too: sites also shorten MPRAGE to "MPR". */
  readonly reformat: boolean;
  readonly mp2rageUniform: boolean;
  readonly denoised: boolean;
  /** Three-dimensional turbo spin echo (SPACE, CUBE, VISTA): T1-weighted, but not what the model learnt from. */
  readonly spinEcho3d: boolean;
}

/** T1 as a word or glued to what sites glue it to; never the end of "rest1" or the start of "t10". */
const T1 = /(?:^|[^a-z0-9]|[23]d|ax|axial|sag|sagittal|cor|coronal|tra|anat|wip|(?:^|[^a-z])s)t1(?![0-9])/;
const T1_SEQUENCE =
  /mp-?rage|\bspgr|fspgr|efgre3d|bravo|\btfe\b|3d_?tfe|tfl3d|vibe|\bfame\b|fast ?3d ?spgr|turbo ?flash|\bme ?mpr|ir-?fspgr|\blava\b|\bthrive\b/;
/** Siemens sites shorten MPRAGE to "mpr" ("t1_mpr_sag_iso"); as a reformat the image type says MPR too. */
const MPRAGE_SHORT = /\bmpr\b/;
const UNIFORM = /\buni\b|\buni[ _-]?(?:den|images?)|uniform/;

/** [pattern, words] of contrasts that are not T1; read only where the name does not say T1 as well. */
const OTHER: readonly (readonly [RegExp, string])[] = [
  [/flair|dark ?fluid/, 'named FLAIR'],
  [/\bt2 ?\*|t2 ?star|\bswi\b|\bswan\b|\bswip\b|venobold|hemo/, 'named T2*-weighted'],
  [
    /(?:^|[^a-z0-9]|[23]d|ax|sag|cor|tra|(?:^|[^a-z])s)t2(?![0-9])|\bhaste\b|\bpropeller\b|\bblade\b/,
    'named T2-weighted',
  ],
  [/\bfiesta\b|\bciss\b|\bdess\b|\btrufi\b|\bdrive\b/, 'named a steady-state sequence'],
  [/\bpd\b|\bpdw?\b|proton ?dens/, 'named proton-density-weighted'],
  // "EPI" beside T1 is somebody's short form of epilepsy.
  [/\bepi\b|ep2d/, 'named echo planar'],
  [/\bstir\b|\btirm\b/, 'named STIR'],
  [/\bdir\b|double ?inversion/, 'named double inversion recovery'],
];

/** [pattern, words] of series that hold no T1 anatomy even when the name says T1 as well ("T1 map"). */
const UNUSABLE: readonly (readonly [RegExp, string])[] = [
  [
    /localizer|localiser|\bscout\b|aahead|aahscout|survey|\b3 ?-?plane\b|\bloc\b|smart ?brain|\bpilot\b/,
    'named a localizer',
  ],
  [/\bdwi\b|\bdti\b|\bdki\b|\badc\b|diffusion|\bdiff\b|trace ?w|\bb ?= ?\d{3,4}\b|\bb\d{3,4}\b/, 'named diffusion'],
  [/\bbold\b|fmri|resting|\brest\b|\btask\b/, 'named functional imaging'],
  [/\basl\b|pcasl|perfusion|\bperf\b|\bdsc\b|\bdce\b|\bcbf\b|\bcbv\b|\bmtt\b/, 'named perfusion'],
  [/\btof\b|\bmra\b|angio|\bmrv\b|venogra|\bpca?\b|phase ?contrast|\bmip\b/, 'named angiography'],
  [
    /\bt[12] ?-?maps?\b|t1 ?_?images?\b|mapit|molli|relaxometry|quantitative|\bqsm\b|\bmtr\b|\br[12] ?\*?map/,
    'named a parameter map',
  ],
  [/field ?-?map|b0 ?-?map|b1 ?-?map|gre_field/, 'named a field map'],
  [/spectro|\bmrs\b|\bsvs\b|\bcsi\b/, 'named spectroscopy'],
  [/\bphase\b|\bpha\b/, 'named a phase image'],
  [/\binv ?-?[12]\b|_inv[12]\b/, 'named one inversion of MP2RAGE'],
  [/screen ?save|screenshot|\breport\b|key ?images?|presentation/, 'named a screen capture'],
  [/subtract|\bsubtr\b|difference ?image/, 'named a subtraction'],
  [
    /\bc-?spine|\bt-?spine|\bl-?spine|\bspine\b|\bknee\b|\bshoulder\b|\bbreast\b|\bprostate\b/,
    'named another body part',
  ],
];

const NOT_ENHANCED = /\b(?:pre|no|non|without|w\/?o|ohne|nativ|native|sans|unenhanced)\b/;
const ENHANCED =
  /\bgado?\b|\bgd\b|gadolin|gadovist|dotarem|\bpost\b|post-?(?:gd|gad|contrast|kontrast)|\+ ?c\b|\bc ?\+|\+ ?gd|\bce\b|\bkm\b|contrast|kontrast|enhanced/;

const wordsOf = (table: readonly (readonly [RegExp, string])[], text: string): string | undefined =>
  table.find(([pattern]) => pattern.test(text))?.[1];

/** Lower case, with the separators that sites use between words turned into spaces. */
const spoken = (parts: readonly (string | undefined)[]): string =>
  parts
    .filter((part) => part !== undefined)
    .join(' ')
    .toLowerCase()
    .replaceAll(/[_.,;:()[\]\\/^]+/g, ' ')
    .trim();

/**
 * Reads the names of a series.
 *
 * @param description Series Description; the protocol name stands in where it is missing.
 * @param sequence Sequence Name and Pulse Sequence Name: never a site's choice, so read for T1 only.
 */
export function readNames(
  description: string | undefined,
  protocol: string | undefined,
  sequence: readonly (string | undefined)[],
): NamedContrast {
  const own = spoken([description ?? protocol]);
  // The protocol often names the whole session ("brain T1 T2"), so only the series' own name may speak against T1.
  const all = spoken([description, protocol, ...sequence]);
  const saysT1 = (text: string): boolean =>
    T1.test(text) || T1_SEQUENCE.test(text) || MPRAGE_SHORT.test(text) || (/mp2rage/.test(text) && UNIFORM.test(text));
  const t1 = saysT1(own) || (wordsOf(OTHER, own) === undefined && saysT1(all));
  const other = saysT1(own) ? undefined : wordsOf(OTHER, own);
  const unusable = wordsOf(UNUSABLE, own);
  return {
    t1,
    ...(other !== undefined && { other }),
    ...(unusable !== undefined && { unusable }),
    ...(ENHANCED.test(own) && !NOT_ENHANCED.test(own) && { enhanced: 'named as taken after contrast agent' }),
    reformat: MPRAGE_SHORT.test(own) || /reformat|\brecon|\bmpv\b/.test(own),
    mp2rageUniform: UNIFORM.test(own),
    denoised: /den\b|denois/.test(own),
    spinEcho3d: /\bspace\b|\bcube\b|vista|brainview|\bspc\b/.test(all),
  };
}
