import { encodeDicom, type NaturalDataset } from '../dicom/encode.ts';
import { CODES } from '../domain/codes.ts';
import { type AnalysisResult, isMeasured } from '../domain/result.ts';
import { codeContent, container, imageContent, rootContainer, textContent, uidContent } from './content-items.ts';
import {
  deviceSerialNumberOf,
  deviceUidOf,
  equipmentModule,
  instanceReference,
  momentOf,
  patientModule,
  RESEARCH_USE_ONLY,
  SOP_CLASSES,
  seriesModule,
  sopCommonModule,
  sourceInstancesOf,
  studyModule,
  wellFormed,
} from './object-modules.ts';
import { derivedMeasurements, sideGroup } from './sr-measurement-groups.ts';

/**
 * The measurements as a DICOM file: Comprehensive 3D SR (PS3.3 A.35.13), TID 1500 Imaging Measurement Report, with one
 * TID 1411 group a hippocampus that points at its segment in the SEG of the same result. UNVERIFIED and PRELIMINARY;
 * PARTIAL where a value was withheld. Explicit little endian.
 */
export function buildStructuredReport(result: AnalysisResult): Uint8Array {
  return encodeDicom(structuredReportDataset(result));
}

/** The dataset of `buildStructuredReport`, before it is written. */
export function structuredReportDataset(result: AnalysisResult): NaturalDataset {
  const { identifiers } = result;
  return {
    ...sopCommonModule(result, SOP_CLASSES.comprehensive3dSr, identifiers.srUid, { usesOwnCodes: true }),
    ...patientModule(result),
    ...studyModule(result),
    ...seriesModule(result, {
      modality: 'SR',
      seriesInstanceUid: identifiers.srSeriesUid,
      description: 'Hippocampus measurements',
    }),
    ReferencedPerformedProcedureStepSequence: [],
    ...equipmentModule(result),
    ...documentModule(result),
    ...rootContainer(CODES.imagingMeasurementReport, '1500', [
      codeContent('HAS CONCEPT MOD', CODES.language, CODES.americanEnglish),
      ...deviceObserver(result),
      codeContent('HAS CONCEPT MOD', CODES.procedureReported, CODES.mriUnspecifiedBodyRegion),
      imageLibrary(result),
      container(CODES.imagingMeasurements, [sideGroup(result, result.left), sideGroup(result, result.right)]),
      derivedMeasurements(result),
      container(CODES.qualitativeEvaluations, evaluations(result)),
    ]),
  };
}

/** SR Document General, PS3.3 C.17.2. Every instance that the content points at is in the evidence, once. */
function documentModule(result: AnalysisResult): NaturalDataset {
  const { date, time } = momentOf(result);
  const { identifiers, study, series } = result;
  const missing = withheldValuesOf(result);
  return {
    InstanceNumber: 1,
    CompletionFlag: missing.length > 0 ? 'PARTIAL' : 'COMPLETE',
    CompletionFlagDescription: missing.length > 0 ? `Withheld: ${missing.join(', ')}` : undefined,
    VerificationFlag: 'UNVERIFIED',
    PreliminaryFlag: 'PRELIMINARY',
    ContentDate: date,
    ContentTime: time,
    PerformedProcedureCodeSequence: [],
    CurrentRequestedProcedureEvidenceSequence: [
      {
        StudyInstanceUID: study.studyInstanceUid,
        ReferencedSeriesSequence: [
          {
            SeriesInstanceUID: series.seriesInstanceUid,
            ReferencedSOPSequence: sourceInstancesOf(result).map((image) =>
              instanceReference(image.sopClassUid, image.sopInstanceUid),
            ),
          },
          {
            SeriesInstanceUID: identifiers.segSeriesUid,
            ReferencedSOPSequence: [instanceReference(SOP_CLASSES.segmentation, identifiers.segUid)],
          },
        ],
      },
    ],
  };
}

function withheldValuesOf(result: AnalysisResult): string[] {
  const names: string[] = [];
  if (!isMeasured(result.left.norm) || !isMeasured(result.right.norm)) names.push('percentiles');
  if (!isMeasured(result.intracranialVolumeMm3)) names.push('intracranial volume');
  return names;
}

/** TID 1001, 1002 and 1004: a program observed, not a person. */
function deviceObserver(result: AnalysisResult): NaturalDataset[] {
  const { name } = result.software;
  return [
    codeContent('HAS OBS CONTEXT', CODES.observerType, CODES.device),
    uidContent('HAS OBS CONTEXT', CODES.deviceObserverUid, deviceUidOf(result)),
    textContent('HAS OBS CONTEXT', CODES.deviceObserverName, `${name} ${result.software.version}`),
    textContent('HAS OBS CONTEXT', CODES.deviceObserverManufacturer, name),
    textContent('HAS OBS CONTEXT', CODES.deviceObserverModelName, name),
    textContent('HAS OBS CONTEXT', CODES.deviceObserverSerialNumber, deviceSerialNumberOf(result)),
  ];
}

/**
 * TID 1600 Image Library: one group, the source series. What holds for all its images is said once, on the group
 * (TID 1602), so that a classic series costs one reference a slice and no more.
 */
function imageLibrary(result: AnalysisResult): NaturalDataset {
  const frameOfReferenceUid = wellFormed('UI', result.series.frameOfReferenceUid);
  const group = container(CODES.imageLibraryGroup, [
    codeContent('HAS ACQ CONTEXT', CODES.modality, CODES.magneticResonance),
    ...(frameOfReferenceUid ? [uidContent('HAS ACQ CONTEXT', CODES.frameOfReferenceUid, frameOfReferenceUid)] : []),
    ...sourceInstancesOf(result).map((image) =>
      imageContent(undefined, instanceReference(image.sopClassUid, image.sopInstanceUid)),
    ),
  ]);
  return container(CODES.imageLibrary, [group], '1600');
}

/** What is said in words: limits of use, where the norms come from, and the checks behind the quality finding. */
function evaluations(result: AnalysisResult): NaturalDataset[] {
  const { sclerosis, quality, normSet } = result;
  const call = sclerosis.call === 'not-called' ? 'Not called' : sclerosis.call;
  return [
    textContent('CONTAINS', CODES.limitationOfUse, RESEARCH_USE_ONLY),
    textContent('CONTAINS', CODES.sclerosisSideCall, `${call}: ${sclerosis.reason}`),
    isMeasured(normSet)
      ? textContent('CONTAINS', CODES.normTransfer, normSet.value.transfer)
      : textContent('CONTAINS', CODES.valueWithheld, `Reference values: ${normSet.withheld}`),
    ...quality.checks.map((check) =>
      textContent(
        'CONTAINS',
        CODES.comment,
        `Quality check ${check.name}: ${check.verdict}, ${check.value} ${check.unit} (${check.limit})`,
      ),
    ),
  ];
}
