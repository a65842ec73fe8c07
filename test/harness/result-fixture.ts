import { identifiersOf } from '../../src/analysis/run-key.ts';
import { HippocampusLabel, type LabelVolume, type Volume } from '../../src/domain/geometry.ts';
import { digestOf } from '../../src/domain/identity.ts';
import type { InstanceHeader } from '../../src/domain/instance.ts';
import type {
  AnalysisResult,
  HippocampusMeasurement,
  Measured,
  NormPosition,
  NormSet,
  QualityAssessment,
  SourceImage,
} from '../../src/domain/result.ts';

export { FIXTURE_ORIENTATIONS } from './fixture-head.ts';

import { FIXTURE_AXES, type FixtureOrientation, makeFrames, makeVolumes } from './fixture-head.ts';

export interface FixtureOptions {
  /** One file a slice, or one file with 40 frames. */
  readonly source?: 'classic' | 'enhanced';
  readonly orientation?: FixtureOrientation;
  /** Everything that may be withheld is withheld: age, sex, norms, intracranial volume; quality fails. */
  readonly withheld?: boolean;
  /** Patient and study attributes of type 2 are absent, the frame of reference too. */
  readonly bare?: boolean;
}

export interface ResultFixture {
  readonly result: AnalysisResult;
  readonly labels: LabelVolume;
  /** Intensities that a picture can be made of: a bright head, darker ventricles, grey hippocampi. */
  readonly volume: Volume;
}

const STUDY_UID = '1.2.826.0.1.3680043.10.1338.1';
const SERIES_UID = '1.2.826.0.1.3680043.10.1338.1.1';
const FRAME_OF_REFERENCE_UID = '1.2.826.0.1.3680043.10.1338.9';
const CLASSIC_MR = '1.2.840.10008.5.1.4.1.1.4';
const ENHANCED_MR = '1.2.840.10008.5.1.4.1.1.4.1';

/** The source instances in slice order: 40 of one frame, or one of 40. */
function makeInstances(options: FixtureOptions): InstanceHeader[] {
  const orientation = options.orientation ?? 'axial';
  const frames = makeFrames(orientation);
  const { shape } = FIXTURE_AXES[orientation];
  const enhanced = options.source === 'enhanced';
  const groups = enhanced ? [frames] : frames.map((frame) => [{ ...frame, frameNumber: 1 }]);
  return groups.map((group, index) => ({
    sopClassUid: enhanced ? ENHANCED_MR : CLASSIC_MR,
    sopInstanceUid: `${SERIES_UID}.${index + 1}`,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    instanceNumber: index + 1,
    acquisitionNumber: 1,
    patient: makePatient(options),
    study: makeStudy(options),
    series: makeSeries(options),
    acquisition: {
      imageType: ['ORIGINAL', 'PRIMARY', 'M', 'NORM'],
      mrAcquisitionType: '3D',
      scanningSequence: ['GR', 'IR'],
      sequenceVariant: ['SK', 'SP', 'MP'],
      sequenceName: '*tfl3d1',
      repetitionTime: 2300,
      echoTime: 2.98,
      inversionTime: 900,
      flipAngle: 9,
      magneticFieldStrength: 3,
    },
    frames: group,
    pixels: {
      rows: shape[1],
      columns: shape[0],
      bitsAllocated: 16,
      bitsStored: 16,
      highBit: 15,
      pixelRepresentation: 0,
      samplesPerPixel: 1,
      photometricInterpretation: 'MONOCHROME2',
    },
  }));
}

function makePatient(options: FixtureOptions): InstanceHeader['patient'] {
  if (options.bare) return {};
  return {
    patientName: 'Müller^Änne^^Dr',
    patientId: 'NI-0042',
    issuerOfPatientId: 'HOSPITAL-A',
    patientBirthDate: '19520317',
    patientSex: 'F',
    patientAge: '072Y',
  };
}

function makeStudy(options: FixtureOptions): InstanceHeader['study'] {
  if (options.bare) return { studyInstanceUid: STUDY_UID };
  return {
    studyInstanceUid: STUDY_UID,
    studyDate: '20240612',
    studyTime: '101500',
    timezoneOffsetFromUtc: '+0200',
    studyId: 'S42',
    studyDescription: 'MR Brain',
    accessionNumber: 'ACC-2024-0042',
    referringPhysicianName: 'Referrer^Robin',
  };
}

function makeSeries(options: FixtureOptions): InstanceHeader['series'] {
  if (options.bare) return { seriesInstanceUid: SERIES_UID, modality: 'MR' };
  return {
    seriesInstanceUid: SERIES_UID,
    seriesNumber: 3,
    seriesDescription: 'T1 MPRAGE',
    modality: 'MR',
    bodyPartExamined: 'HEAD',
    protocolName: 't1_mprage',
    frameOfReferenceUid: FRAME_OF_REFERENCE_UID,
    positionReferenceIndicator: '',
    manufacturer: 'SIEMENS',
    manufacturerModelName: 'Prisma',
    institutionName: 'Hospital A',
  };
}

const withheldBecause = (reason: string): { readonly withheld: string } => ({ withheld: reason });

