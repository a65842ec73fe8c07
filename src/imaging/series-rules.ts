import type { AcquisitionHeader } from '../domain/instance.ts';
import { type NamedContrast, readNames } from './series-names.ts';
import { geometryOf, type Stack, type StackGeometry } from './series-stack.ts';

/** Everything the rules look at, worked out once for each stack. Times in ms. */
export interface StackFacts {
  readonly stack: Stack;
  readonly modality: string | undefined;
  readonly sopClassUid: string;
  readonly bodyPart: string;
  readonly hasPixels: boolean;
  readonly colour: boolean;
  /** Upper case. */
  readonly imageType: readonly string[];
  readonly names: NamedContrast;
  readonly acquisition: AcquisitionHeader;
  readonly geometry: StackGeometry;
}

const MR_CLASSES: ReadonlySet<string> = new Set([
  '1.2.840.10008.5.1.4.1.1.4', // MR Image
  '1.2.840.10008.5.1.4.1.1.4.1', // Enhanced MR Image
  '1.2.840.10008.5.1.4.1.1.4.3', // Enhanced MR Color Image; colour is refused by its own row
  '1.2.840.10008.5.1.4.1.1.4.4', // Legacy Converted Enhanced MR Image
]);
const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

/** Limits of what can be one measurable head. The quality checks are stricter and give a verdict, not a refusal. */
const LEAST_SLICES = 20;
const LEAST_EXTENT_MM = 40;
const LARGEST_STEP_MM = 2.5;
const LARGEST_PIXEL_MM = 2.5;
const MOST_SIBLINGS = 4;

/** A code string as it may stand in a message: the CS repertoire of PS3.5 6.2 and nothing else. */
const codeText = (text: string): string => text.replaceAll(/[^A-Z0-9 _]/gi, '?').slice(0, 16);

const round = (value: number): string => String(Math.round(value * 100) / 100);

/** The first frame that says something speaks for the stack; frames of one stack agree or are split before. */
function acquisitionOf(stack: Stack): AcquisitionHeader {
  const said: Record<string, unknown> = {};
  for (const { instance } of stack.slices) {
    for (const [key, value] of Object.entries(instance.acquisition)) {
      if (said[key] === undefined || (Array.isArray(said[key]) && said[key].length === 0)) said[key] = value;
    }
  }
  return { imageType: [], scanningSequence: [], sequenceVariant: [], ...said };
}

/** Works the facts of a stack out of its headers; never throws. */
export function factsOf(stack: Stack): StackFacts {
  const { instance } = stack.slices[0]!;
  const acquisition = acquisitionOf(stack);
  const { seriesDescription, protocolName, modality, bodyPartExamined } = instance.series;
  return {
    stack,
    modality,
    sopClassUid: instance.sopClassUid,
    bodyPart: (bodyPartExamined ?? '').toUpperCase(),
    hasPixels: instance.pixels !== undefined,
    colour: (instance.pixels?.samplesPerPixel ?? 1) > 1,
    imageType: acquisition.imageType.map((value) => value.toUpperCase()),
    names: readNames(seriesDescription, protocolName, [acquisition.sequenceName, acquisition.pulseSequenceName]),
    acquisition,
    geometry: geometryOf(stack),
  };
}

const isDerived = (facts: StackFacts): boolean => facts.imageType[0] === 'DERIVED';

const SPOILED_OR_PREPARED = { longestTe: 12, longestTr: 60, leastFlip: 8 };

/** What repetition, echo and inversion time alone say; `undefined` where they are missing or say nothing. */
export function contrastOfTiming(acquisition: AcquisitionHeader): { t1: true } | { other: string } | undefined {
  const { repetitionTime: tr, echoTime: te, inversionTime: ti, flipAngle, scanningSequence } = acquisition;
  if (te === undefined) return undefined;
  const gradient = scanningSequence.includes('GR') && !scanningSequence.includes('SE');
  const inverted = ti !== undefined && ti > 0;
  if (te > 50 && inverted && ti >= 1500) {
    return { other: `inversion recovery with TI ${round(ti)} ms and TE ${round(te)} ms: FLAIR-like` };
  }
  if (te > 30) return { other: `TE ${round(te)} ms: T2-weighted` };
  if (gradient && te > SPOILED_OR_PREPARED.longestTe) {
    return { other: `gradient echo with TE ${round(te)} ms: T2*-weighted` };
  }
  if (inverted && ti > 1700) return { other: `TI ${round(ti)} ms with short TE: proton-density-like inversion image` };
  if (inverted && ti < 300 && !gradient && scanningSequence.includes('SE')) {
    return { other: `TI ${round(ti)} ms in a spin echo: STIR-like` };
  }
  if (inverted && ti >= 300) return { t1: true };
  if (tr === undefined) return undefined;
  if (scanningSequence.includes('SE') && tr > 1800) {
    return { other: `TR ${round(tr)} ms and TE ${round(te)} ms without inversion: proton-density-weighted` };
  }
  if (scanningSequence.includes('SE')) return tr <= 1000 ? { t1: true } : undefined;
  if (tr > SPOILED_OR_PREPARED.longestTr || flipAngle === undefined) return undefined;
  return flipAngle >= SPOILED_OR_PREPARED.leastFlip ? { t1: true } : undefined;
}

