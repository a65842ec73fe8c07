import type { Laterality, Vec3 } from '../../src/domain/geometry.ts';
import { type AnatomyField, anatomyField } from './anatomy.ts';
import type { AnatomyParameters, SideParameters, TissueSignals } from './anatomy-parameters.ts';
import { type Envelope, envelopeAt } from './envelope.ts';
import { type HippocampusParameters, type HippocampusShape, solveHippocampus } from './hippocampus.ts';
import { type RandomStream, randomStream } from './random.ts';
import { coverage } from './shapes.ts';

export type Contrast = 'T1' | 'T1-contrast' | 'T2' | 'FLAIR' | 'DWI';

/** A dark or bright ball: a cyst, a cavity, a tumour. Patient mm (LPS). */
export interface Lesion {
  readonly centre: Vec3;
  readonly radiusMm: number;
  /** Signal, white matter = 1. */
  readonly signal: number;
}

export interface HeadOptions {
  readonly seed: number;
  /** mm3; drawn from the seed (1 500 to 4 500, sides within 40 %) when absent. */
  readonly leftVolumeMm3?: number | undefined;
  readonly rightVolumeMm3?: number | undefined;
  /** mm3; about 1.3 to 1.6 million when absent. */
  readonly intracranialVolumeMm3?: number | undefined;
  /** Share of the hippocampus in front of the splitting plane; 0.50 to 0.54 when absent. */
  readonly anteriorFraction?: number | undefined;
  readonly contrast?: Contrast | undefined;
  /** Standard deviation of the noise, white matter = 1. */
  readonly noise?: number | undefined;
  /** Largest relative departure of the bias field from 1. */
  readonly bias?: number | undefined;
  /** Rotation about x, y and z, degrees, in this order; small and random when absent. */
  readonly rotationDegrees?: Vec3 | undefined;
  /** Where the middle of the head lies, patient mm. */
  readonly translationMm?: Vec3 | undefined;
  /** Strength of a motion ghost, white matter = 1. */
  readonly ghosting?: number | undefined;
  /** Width of the ventricles, 1 = young adult. */
  readonly ventricles?: number | undefined;
  readonly lesion?: Lesion | undefined;
  /** The same head with left and right exchanged, truth included. */
  readonly mirrored?: boolean | undefined;
}

export interface SideTruth {
  readonly volumeMm3: number;
  readonly anteriorVolumeMm3: number;
  readonly posteriorVolumeMm3: number;
}

/** What is true of the head whatever the grid it is rendered on. */
export interface HeadTruth {
  readonly left: SideTruth;
  readonly right: SideTruth;
  readonly intracranialVolumeMm3: number;
  /** (L - R) / (L + R). */
  readonly asymmetryIndex: number;
}

export interface HeadModel {
  readonly seed: number;
  readonly truth: HeadTruth;
  readonly field: AnatomyField;
  readonly signals: TissueSignals;
  /** Patient LPS mm -> template mm: rows of a 3 x 4 matrix. */
  readonly toTemplate: Float64Array;
  /** Template mm in one patient mm, the mean over the axes. */
  readonly templateScale: number;
  readonly noise: number;
  readonly bias: number;
  readonly ghosting: number;
  readonly lesion?: Lesion;
}

/**
 * A whole head with hippocampi of exactly known volume, the same for the same options.
 * Coordinates: patient LPS mm, origin near the anterior commissure before the translation.
 */
export function makeHead(options: HeadOptions): HeadModel {
  const random = randomStream(options.seed, 'head');
  const anatomy = anatomyOf(random, options);
  const stretch = [random.between(0.97, 1.03), random.between(0.97, 1.03), random.between(0.97, 1.03)];
  const templateVolume = intracranialTemplateVolume(anatomy);
  const wantedIcv = options.intracranialVolumeMm3 ?? random.between(1.3e6, 1.6e6);
  const uniform = Math.cbrt(wantedIcv / (templateVolume * stretch[0]! * stretch[1]! * stretch[2]!));
  const scale = stretch.map((value) => value * uniform);
  const magnification = scale[0]! * scale[1]! * scale[2]!;
  const volumes = drawVolumes(random, options);
  const split = options.anteriorFraction ?? random.between(0.5, 0.54);
  const shapes = {
    left: solveHippocampus(hippocampusOf(random, volumes.left), volumes.left / magnification, split),
    right: solveHippocampus(hippocampusOf(random, volumes.right), volumes.right / magnification, split),
  };
  const withHorns = {
    ...anatomy,
    left: sideOf(random, shapes.left, anatomy),
    right: sideOf(random, shapes.right, anatomy),
  };
  const signals = signalsOf(random, options.contrast ?? 'T1');
  const rotation = options.rotationDegrees ?? [random.normal() * 3, random.normal() * 2.5, random.normal() * 3];
  const translation = options.translationMm ?? [random.normal() * 4, random.normal() * 6, random.normal() * 6];
  return {
    seed: options.seed,
    truth: truthOf(volumes, split, wantedIcv, options.mirrored === true),
    field: anatomyField(withHorns, signals, shapes.left, shapes.right, options.mirrored),
    signals,
    toTemplate: templateTransform(rotation, translation, scale, options.mirrored === true),
    templateScale: 1 / Math.cbrt(magnification),
    noise: options.noise ?? random.between(0.01, 0.04),
    bias: options.bias ?? random.between(0.05, 0.25),
    ghosting: options.ghosting ?? 0,
    ...(options.lesion && { lesion: options.lesion }),
  };
}