function measureSide(
  laterality: 'left' | 'right',
  labels: LabelVolume,
  voxelVolumeMm3: number,
  withheld: boolean,
): HippocampusMeasurement {
  const [anterior, posterior] =
    laterality === 'left'
      ? [HippocampusLabel.leftAnterior, HippocampusLabel.leftPosterior]
      : [HippocampusLabel.rightAnterior, HippocampusLabel.rightPosterior];
  let [front, back] = [0, 0];
  for (const label of labels.data) {
    if (label === anterior) front++;
    else if (label === posterior) back++;
  }
  const volumeMm3 = (front + back) * voxelVolumeMm3;
  const norm: NormPosition = {
    percentile: laterality === 'left' ? 62.4 : 21.7,
    z: laterality === 'left' ? 0.316 : -0.782,
    expectedMm3: 3_350,
    p5Mm3: 2_710,
    p95Mm3: 3_990,
  };
  return {
    laterality,
    volumeMm3,
    anteriorVolumeMm3: front * voxelVolumeMm3,
    posteriorVolumeMm3: back * voxelVolumeMm3,
    voxelCount: front + back,
    percentOfIntracranial: withheld
      ? withheldBecause('The head is cut: the intracranial volume cannot be measured.')
      : { value: (100 * volumeMm3) / 1_432_500 },
    norm: withheld ? withheldBecause('The age of the patient is not known.') : { value: norm },
  };
}

function makeNormSet(withheld: boolean): Measured<NormSet> {
  if (withheld) return withheldBecause('The age of the patient is not known.');
  return {
    value: {
      name: 'Example norms',
      version: '1',
      population: '19 793 healthy adults aged 46 to 82',
      segmenter: 'FreeSurfer 6.0',
      citation: 'Nobis L et al., NeuroImage: Clinical 2019;23:101904',
      transfer: 'Scaled to this segmenter by the ratio of the means, 0.98 with a 95 % interval of 0.94 to 1.02.',
    },
  };
}

function makeQuality(withheld: boolean): QualityAssessment {
  return {
    verdict: withheld ? 'fail' : 'pass',
    score: withheld ? 0.21 : 0.94,
    checks: [
      { name: 'resolution', verdict: 'pass', value: 1.75, unit: 'mm', limit: 'pass up to 2 mm' },
      {
        name: 'field-of-view',
        verdict: withheld ? 'fail' : 'pass',
        value: withheld ? 0.71 : 0.99,
        unit: '1',
        limit: 'pass from 0.95, fail below 0.8',
      },
      { name: 'ghosting', verdict: 'pass', value: 0.04, unit: '1', limit: 'pass up to 0.1' },
    ],
  };
}

/**
 * A complete result made from analytic shapes without running the walk: two ellipsoids as hippocampi in an egg-shaped
 * head, 40 slices. Every number that can be computed from the labels is computed from them.
 */
export function makeResultFixture(options: FixtureOptions = {}): ResultFixture {
  const orientation = options.orientation ?? 'axial';
  const withheld = options.withheld ?? false;
  const { labels, volume } = makeVolumes(orientation);
  const { size } = FIXTURE_AXES[orientation];
  const voxelVolumeMm3 = size[0] * size[1] * size[2];
  const instances = makeInstances(options);
  const left = measureSide('left', labels, voxelVolumeMm3, withheld);
  const right = measureSide('right', labels, voxelVolumeMm3, withheld);
  const runKey = digestOf([JSON.stringify(options)]);
  const result: AnalysisResult = {
    formatVersion: '1',
    runKey,
    createdAt: '2024-06-12T09:41:07.250Z',
    software: { name: 'NeuroInsight', version: '0.1.0' },
    patient: instances[0]!.patient,
    study: instances[0]!.study,
    series: instances[0]!.series,
    acquisition: instances[0]!.acquisition,
    demographics: {
      ageYears: withheld ? withheldBecause('Neither PatientAge nor a birth date is in the header.') : { value: 72.2 },
      sex: withheld ? withheldBecause('PatientSex is empty.') : { value: 'F' },
    },
    sourceHeader: instances[0]!,
    sourceImages: instances.flatMap((instance) =>
      instance.frames.map(
        (frame): SourceImage => ({
          sopClassUid: instance.sopClassUid,
          sopInstanceUid: instance.sopInstanceUid,
          ...(instance.frames.length > 1 ? { frameNumber: frame.frameNumber } : {}),
        }),
      ),
    ),
    rejectedSeries: [
      {
        seriesInstanceUid: `${STUDY_UID}.2`,
        seriesNumber: 1,
        seriesDescription: 'localizer',
        reasons: ['fewer than 20 slices'],
      },
    ],
    geometry: { shape: labels.shape, affine: labels.affine, voxelSizeMm: [size[0], size[1], size[2]], voxelVolumeMm3 },
    pixelDigest: digestOf(['pixels', runKey]),
    left,
    right,
    asymmetryIndex: (left.volumeMm3 - right.volumeMm3) / (left.volumeMm3 + right.volumeMm3),
    percentDifference: (200 * (left.volumeMm3 - right.volumeMm3)) / (left.volumeMm3 + right.volumeMm3),
    leftRightRatio: left.volumeMm3 / right.volumeMm3,
    intracranialVolumeMm3: withheld
      ? withheldBecause('The head is cut: the intracranial volume cannot be measured.')
      : { value: 1_432_500 },
    normSet: makeNormSet(withheld),
    quality: makeQuality(withheld),
    sclerosis: { call: 'not-called', reason: 'The false-positive rate of this model has not been measured.' },
    model: { name: 'hippocampus', version: '1.0.0', sha256: digestOf(['model']) },
    identifiers: identifiersOf(runKey),
  };
  return { result, labels, volume };
}

/** The instance headers the fixture's result was made from, in slice order. */
export function makeSourceInstances(options: FixtureOptions = {}): InstanceHeader[] {
  return makeInstances(options);
}
