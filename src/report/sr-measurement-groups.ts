import type { NaturalDataset } from '../dicom/encode.ts';
import { CODES, LATERALITY_CODES, QUALITY_CODES } from '../domain/codes.ts';
import type { Laterality } from '../domain/geometry.ts';
import { type AnalysisResult, type HippocampusMeasurement, isMeasured } from '../domain/result.ts';
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

/** How every segmented volume came about: by counting voxels, of this model. */
function volumeProperties(result: AnalysisResult): NaturalDataset[] {
  return [
    codeContent('HAS CONCEPT MOD', CODES.measurementMethod, CODES.sumOfSegmentedVoxels),
    ...algorithmIdentification(result),
  ];
}

const withheld = (text: string) => textContent('CONTAINS', CODES.valueWithheld, text);

/** TID 311: among whose measurements a position is told. */
function population(result: AnalysisResult): NaturalDataset[] {
  if (!isMeasured(result.normSet)) return [];
  const { name, version, citation, population: people } = result.normSet.value;
  return [
    textContent('HAS PROPERTIES', CODES.populationDescription, people),
    textContent('HAS PROPERTIES', CODES.referenceAuthority, `${name} ${version}: ${citation}`),
  ];
}

/** Where the volume lies among the norms: CID 221 measurements beside the volume they are about. */
function normMeasurements(result: AnalysisResult, { norm }: HippocampusMeasurement): NaturalDataset[] {
  if (!isMeasured(norm)) return [withheld(`Percentile and z-score: ${norm.withheld}`)];
  const { percentile, z, expectedMm3, p5Mm3, p95Mm3 } = norm.value;
  const whose = population(result);
  return [
    numberContent('CONTAINS', CODES.percentile, percentile, CODES.percentUnit, whose),
    numberContent('CONTAINS', CODES.zScore, z, CODES.noUnits, whose),
    numberContent('CONTAINS', CODES.populationMean, expectedMm3, CODES.cubicMillimeter),
    numberContent('CONTAINS', CODES.populationFifthPercentile, p5Mm3, CODES.cubicMillimeter),
    numberContent('CONTAINS', CODES.populationNinetyFifthPercentile, p95Mm3, CODES.cubicMillimeter),
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
function partVolume(
  result: AnalysisResult,
  part: keyof typeof PARTS,
  laterality: Laterality,
  volumeMm3: number,
): NaturalDataset {
  const site = codeContent('HAS CONCEPT MOD', CODES.findingSite, CODES.hippocampus, [
    codeContent('HAS CONCEPT MOD', CODES.laterality, LATERALITY_CODES[laterality]),
    codeContent('HAS CONCEPT MOD', CODES.topographicalModifier, CODES[part]),
  ]);
  const children = [...volumeProperties(result), site];
  return numberContent('CONTAINS', PARTS[part], volumeMm3, CODES.cubicMillimeter, children);
}

/** TID 1419: what was measured on one side. A value that was withheld is a text with the reason, never a number. */
function sideMeasurements(result: AnalysisResult, side: HippocampusMeasurement): NaturalDataset[] {
  const { percentOfIntracranial: percent, laterality } = side;
  return [
    numberContent('CONTAINS', CODES.volume, side.volumeMm3, CODES.cubicMillimeter, volumeProperties(result)),
    partVolume(result, 'anterior', laterality, side.anteriorVolumeMm3),
    partVolume(result, 'posterior', laterality, side.posteriorVolumeMm3),
    isMeasured(percent)
      ? numberContent('CONTAINS', CODES.percentOfIntracranial, percent.value, CODES.percentUnit)
      : withheld(`Percent of intracranial volume: ${percent.withheld}`),
    ...normMeasurements(result, side),
  ];
}

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

/** TID 1420: what follows from both sides together, and the head they are in. */
export function derivedMeasurements(result: AnalysisResult): NaturalDataset {
  const { intracranialVolumeMm3: intracranial } = result;
  const bothSides = codeContent('HAS CONCEPT MOD', CODES.findingSite, CODES.hippocampus, [
    codeContent('HAS CONCEPT MOD', CODES.laterality, CODES.bilateral),
  ]);
  const head = codeContent('HAS CONCEPT MOD', CODES.findingSite, CODES.intracranialStructure);
  return container(CODES.derivedImagingMeasurements, [
    numberContent('CONTAINS', CODES.asymmetryIndex, result.asymmetryIndex, CODES.noUnits, [bothSides]),
    numberContent('CONTAINS', CODES.percentDifference, result.percentDifference, CODES.percentUnit, [bothSides]),
    numberContent('CONTAINS', CODES.leftRightRatio, result.leftRightRatio, CODES.noUnits, [bothSides]),
    isMeasured(intracranial)
      ? numberContent('CONTAINS', CODES.intracranialVolume, intracranial.value, CODES.cubicMillimeter, [head])
      : withheld(`Intracranial volume: ${intracranial.withheld}`),
  ]);
}