function drawVolumes(random: RandomStream, options: HeadOptions): Record<Laterality, number> {
  const mean = Math.min(4300, Math.max(1600, 3100 + 750 * random.normal()));
  const difference = Math.max(-0.2, Math.min(0.2, 0.07 * random.normal()));
  const clip = (value: number): number => Math.min(4500, Math.max(1500, value));
  return {
    left: options.leftVolumeMm3 ?? clip(mean * (1 + difference)),
    right: options.rightVolumeMm3 ?? clip(mean * (1 - difference)),
  };
}

function truthOf(volumes: Record<Laterality, number>, split: number, icv: number, mirrored: boolean): HeadTruth {
  const side = (volume: number): SideTruth => ({
    volumeMm3: volume,
    anteriorVolumeMm3: volume * split,
    posteriorVolumeMm3: volume * (1 - split),
  });
  const left = mirrored ? volumes.right : volumes.left;
  const right = mirrored ? volumes.left : volumes.right;
  return {
    left: side(left),
    right: side(right),
    intracranialVolumeMm3: icv,
    asymmetryIndex: (left - right) / (left + right),
  };
}

function hippocampusOf(random: RandomStream, volume: number): HippocampusParameters {
  // A larger hippocampus is longer as well as thicker.
  const size = (volume / 3200) ** 0.22;
  const lobes = random.between(0, 0.08);
  return {
    start: [18.5 + random.normal() * 0.8, 8 + random.normal() * 1.2, -19.5 + random.normal() * 0.8],
    run: (29.5 + random.normal() * 1.3) * size,
    headBend: 8.5 + random.normal() * 1,
    tailBend: 7 + random.normal() * 1,
    rise: 4 + random.normal() * 1.2,
    tailRise: 11 + random.normal() * 1.5,
    widthHead: 5.4 + random.normal() * 0.3,
    widthTail: 2.9 + random.normal() * 0.2,
    heightHead: 4.6 + random.normal() * 0.3,
    heightTail: 2.6 + random.normal() * 0.2,
    digitation: random.between(0.02, 0.09),
    digitationPhase: random.between(0, 6.28),
    lobes,
    lobePhase: random.between(0, 6.28),
    headCap: random.between(3.5, 5),
    tailCap: random.between(2, 3.5),
  };
}

function sideOf(random: RandomStream, shape: HippocampusShape, anatomy: AnatomyParameters): SideParameters {
  // The horn fills what a shrunken hippocampus leaves.
  const shrunken = Math.max(0, 5.2 - shape.parameters.widthHead * shape.sectionScale);
  const [, y, z] = shape.parameters.start;
  const front = y - shape.parameters.headCap;
  return {
    horn: 0.7 * anatomy.ventricles + 0.6 * shrunken + random.between(0, 1.2),
    fimbria: random.between(0.8, 1.6),
    amygdala: [front - random.between(2.5, 4), z + random.between(2, 4), random.between(0.92, 1.1)],
    subiculum: random.between(1.5, 3),
    collateral: random.between(-1.5, 1.5),
  };
}

function anatomyOf(random: RandomStream, options: HeadOptions): AnatomyParameters {
  const blank: SideParameters = { horn: 1, fimbria: 1, amygdala: [0, 0, 1], subiculum: 2, collateral: 0 };
  const phase = (): number => random.between(0, 2 * Math.PI);
  const aged = random.next();
  return {
    cranium: [69 + random.normal() * 1.5, 87 + random.normal() * 2, 63 + random.normal() * 1.5],
    temporal: [28.5 + random.normal() * 0.6, 43 + random.normal() * 1.2, 25 + random.normal() * 0.8],
    gap: 1.5 + 2.5 * aged,
    ventricles: options.ventricles ?? 0.8 + 0.9 * aged * random.next(),
    greyThickness: random.between(2.3, 3.1),
    sulcusWidth: random.between(0.7, 1.1) + 1.1 * aged,
    sulcusDepth: random.between(12, 19),
    folding: (2 * Math.PI) / random.between(21, 28),
    phases: [phase(), phase(), phase(), phase()],
    skull: random.between(4.5, 7.5),
    scalp: random.between(4, 8),
    torque: random.between(0, 2.5),
    left: blank,
    right: blank,
  };
}

