import type { CodeableConcept, Extension, Observation, ObservationReferenceRange, Reference } from '@medplum/fhirtypes';
import { CODES, type Code, LATERALITY_CODES } from '../domain/codes.ts';
import type { Laterality } from '../domain/geometry.ts';
import { type AnalysisResult, type HippocampusMeasurement, isMeasured, type NormSet } from '../domain/result.ts';
import { EXTENSIONS, HL7, PROFILES } from './canonicals.ts';
import {
  componentOf,
  conceptOf,
  cubicMillimetres,
  dicomUid,
  quantityOf,
  RESEARCH_NOTE,
  RESEARCH_TAGS,
  withheldBecause,
} from './concepts.ts';
import { narrativeOf } from './narrative.ts';
import type { BundleContext } from './result-context.ts';

const SIDE_NAMES = { left: 'Left', right: 'Right' } as const;

/** What all our observations share. They are preliminary until a person signs; a change of status is not made here. */
export function observationOf(
  context: BundleContext,
  own: Pick<Observation, 'code'> & Partial<Observation>,
  profile: string,
): Observation {
  const { result, references, effective } = context;
  return {
    resourceType: 'Observation',
    meta: { profile: [profile], tag: RESEARCH_TAGS },
    status: 'preliminary',
    category: [{ coding: [{ system: HL7.observationCategory, code: 'imaging', display: 'Imaging' }] }],
    subject: references.patient,
    ...(effective && { effectiveDateTime: effective }),
    issued: result.createdAt,
    device: references.device,
    partOf: [references.imagingStudy],
    derivedFrom: [references.imagingStudy],
    note: [{ text: RESEARCH_NOTE }],
    ...own,
  };
}

/** Identifier of an observation as the HL7 DICOM SR mapping guide writes it: the tracking UID of SEG and SR. */
export const observationUid = (uid: string) => ({
  type: { coding: [{ system: HL7.dicomIdentifierType, code: 'observation-uid', display: 'Observation UID' }] },
  ...dicomUid(uid),
});

/** R4 has no bodyStructure on Observation: the site is coded, and its extension leads to the side. */
const siteOf = (codes: readonly Code[], text: string, structure?: Reference): CodeableConcept => ({
  ...(structure && { extension: [{ url: EXTENSIONS.bodySite, valueReference: structure }] }),
  ...conceptOf(codes, text),
});

function normExtension(norms: NormSet): Extension {
  const part = (url: string, valueString: string): Extension => ({ url, valueString });
  return {
    url: EXTENSIONS.normSet,
    extension: [
      part('name', norms.name),
      part('version', norms.version),
      part('population', norms.population),
      part('segmenter', norms.segmenter),
      part('citation', norms.citation),
      part('transfer', norms.transfer),
    ],
  };
}

function rangeOf(measured: HippocampusMeasurement, result: AnalysisResult): ObservationReferenceRange[] {
  if (!isMeasured(measured.norm) || !isMeasured(result.normSet)) return [];
  const norms = result.normSet.value;
  return [
    {
      extension: [normExtension(norms)],
      low: cubicMillimetres(measured.norm.value.p5Mm3),
      high: cubicMillimetres(measured.norm.value.p95Mm3),
      text: `5th to 95th percentile of ${norms.name} ${norms.version} (${norms.population}) for this age and sex`,
    },
  ];
}

/** Where the volume lies against the range that stands beside it; nothing where there is no range. */
function interpretationOf({ norm, volumeMm3 }: HippocampusMeasurement): CodeableConcept[] {
  if (!isMeasured(norm)) return [];
  const [code, display] =
    volumeMm3 < norm.value.p5Mm3 ? ['L', 'Low'] : volumeMm3 > norm.value.p95Mm3 ? ['H', 'High'] : ['N', 'Normal'];
  return [{ coding: [{ system: HL7.interpretation, code, display }], text: `${display} against the range given` }];
}

/** "62nd", "21st", "13th". */
export function ordinal(value: number): string {
  const whole = Math.round(value);
  const ending = whole % 100 >= 11 && whole % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][whole % 10] ?? 'th');
  return `${whole}${ending}`;
}

/** "3521.4 mm3" and its percentile, or the reason why there is none; for people. */
export function inWords(measured: HippocampusMeasurement): string {
  const position = isMeasured(measured.norm)
    ? `${ordinal(measured.norm.value.percentile)} percentile, z ${measured.norm.value.z.toFixed(2)}`
    : `no percentile: ${measured.norm.withheld.replace(/[.\s]+$/, '')}`;
  return `${measured.volumeMm3.toFixed(0)} mm3 (${position})`;
}