const CONTRASTS: Readonly<Record<string, string>> = {
  T2: 'T2-weighted',
  T2_STAR: 'T2*-weighted',
  PROTON_DENSITY: 'proton-density-weighted',
  FLUID_ATTENUATED: 'FLAIR',
  DIFFUSION: 'diffusion',
  PERFUSION: 'perfusion',
  FLOW_ENCODED: 'flow-encoded',
  STIR: 'STIR',
  TOF: 'time of flight',
  TAGGING: 'tagging',
};

/** [value of Image Type, words]: images that are no magnitude image of anatomy. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^LOCALIZER$/, 'image type LOCALIZER'],
  [
    /^(MPR|REFORMATTED|CSA MPR|CSA MPRTHICK|CSA MPR THICK|MPR THICK|CURVED MPR)$/,
    'derived image: multiplanar reconstruction',
  ],
  [/^(PROJECTION IMAGE|CSA MIP|MIP|MNIP|MINIP|MAXIMUM|MINIMUM)$/, 'derived image: projection'],
  [/^(P|PHASE|PHASE MAP|PHASE_MAP|PHASE_FFE|P_FFE|P_SE|P_IR)$/, 'phase image'],
  [/^(R|REAL|I|IMAGINARY|R_FFE|I_FFE|R_IR|I_IR|R_SE|I_SE)$/, 'real or imaginary part'],
  [/^(DIFFUSION|ADC|FA|TRACEW|TENSOR|DIFFUSION_ANISO|EXPONENTIAL)$/, 'diffusion'],
  [/^(PERFUSION|ASL|CBF|CBV|MTT|TTP|RELCBF|RELCBV|RELMTT|GBP|PBP)$/, 'perfusion'],
  [/^(FMRI|T_TEST|Z_SCORE|BETA)$/, 'functional imaging'],
  [/^(T1 MAP|T2 MAP|T2_STAR MAP|T2\* MAP|T1_MAP|T2_MAP|R1|R2|R2_STAR|B0 MAP|B1 MAP|FIELD_MAP)$/, 'parameter map'],
  [/^(SUBTRACT|SUBTRACTION|SUB)$/, 'derived image: subtraction'],
  [/^(SCREEN SAVE|CSA REPORT|CSAPARALLEL|POSDISP|CSA AVG)$/, 'screen capture'],
  [/^(FAT|FAT_FRACTION)$/, 'fat image'],
  [/^(SPECTRO|SPECTROSCOPY)$/, 'spectroscopy'],
];

const OTHER_BODY_PARTS =
  /^(C|T|L|CT|TL|LS|CERVICAL|THORACIC|LUMBAR)?\s*SPINE|^(CHEST|ABDOMEN|PELVIS|KNEE|BREAST|HEART|SHOULDER|HIP|ANKLE|FOOT|HAND|WRIST|ELBOW|PROSTATE|LIVER|NECK|LEG|ARM|LSPINE|CSPINE|TSPINE)$/;

const NO_AGENT = /^\s*(?:no|none|n|without|0|nil|ohne|aucun|nein|null|n\/a)\b/i;

/** Why a stack cannot be the series to measure. `settles`: once it holds, later rows would only add noise. */
interface Rule {
  /** Stable, kebab-case; the summary of a refusal groups by it. */
  readonly name: string;
  readonly settles: boolean;
  /** The reason in words, or undefined where the stack passes. Never quotes free text. */
  readonly why: (facts: StackFacts) => string | undefined;
}

const when = (holds: boolean, words: string): string | undefined => (holds ? words : undefined);

/** The object itself: is it an MR image of a head at all? */
const OBJECT_RULES: readonly Rule[] = [
  {
    name: 'modality',
    settles: true,
    why: ({ modality, sopClassUid }) =>
      modality === undefined
        ? when(!MR_CLASSES.has(sopClassUid), 'no modality and not an MR image')
        : when(modality !== 'MR', `modality ${codeText(modality)} is not MR`),
  },
  {
    name: 'object',
    settles: true,
    why: ({ sopClassUid }) =>
      sopClassUid === SECONDARY_CAPTURE || sopClassUid.startsWith(`${SECONDARY_CAPTURE}.`)
        ? 'secondary capture'
        : when(!MR_CLASSES.has(sopClassUid), 'not an MR image object'),
  },
  { name: 'no-pixels', settles: true, why: ({ hasPixels }) => when(!hasPixels, 'no pixel data') },
  { name: 'colour', settles: true, why: ({ colour }) => when(colour, 'colour image') },
  {
    name: 'body-part',
    settles: false,
    why: ({ bodyPart }) => when(OTHER_BODY_PARTS.test(bodyPart), `body part ${codeText(bodyPart)} is not the head`),
  },
  {
    name: 'image-kind',
    settles: false,
    why: ({ imageType }) =>
      // The first two values are pixel and examination characteristics (PS3.3 C.7.6.1.1.2), never a kind.
      KINDS.find(([pattern]) => imageType.slice(2).some((value) => pattern.test(value)))?.[1],
  },
  {
    name: 'named-reformat',
    settles: false,
    why: (facts) => when(isDerived(facts) && facts.names.reformat, 'derived image: named a reconstruction'),
  },
  { name: 'named-unusable', settles: false, why: ({ names }) => names.unusable },
];

