import type { NaturalDataset } from '../dicom/encode.ts';
import { CODES, LATERALITY_CODES, QUALITY_CODES } from '../domain/codes.ts';
import type { Laterality } from '../domain/geometry.ts';
import { type AnalysisResult, type HippocampusMeasurement, isMeasured, type NormPosition } from '../domain/result.ts';
import { codeContent, container, imageContent, numberContent, textContent, uidContent } from './content-items.ts';
import { instanceReference, SOP_CLASSES } from './object-modules.ts';
import { SEGMENT_NUMBERS, TRACKING_IDENTIFIERS } from './seg.ts';

/** TID 4019 Algorithm Identification: which weights of which model measured. */
function algorithmIdentification({ model }: AnalysisResult): NaturalDataset[] {
  return [
    textContent('HAS CONCEPT MOD', CODES.algorithmName, model.name),
    textContent('HAS CONCEPT MOD', CODES.algorithmVersion, model.version),
    textContent('HAS CONCEPT MOD', CODES.algorithmParameters, `sha256 ${model.sha256}`),
    codeContent('HAS CONCEPT MOD', CODES.algorithmFamily, CODES.artificialIntelligence),
  ];
}

const voxelMethod = codeContent('HAS CONCEPT MOD', CODES.measurementMethod, CODES.sumOfSegmentedVoxels);

/** TID 310 and 311: where the volume lies among the norms, and among whose. */
function normProperties(result: AnalysisResult, position: NormPosition): NaturalDataset[] {
  const volume = (
    name:
      | typeof CODES.populationMean
      | typeof CODES.populationFifthPercentile
      | typeof CODES.populationNinetyFifthPercentile,
    mm3: number,
  ) => numberContent('HAS PROPERTIES', name, mm3, CODES.cubicMillimeter);
  const norms = isMeasured(result.normSet) ? result.normSet.value : undefined;
  return [
    numberContent('HAS PROPERTIES', CODES.percentile, position.percentile, CODES.percentUnit),
    numberContent('HAS PROPERTIES', CODES.zScore, position.z, CODES.noUnits),
    volume(CODES.populationMean, position.expectedMm3),
    volume(CODES.populationFifthPercentile, position.p5Mm3),
    volume(CODES.populationNinetyFifthPercentile, position.p95Mm3),
    ...(norms
      ? [
          textContent('HAS PROPERTIES', CODES.populationDescription, norms.population),
          textContent('HAS PROPERTIES', CODES.referenceAuthority, `${norms.name} ${norms.version}: ${norms.citation}`),
        ]
      : []),
  ];
}

const PARTS = {
  anterior: CODES.anteriorHippocampalVolume,
  posterior: CODES.posteriorHippocampalVolume,
} as const;

/**
 * The volume of the front or the back of a hippocampus: the same site, narrowed by CID 2. Its concept is one of ours
 * and not a second "Volume": a reader that looks at names only must never take a part for the whole.
 */
function partVolume(part: keyof typeof PARTS, laterality: Laterality, volumeMm3: number): NaturalDataset {
  const site = codeContent('HAS CONCEPT MOD', CODES.findingSite, CODES.hippocampus, [
    codeContent('HAS CONCEPT MOD', CODES.laterality, LATERALITY_CODES[laterality]),
    codeContent('HAS CONCEPT MOD', CODES.topographicalModifier, CODES[part]),
  ]);
  return numberContent('CONTAINS', PARTS[part], volumeMm3, CODES.cubicMillimeter, [voxelMethod, site]);
}