/** The volume of one hippocampus with its parts, its share of the intracranial volume and its place in the norm. */
export function volumeObservation(context: BundleContext, laterality: Laterality): Observation {
  const { result, references } = context;
  const measured = result[laterality];
  const { norm, percentOfIntracranial: share } = measured;
  const title = `${SIDE_NAMES[laterality]} hippocampal volume`;
  const range = rangeOf(measured, result);
  const interpretation = range.length > 0 ? interpretationOf(measured) : [];
  return observationOf(
    context,
    {
      text: narrativeOf(title, [['Volume', inWords(measured)]], [RESEARCH_NOTE]),
      identifier: [observationUid(result.identifiers.trackingUid[laterality])],
      code: conceptOf([CODES.volume, CODES.hippocampalVolume], title),
      bodySite: siteOf(
        [CODES.hippocampus],
        `${SIDE_NAMES[laterality]} hippocampus`,
        references.bodyStructure[laterality],
      ),
      valueQuantity: cubicMillimetres(measured.volumeMm3),
      ...(interpretation.length > 0 && { interpretation }),
      method: conceptOf([CODES.sumOfSegmentedVoxels]),
      ...(range.length > 0 && { referenceRange: range }),
      component: [
        componentOf([CODES.anteriorHippocampalVolume], cubicMillimetres(measured.anteriorVolumeMm3)),
        componentOf([CODES.posteriorHippocampalVolume], cubicMillimetres(measured.posteriorVolumeMm3)),
        componentOf(
          [CODES.percentOfIntracranial],
          isMeasured(share) ? quantityOf(share.value, CODES.percentUnit, 4) : share,
        ),
        componentOf(
          [CODES.percentile],
          isMeasured(norm) ? quantityOf(norm.value.percentile, CODES.percentUnit, 1) : norm,
        ),
        componentOf([CODES.zScore], isMeasured(norm) ? quantityOf(norm.value.z, CODES.noUnits, 3) : norm),
      ],
    },
    PROFILES.hippocampalVolume,
  );
}

function sideCall({ sclerosis }: AnalysisResult) {
  const code = conceptOf([CODES.sclerosisSideCall]);
  if (sclerosis.call === 'not-called') return { code, dataAbsentReason: withheldBecause(sclerosis.reason) };
  const text = `${sclerosis.call}: ${sclerosis.reason}`;
  if (sclerosis.call === 'balanced') return { code, valueCodeableConcept: { text } };
  return { code, valueCodeableConcept: conceptOf([LATERALITY_CODES[sclerosis.call]], text) };
}

/** The comparison of the two sides; positive means that the left one is larger. */
export function asymmetryObservation(context: BundleContext, volumes: readonly Reference<Observation>[]): Observation {
  const { result, references } = context;
  const title = 'Hippocampal asymmetry';
  return observationOf(
    context,
    {
      text: narrativeOf(
        title,
        [
          ['Asymmetry index (L-R)/(L+R)', result.asymmetryIndex.toFixed(4)],
          ['Percent difference 200(L-R)/(L+R)', `${result.percentDifference.toFixed(2)} %`],
          ['Ratio L/R', result.leftRightRatio.toFixed(3)],
        ],
        [RESEARCH_NOTE],
      ),
      identifier: [observationUid(result.identifiers.bilateralTrackingUid)],
      code: conceptOf([CODES.asymmetryIndex], title),
      bodySite: siteOf([CODES.hippocampus], 'Both hippocampi', references.bodyStructure.bilateral),
      valueQuantity: quantityOf(result.asymmetryIndex, CODES.noUnits, 6),
      derivedFrom: [references.imagingStudy, ...volumes],
      component: [
        componentOf([CODES.percentDifference], quantityOf(result.percentDifference, CODES.percentUnit, 4)),
        componentOf([CODES.leftRightRatio], quantityOf(result.leftRightRatio, CODES.noUnits, 6)),
        sideCall(result),
      ],
    },
    PROFILES.hippocampalAsymmetry,
  );
}

/** The intracranial volume, or the reason why it could not be measured. */
export function intracranialObservation(context: BundleContext, uid: string): Observation {
  const volume = context.result.intracranialVolumeMm3;
  const title = 'Intracranial volume';
  const words = isMeasured(volume) ? `${volume.value.toFixed(0)} mm3` : `not given: ${volume.withheld}`;
  return observationOf(
    context,
    {
      text: narrativeOf(title, [[title, words]], [RESEARCH_NOTE]),
      identifier: [observationUid(uid)],
      code: conceptOf([CODES.volume, CODES.intracranialVolume], title),
      bodySite: siteOf([CODES.intracranialStructure], 'Intracranial structure'),
      ...(isMeasured(volume)
        ? { valueQuantity: cubicMillimetres(volume.value) }
        : { dataAbsentReason: withheldBecause(volume.withheld) }),
      method: conceptOf([CODES.sumOfSegmentedVoxels]),
    },
    PROFILES.intracranialVolume,
  );
}