/** Integrates the inner table over a 2 mm lattice with graded edges; good to 0.1 %. */
function intracranialTemplateVolume(anatomy: AnatomyParameters): number {
  const envelope: Envelope = { intracranial: 0, cerebrum: 0, cerebellum: 0, stem: 0 };
  let sum = 0;
  for (let z = -72; z <= 84; z += 2) {
    for (let y = -82; y <= 112; y += 2) {
      for (let x = -80; x <= 80; x += 2) {
        envelopeAt(anatomy, x, y, z, envelope);
        sum += coverage(envelope.intracranial, 2);
      }
    }
  }
  return sum * 8;
}

const SIGNALS: Record<Contrast, TissueSignals> = {
  T1: {
    air: 0.01,
    skin: 0.55,
    fat: 1.25,
    muscle: 0.5,
    bone: 0.08,
    marrow: 0.42,
    csf: 0.26,
    grey: 0.68,
    hippocampus: 0.69,
    amygdala: 0.68,
    white: 1,
    thalamus: 0.83,
    striatum: 0.74,
    pallidum: 0.9,
    stem: 0.9,
    vitreous: 0.2,
  },
  'T1-contrast': {
    air: 0.01,
    skin: 0.75,
    fat: 1.25,
    muscle: 0.6,
    bone: 0.12,
    marrow: 0.6,
    csf: 0.27,
    grey: 0.74,
    hippocampus: 0.74,
    amygdala: 0.73,
    white: 1,
    thalamus: 0.86,
    striatum: 0.8,
    pallidum: 0.92,
    stem: 0.92,
    vitreous: 0.2,
  },
  T2: {
    air: 0.01,
    skin: 0.4,
    fat: 0.8,
    muscle: 0.2,
    bone: 0.04,
    marrow: 0.3,
    csf: 1.3,
    grey: 0.6,
    hippocampus: 0.63,
    amygdala: 0.6,
    white: 0.42,
    thalamus: 0.48,
    striatum: 0.5,
    pallidum: 0.36,
    stem: 0.42,
    vitreous: 1.3,
  },
  FLAIR: {
    air: 0.01,
    skin: 0.45,
    fat: 0.9,
    muscle: 0.3,
    bone: 0.05,
    marrow: 0.35,
    csf: 0.1,
    grey: 0.68,
    hippocampus: 0.72,
    amygdala: 0.7,
    white: 0.52,
    thalamus: 0.6,
    striatum: 0.62,
    pallidum: 0.5,
    stem: 0.55,
    vitreous: 0.1,
  },
  DWI: {
    air: 0.01,
    skin: 0.05,
    fat: 0.05,
    muscle: 0.15,
    bone: 0.02,
    marrow: 0.03,
    csf: 0.1,
    grey: 0.75,
    hippocampus: 0.8,
    amygdala: 0.75,
    white: 0.65,
    thalamus: 0.7,
    striatum: 0.7,
    pallidum: 0.5,
    stem: 0.6,
    vitreous: 0.05,
  },
};

function signalsOf(random: RandomStream, contrast: Contrast): TissueSignals {
  const base = SIGNALS[contrast];
  const grey = 0.035 * random.normal();
  const csf = 0.04 * random.normal();
  const fat = 1 + 0.2 * random.normal();
  return {
    ...base,
    csf: Math.max(0.05, base.csf + csf),
    grey: base.grey + grey,
    hippocampus: base.hippocampus + grey + 0.012 * random.normal(),
    amygdala: base.amygdala + grey + 0.012 * random.normal(),
    thalamus: base.thalamus + 0.5 * grey,
    striatum: base.striatum + grey,
    fat: Math.max(0.1, base.fat * fat),
  };
}

/** Inverse of: scale, rotate about x, then y, then z, translate; a mirrored head has its template x negated. */
function templateTransform(
  rotation: Vec3,
  translation: Vec3,
  scale: readonly number[],
  mirrored: boolean,
): Float64Array {
  const [a, b, c] = rotation.map((degrees) => (degrees * Math.PI) / 180) as [number, number, number];
  const [ca, sa, cb, sb, cc, sc] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b), Math.cos(c), Math.sin(c)];
  // Rz * Ry * Rx, row by row.
  const r = [
    cc * cb,
    cc * sb * sa - sc * ca,
    cc * sb * ca + sc * sa,
    sc * cb,
    sc * sb * sa + cc * ca,
    sc * sb * ca - cc * sa,
    -sb,
    cb * sa,
    cb * ca,
  ];
  const out = new Float64Array(12);
  for (let row = 0; row < 3; row += 1) {
    const sign = mirrored && row === 0 ? -1 : 1;
    for (let column = 0; column < 3; column += 1) {
      const value = (sign * r[3 * column + row]!) / scale[row]!;
      out[4 * row + column] = value;
      out[4 * row + 3]! -= value * translation[column]!;
    }
  }
  return out;
}
