import type { Grid, Laterality } from './geometry.ts';
import type { AcquisitionHeader, InstanceHeader, PatientHeader, SeriesHeader, StudyHeader } from './instance.ts';
import type { ModelIdentity } from './segmentation.ts';

/** What results call their maker: Manufacturer (0008,0070), the FHIR Device, the PDF. Results are known again by it. */
export const SOFTWARE_NAME = 'NeuroInsight';

/** A value, or the named reason why there is none. Never both, never a guess. */
export type Measured<T> = { readonly value: T } | { readonly withheld: string };

export interface NormPosition {
  /** 0 to 100. */
  readonly percentile: number;
  readonly z: number;
  /** Expected volume for this person, mm3, and the 5th and 95th percentile around it. */
  readonly expectedMm3: number;
  readonly p5Mm3: number;
  readonly p95Mm3: number;
}

/** Where the percentiles come from; printed beside every one of them. */
export interface NormSet {
  readonly name: string;
  readonly version: string;
  readonly population: string;
  readonly segmenter: string;
  readonly citation: string;
  /** What was done to carry the norm over to our segmenter, with its uncertainty. */
  readonly transfer: string;
}

export interface HippocampusMeasurement {
  readonly laterality: Laterality;
  /** Sum of segmented voxel volumes on the source grid (DCM 126030), mm3. */
  readonly volumeMm3: number;
  readonly anteriorVolumeMm3: number;
  readonly posteriorVolumeMm3: number;
  readonly voxelCount: number;
  /** 100 * volume / intracranial volume. */
  readonly percentOfIntracranial: Measured<number>;
  readonly norm: Measured<NormPosition>;
}

export type QualityVerdict = 'pass' | 'review' | 'fail';

export interface QualityCheck {
  /** kebab-case, stable: resolution, field-of-view, contrast, noise, ghosting, volume-plausibility, side-plausibility, ... */
  readonly name: string;
  readonly verdict: QualityVerdict;
  readonly value: number;
  readonly unit: string;
  /** The limit that decided, in words: "pass up to 1.5 mm, review up to 2 mm". */
  readonly limit: string;
}

export interface QualityAssessment {
  /** The worst of the checks. */
  readonly verdict: QualityVerdict;
  /** 0 (unusable) to 1. */
  readonly score: number;
  readonly checks: readonly QualityCheck[];
}

/** One source image in slice order; the SEG, SR and SC refer to it. */
export interface SourceImage {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** Only for multi-frame sources, 1-based. */
  readonly frameNumber?: number;
}

/** Why each other series of the study was not measured. */
export interface SeriesRejection {
  readonly seriesInstanceUid: string;
  readonly seriesNumber?: number;
  readonly seriesDescription?: string;
  readonly reasons: readonly string[];
}

/** Identifiers of everything the result becomes; derived from the run key, so a second run changes nothing. */
export interface ResultIdentifiers {
  readonly segSeriesUid: string;
  readonly segUid: string;
  readonly srSeriesUid: string;
  readonly srUid: string;
  readonly pdfSeriesUid: string;
  readonly pdfUid: string;
  readonly scSeriesUid: string;
  readonly trackingUid: Readonly<Record<Laterality, string>>;
  readonly bilateralTrackingUid: string;
  readonly dimensionOrganizationUid: string;
  /** UID of the n-th secondary capture, or any further object: deriveUid(runKey, purpose). */
}

export interface SclerosisCall {
  readonly call: 'not-called' | 'left' | 'right' | 'balanced';
  readonly reason: string;
}

/** THE result: SEG, SR, PDF, secondary capture, FHIR and measurements.json are all made from this one value. */
export interface AnalysisResult {
  readonly formatVersion: '1';
  /** sha256 hex of source SOPInstanceUIDs, pixel digest, model digest, parameters, norm set, format version, revision. */
  readonly runKey: string;
  /** ISO 8601 with Z; from the run row (the command line reuses that of an earlier equal run). */
  readonly createdAt: string;
  readonly software: { readonly name: typeof SOFTWARE_NAME; readonly version: string };
  readonly patient: PatientHeader;
  readonly study: StudyHeader;
  readonly series: SeriesHeader;
  readonly acquisition: AcquisitionHeader;
  /** Age in years and sex used for norms, and where they came from. */
  readonly demographics: {
    readonly ageYears: Measured<number>;
    readonly sex: Measured<'M' | 'F'>;
  };
  /** First source instance: what derived objects copy when the table above has no field for it. */
  readonly sourceHeader: InstanceHeader;
  /** One entry a slice of `geometry`, in the order of its third axis. */
  readonly sourceImages: readonly SourceImage[];
  readonly rejectedSeries: readonly SeriesRejection[];
  /** Source grid: SEG frames and labels.nii.gz lie on it. */
  readonly geometry: Grid & {
    readonly voxelSizeMm: readonly [number, number, number];
    readonly voxelVolumeMm3: number;
  };
  readonly pixelDigest: string;
  readonly left: HippocampusMeasurement;
  readonly right: HippocampusMeasurement;
  /** (L - R) / (L + R), a fraction. */
  readonly asymmetryIndex: number;
  /** 200 (L - R) / (L + R). */
  readonly percentDifference: number;
  /** L / R. */
  readonly leftRightRatio: number;
  readonly intracranialVolumeMm3: Measured<number>;
  readonly normSet: Measured<NormSet>;
  readonly quality: QualityAssessment;
  readonly sclerosis: SclerosisCall;
  readonly model: ModelIdentity;
  readonly identifiers: ResultIdentifiers;
}

export function isMeasured<T>(measured: Measured<T>): measured is { readonly value: T } {
  return 'value' in measured;
}
