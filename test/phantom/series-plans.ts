import type { Vec3 } from '../../src/domain/geometry.ts';
import type { MrSeriesOptions } from '../../src/imaging/mr-series.ts';
import type { PlanePlan } from './grids.ts';
import type { Contrast } from './head.ts';

/** What one series of the phantom's study is. */
export interface SeriesPlan {
  readonly number: number;
  readonly description: string;
  readonly contrast: Contrast;
  readonly planes: readonly PlanePlan[];
  readonly acquisition: MrSeriesOptions['acquisition'];
}

const LEFT: Vec3 = [1, 0, 0];
const RIGHT: Vec3 = [-1, 0, 0];
const BACK: Vec3 = [0, 1, 0];
const UP: Vec3 = [0, 0, 1];
const DOWN: Vec3 = [0, 0, -1];

const sagittal = (spacing: Vec3, extentMm: Vec3): PlanePlan => ({
  row: BACK,
  column: DOWN,
  slice: RIGHT,
  spacing,
  extentMm,
});
const axial = (spacing: Vec3, extentMm: Vec3): PlanePlan => ({ row: LEFT, column: BACK, slice: UP, spacing, extentMm });
const coronal = (spacing: Vec3, extentMm: Vec3): PlanePlan => ({
  row: LEFT,
  column: DOWN,
  slice: BACK,
  spacing,
  extentMm,
});

const THREE_TESLA = { magneticFieldStrength: 3, pixelBandwidth: 240, durationSeconds: 320, numberOfAverages: 1 };
const ORIGINAL = ['ORIGINAL', 'PRIMARY', 'M', 'ND', 'NORM'];
const MPRAGE = {
  ...THREE_TESLA,
  imageType: ORIGINAL,
  mrAcquisitionType: '3D',
  scanningSequence: ['GR', 'IR'],
  sequenceVariant: ['SK', 'SP', 'MP'],
  sequenceName: '*tfl3d1_16ns',
  acquisitionContrast: 'T1',
  repetitionTime: 2300,
  echoTime: 2.98,
  inversionTime: 900,
  flipAngle: 9,
  echoTrainLength: 1,
};
const SPIN_ECHO = { ...THREE_TESLA, imageType: ORIGINAL, mrAcquisitionType: '2D', scanningSequence: ['SE'] };

/** The series to be measured: 176 sagittal slices, 1 mm. */
export const T1_MPRAGE: SeriesPlan = {
  number: 3,
  description: 'T1 MPRAGE SAG',
  contrast: 'T1',
  planes: [sagittal([1, 1, 1], [256, 256, 176])],
  acquisition: MPRAGE,
};

/** What surrounds it in a clinical study; each must be passed over, for a reason of its own. */
export const DISTRACTORS: readonly SeriesPlan[] = [
  {
    number: 1,
    description: 'LOCALIZER 3 PLANE',
    contrast: 'T1',
    planes: [
      axial([2, 2, 10], [256, 256, 30]),
      coronal([2, 2, 10], [256, 256, 30]),
      sagittal([2, 2, 10], [256, 256, 30]),
    ],
    acquisition: {
      ...THREE_TESLA,
      imageType: ORIGINAL,
      mrAcquisitionType: '2D',
      scanningSequence: ['GR'],
      sequenceVariant: ['SP'],
      sequenceName: '*fl2d1',
      repetitionTime: 8.6,
      echoTime: 4,
      flipAngle: 20,
    },
  },
  {
    number: 4,
    description: 'T2 FLAIR AX',
    contrast: 'FLAIR',
    planes: [axial([1, 1, 4], [256, 256, 160])],
    acquisition: {
      ...SPIN_ECHO,
      scanningSequence: ['SE', 'IR'],
      sequenceVariant: ['SK', 'SP', 'MP'],
      sequenceName: '*tir2d1_16',
      repetitionTime: 9000,
      echoTime: 81,
      inversionTime: 2500,
      flipAngle: 150,
      echoTrainLength: 16,
    },
  },
  {
    number: 5,
    description: 'T1 SE AX 5MM',
    contrast: 'T1',
    planes: [axial([1, 1, 5], [256, 256, 150])],
    acquisition: {
      ...SPIN_ECHO,
      sequenceVariant: ['SP'],
      sequenceName: '*se2d1',
      repetitionTime: 500,
      echoTime: 9,
      flipAngle: 90,
      echoTrainLength: 1,
    },
  },
  {
    number: 6,
    description: 'DWI B1000 AX',
    contrast: 'DWI',
    planes: [axial([2, 2, 4], [256, 256, 140])],
    acquisition: {
      ...SPIN_ECHO,
      imageType: [...ORIGINAL.slice(0, 2), 'DIFFUSION', 'NONE'],
      scanningSequence: ['EP', 'SE'],
      sequenceVariant: ['SK', 'SP'],
      sequenceName: '*ep_b1000#1',
      repetitionTime: 5200,
      echoTime: 89,
      flipAngle: 90,
      diffusionBValue: 1000,
    },
  },
  {
    number: 7,
    description: 'T1 MPRAGE SAG POST GAD',
    contrast: 'T1-contrast',
    planes: [sagittal([1, 1, 1], [256, 256, 176])],
    acquisition: { ...MPRAGE, contrastBolusAgent: 'Gadobutrol' },
  },
  {
    number: 8,
    description: 'T1 MPRAGE MPR TRA',
    contrast: 'T1',
    planes: [axial([1, 1, 3], [256, 256, 150])],
    acquisition: { ...MPRAGE, imageType: ['DERIVED', 'SECONDARY', 'MPR'] },
  },
];
