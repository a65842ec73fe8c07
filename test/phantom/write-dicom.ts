import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeDicom } from '../../src/dicom/encode.ts';
import type { Volume } from '../../src/domain/geometry.ts';
import { deriveUid } from '../../src/domain/identity.ts';
import { encodeMrSeries, type MrSeriesOptions } from '../../src/imaging/mr-series.ts';
import { planeGrid } from './grids.ts';
import { type HeadModel, type HeadOptions, makeHead } from './head.ts';
import { renderHead } from './raster.ts';
import { DISTRACTORS, type SeriesPlan, T1_MPRAGE } from './series-plans.ts';

export interface PhantomStudyOptions {
  readonly kind: MrSeriesOptions['kind'];
  readonly sliceOrder?: MrSeriesOptions['sliceOrder'];
  /** Adds the other series of a clinical study: localizer, FLAIR, thick T1, contrast, diffusion, reformat, scan. */
  readonly distractors?: boolean;
  /** Voxel size of the T1 series, mm. */
  readonly spacing?: number;
  /** Uniform pixels instead of a rendered head, for tests of headers alone. */
  readonly blank?: boolean;
}

/** One file of a study and the folder (its series) it belongs in. */
export interface PhantomFile {
  readonly series: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

/** The T1 series of a head, 176 sagittal slices of 1 mm by default, and what else was asked for. */
export function phantomStudy(options: HeadOptions, study: PhantomStudyOptions): PhantomFile[] {
  const head = makeHead(options);
  const plans = study.distractors ? [T1_MPRAGE, ...DISTRACTORS] : [T1_MPRAGE];
  const files = plans.flatMap((plan) => {
    const wanted = plan === T1_MPRAGE ? head : makeHead({ ...options, contrast: plan.contrast });
    return seriesFiles(wanted, plan, study);
  });
  return study.distractors ? [...files, scannedReport(options.seed)] : files;
}

/** Writes one folder a series. Returns the number of files. */
export function writePhantomStudy(folder: string, files: readonly PhantomFile[]): number {
  for (const { series, name, bytes } of files) {
    mkdirSync(join(folder, series), { recursive: true });
    writeFileSync(join(folder, series, name), bytes);
  }
  return files.length;
}

function seriesFiles(head: HeadModel, plan: SeriesPlan, study: PhantomStudyOptions): PhantomFile[] {
  const stretch = plan === T1_MPRAGE ? (study.spacing ?? 1) : 1;
  const series = `${plan.number}-${plan.description.replaceAll(/[^A-Za-z0-9]+/g, '-').toLowerCase()}`;
  const files = plan.planes.flatMap((plane, n) => {
    const grid = planeGrid(plane, stretch);
    const size = grid.shape[0] * grid.shape[1] * grid.shape[2];
    const blank = { ...grid, data: new Float32Array(size).fill(100) };
    const volume = study.blank ? blank : asScanned(renderHead(head, grid).volume);
    return encodeMrSeries(volume, {
      ...seriesOptions(head.seed, plan),
      identifiersFrom: `phantom ${head.seed} ${plan.number} ${n}`,
      kind: plan === T1_MPRAGE ? study.kind : 'classic',
      sliceOrder: (plan === T1_MPRAGE ? study.sliceOrder : undefined) ?? 'ascending',
    });
  });
  return files.map((bytes, n) => ({ series, name: `IM${String(n + 1).padStart(4, '0')}.dcm`, bytes }));
}

/** A scanner stores whole numbers. */
function asScanned(volume: Volume): Volume {
  return { ...volume, data: volume.data.map(Math.round) };
}

function seriesOptions(
  seed: number,
  plan: SeriesPlan,
): Omit<MrSeriesOptions, 'identifiersFrom' | 'kind' | 'sliceOrder'> {
  return {
    patient: patientOf(seed),
    study: studyOf(seed),
    series: {
      seriesInstanceUid: deriveUid(`phantom ${seed}`, `series ${plan.number}`),
      frameOfReferenceUid: deriveUid(`phantom ${seed}`, 'frame of reference'),
      seriesNumber: plan.number,
      seriesDescription: plan.description,
      protocolName: plan.description,
      manufacturer: 'NeuroInsight phantom',
      manufacturerModelName: 'Analytic head',
      deviceSerialNumber: '1',
      softwareVersions: '1',
    },
    acquisition: plan.acquisition,
  };
}

function patientOf(seed: number): MrSeriesOptions['patient'] {
  const age = 25 + ((seed * 7) % 55);
  return {
    patientName: `Phantom^Head ${seed}`,
    patientId: `PHANTOM-${seed}`,
    patientBirthDate: `${2024 - age}0115`,
    patientSex: seed % 2 === 0 ? 'F' : 'M',
    patientAge: `${String(age).padStart(3, '0')}Y`,
  };
}

function studyOf(seed: number): MrSeriesOptions['study'] {
  return {
    studyInstanceUid: deriveUid(`phantom ${seed}`, 'study'),
    studyDate: '20240301',
    studyTime: '101500',
    studyId: String(seed),
    studyDescription: 'MR BRAIN WO CONTRAST',
    accessionNumber: `ACC${seed}`,
    referringPhysicianName: 'Referrer^Rita',
  };
}

/** A page of grey lines, as a referral letter scanned into the study. */
function scannedReport(seed: number): PhantomFile {
  const [rows, columns] = [400, 300];
  const rgb = new Uint8Array(rows * columns * 3).fill(250);
  for (let line = 40; line < rows - 40; line += 16) {
    for (let y = line; y < line + 6; y += 1)
      rgb.fill(90, 3 * (y * columns + 30), 3 * (y * columns + 270 - ((line * 7) % 90)));
  }
  const { patientName = '', patientId = '', patientBirthDate = '', patientSex = '', patientAge } = patientOf(seed);
  const study = studyOf(seed);
  const bytes = encodeDicom({
    SOPClassUID: SECONDARY_CAPTURE,
    SOPInstanceUID: deriveUid(`phantom ${seed}`, 'scanned report'),
    StudyInstanceUID: study.studyInstanceUid!,
    SeriesInstanceUID: deriveUid(`phantom ${seed}`, 'series 99'),
    StudyDate: study.studyDate!,
    StudyTime: study.studyTime!,
    StudyID: study.studyId!,
    AccessionNumber: study.accessionNumber!,
    ReferringPhysicianName: study.referringPhysicianName!,
    PatientName: patientName,
    PatientID: patientId,
    PatientBirthDate: patientBirthDate,
    PatientSex: patientSex,
    PatientAge: patientAge,
    Modality: 'OT',
    BodyPartExamined: 'HEAD',
    ConversionType: 'SD',
    SeriesNumber: 99,
    SeriesDescription: 'Scanned referral',
    InstanceNumber: 1,
    PatientOrientation: '',
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    Rows: rows,
    Columns: columns,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    PixelData: rgb,
  });
  return { series: '99-scanned-referral', name: 'IM0001.dcm', bytes };
}