/** TID 1419: what was measured on one side. A value that was withheld is a text with the reason, never a number. */
function sideMeasurements(result: AnalysisResult, side: HippocampusMeasurement): NaturalDataset[] {
  const { norm, percentOfIntracranial, laterality } = side;
  const properties = isMeasured(norm) ? normProperties(result, norm.value) : [];
  return [
    numberContent('CONTAINS', CODES.volume, side.volumeMm3, CODES.cubicMillimeter, [voxelMethod, ...properties]),
    partVolume('anterior', laterality, side.anteriorVolumeMm3),
    partVolume('posterior', laterality, side.posteriorVolumeMm3),
    isMeasured(percentOfIntracranial)
      ? numberContent('CONTAINS', CODES.percentOfIntracranial, percentOfIntracranial.value, CODES.percentUnit)
      : withheld(`Percent of intracranial volume: ${percentOfIntracranial.withheld}`),
    ...(isMeasured(norm) ? [] : [withheld(`Percentile and z-score: ${norm.withheld}`)]),
  ];
}

const withheld = (text: string) => textContent('CONTAINS', CODES.valueWithheld, text);

/** TID 1411 Volumetric ROI Measurements of one hippocampus, tied to its segment by number and by Tracking UID. */
export function sideGroup(result: AnalysisResult, side: HippocampusMeasurement): NaturalDataset {
  const { identifiers, series, quality } = result;
  const { laterality } = side;
  return container(
    CODES.measurementGroup,
    [
      textContent('HAS OBS CONTEXT', CODES.trackingIdentifier, TRACKING_IDENTIFIERS[laterality]),
      uidContent('HAS OBS CONTEXT', CODES.trackingUid, identifiers.trackingUid[laterality]),
      codeContent('CONTAINS', CODES.findingCategory, CODES.anatomicalStructure),
      codeContent('CONTAINS', CODES.finding, CODES.hippocampus),
      ...algorithmIdentification(result),
      imageContent(CODES.referencedSegment, {
        ...instanceReference(SOP_CLASSES.segmentation, identifiers.segUid),
        ReferencedSegmentNumber: SEGMENT_NUMBERS[laterality],
      }),
      uidContent('CONTAINS', CODES.sourceSeriesForSegmentation, series.seriesInstanceUid),
      codeContent('HAS CONCEPT MOD', CODES.findingSite, CODES.hippocampus, [
        codeContent('HAS CONCEPT MOD', CODES.laterality, LATERALITY_CODES[laterality]),
      ]),
      ...sideMeasurements(result, side),
      codeContent('CONTAINS', CODES.qualityFinding, QUALITY_CODES[quality.verdict]),
    ],
    '1411',
  );
}

/** TID 1501 Measurement Group: what concerns both sides at once, and the head they are in. */
export function bilateralGroup(result: AnalysisResult): NaturalDataset {
  const { intracranialVolumeMm3: intracranial, identifiers } = result;
  const site = codeContent('HAS CONCEPT MOD', CODES.findingSite, CODES.intracranialStructure);
  return container(
    CODES.measurementGroup,
    [
      textContent('HAS OBS CONTEXT', CODES.trackingIdentifier, 'Both hippocampi'),
      uidContent('HAS OBS CONTEXT', CODES.trackingUid, identifiers.bilateralTrackingUid),
      codeContent('CONTAINS', CODES.findingCategory, CODES.anatomicalStructure),
      codeContent('CONTAINS', CODES.finding, CODES.hippocampus),
      ...algorithmIdentification(result),
      codeContent('HAS CONCEPT MOD', CODES.findingSite, CODES.hippocampus, [
        codeContent('HAS CONCEPT MOD', CODES.laterality, CODES.bilateral),
      ]),
      numberContent('CONTAINS', CODES.asymmetryIndex, result.asymmetryIndex, CODES.noUnits),
      numberContent('CONTAINS', CODES.percentDifference, result.percentDifference, CODES.percentUnit),
      numberContent('CONTAINS', CODES.leftRightRatio, result.leftRightRatio, CODES.noUnits),
      isMeasured(intracranial)
        ? numberContent('CONTAINS', CODES.volume, intracranial.value, CODES.cubicMillimeter, [site])
        : withheld(`Intracranial volume: ${intracranial.withheld}`),
    ],
    '1501',
  );
}