/** The contrast: is it T1-weighted, without contrast agent? */
const CONTRAST_RULES: readonly Rule[] = [
  {
    name: 'diffusion',
    settles: false,
    why: ({ acquisition }) => when((acquisition.diffusionBValue ?? 0) > 0, 'diffusion'),
  },
  {
    name: 'declared-contrast',
    settles: false,
    why: ({ acquisition }) => {
      const contrast = CONTRASTS[acquisition.acquisitionContrast?.toUpperCase() ?? ''];
      return contrast && `acquisition contrast: ${contrast}`;
    },
  },
  {
    name: 'timing',
    settles: false,
    why: ({ acquisition, names }) => {
      const timing = contrastOfTiming(acquisition);
      // The uniform image of MP2RAGE may carry the times of its second inversion.
      if (timing === undefined || 't1' in timing || names.mp2rageUniform) return undefined;
      return timing.other;
    },
  },
  { name: 'named-contrast', settles: false, why: ({ names }) => names.other },
  {
    name: 'contrast-agent',
    settles: false,
    why: ({ acquisition: { contrastBolusAgent: agent }, names }) =>
      agent !== undefined && agent.trim() !== '' && !NO_AGENT.test(agent) ? 'contrast agent given' : names.enhanced,
  },
];

/** The shape: can the frames be one volume that holds the hippocampi? */
const SHAPE_RULES: readonly Rule[] = [
  {
    name: 'geometry',
    settles: true,
    why: ({ geometry }) => when(!geometry.located, 'no position, orientation or pixel spacing'),
  },
  {
    name: 'orientations',
    settles: true,
    why: ({ geometry: { orientations } }) => when(orientations > 1, `${orientations} orientations: localizer`),
  },
  {
    name: 'dynamic',
    settles: true,
    why: ({ stack: { siblings } }) =>
      when(siblings > MOST_SIBLINGS, `${siblings} images at each position: dynamic series`),
  },
  {
    name: 'slices',
    settles: false,
    why: ({ geometry: { positions } }) =>
      when(positions < LEAST_SLICES, `only ${positions} ${positions === 1 ? 'slice' : 'slices'}`),
  },
  {
    name: 'step',
    settles: false,
    why: ({ geometry: { stepMm } }) => when(stepMm > LARGEST_STEP_MM, `slice step ${stepMm.toFixed(1)} mm`),
  },
  {
    name: 'pixel-size',
    settles: false,
    why: ({ geometry: { pixelMm } }) =>
      when(Math.max(...pixelMm) > LARGEST_PIXEL_MM, `pixels of ${Math.max(...pixelMm).toFixed(1)} mm`),
  },
  {
    name: 'extent',
    settles: false,
    why: ({ geometry: { planeExtentMm, normalExtentMm, positions } }) => {
      const extent = positions < LEAST_SLICES ? planeExtentMm : Math.min(planeExtentMm, normalExtentMm);
      return when(extent < LEAST_EXTENT_MM, `covers only ${extent.toFixed(0)} mm`);
    },
  },
];

const saysT1 = (facts: StackFacts): boolean =>
  facts.names.t1 || facts.acquisition.acquisitionContrast?.toUpperCase() === 'T1';

/** Last, and only where nothing else was found: silence is not T1. An explicit declaration needs no timing. */
const EVIDENCE_RULE: Rule = {
  name: 'no-evidence',
  settles: true,
  why: (facts) => {
    const timing = contrastOfTiming(facts.acquisition);
    return when(!saysT1(facts) && !(timing && 't1' in timing), 'nothing in the header says T1-weighted');
  },
};

/** A reason against a stack, with the rule that found it. */
export interface Objection {
  readonly rule: string;
  readonly reason: string;
}

/** Every objection to a stack, in the order of the tables; empty for a stack that can be measured. */
export function objectionsTo(facts: StackFacts): Objection[] {
  const objections: Objection[] = [];
  for (const rule of [...OBJECT_RULES, ...CONTRAST_RULES, ...SHAPE_RULES]) {
    const reason = rule.why(facts);
    if (reason === undefined) continue;
    objections.push({ rule: rule.name, reason });
    if (rule.settles) return objections;
  }
  const silent = objections.length === 0 ? EVIDENCE_RULE.why(facts) : undefined;
  return silent === undefined ? objections : [{ rule: EVIDENCE_RULE.name, reason: silent }];
}
