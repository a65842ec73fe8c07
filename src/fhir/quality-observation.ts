import type { Observation, ObservationComponent, Quantity } from '@medplum/fhirtypes';
import { CODE_SYSTEM_URLS, CODES, QUALITY_CODES } from '../domain/codes.ts';
import type { QualityCheck, QualityVerdict } from '../domain/result.ts';
import { HL7, PROFILES, SYSTEMS } from './canonicals.ts';
import { componentOf, conceptOf, quantityOf, RESEARCH_NOTE } from './concepts.ts';
import { narrativeOf } from './narrative.ts';
import { observationOf, observationUid } from './observations.ts';
import type { BundleContext } from './result-context.ts';

/** Codes of the checks in terminology/fhir/CodeSystem-quality-checks.json; any other check is told by its name alone. */
export const QUALITY_CHECK_DISPLAYS: Readonly<Record<string, string>> = {
  resolution: 'Resolution',
  anisotropy: 'Anisotropy',
  'field-of-view': 'Field of view',
  'hippocampus-margin': 'Margin around the hippocampi',
  saturation: 'Saturation',
  contrast: 'Contrast of grey and white matter',
  'fluid-contrast': 'Contrast of grey matter and fluid',
  noise: 'Noise',
  ghosting: 'Ghosting',
  'volume-plausibility': 'Plausibility of the volumes',
  'side-plausibility': 'Plausibility of the difference of the sides',
  laterality: 'Laterality',
  'intracranial-volume': 'Plausibility of the intracranial volume',
  'crop-edge': 'Cut at the edge of the crop',
  confidence: 'Confidence of the model',
  fragmentation: 'Fragmentation',
};

const INTERPRETATIONS: Readonly<Record<QualityVerdict, readonly [string, string]>> = {
  pass: ['N', 'Normal'],
  review: ['A', 'Abnormal'],
  fail: ['AA', 'Critical abnormal'],
};

/** Units that are UCUM codes as they stand; any other unit is text. */
const UCUM_UNITS: ReadonlySet<string> = new Set(['1', '%', 'mm', 'mm2', 'cm2', 'mm3', 'cm3', 'mL', 'deg', 's', 'ms']);

const quantity = ({ value, unit }: QualityCheck): Quantity => ({
  value: Number(value.toPrecision(6)),
  unit,
  ...(UCUM_UNITS.has(unit) && { system: CODE_SYSTEM_URLS.UCUM, code: unit }),
});

function checkComponent(check: QualityCheck): ObservationComponent {
  const display = QUALITY_CHECK_DISPLAYS[check.name];
  const [code, meaning] = INTERPRETATIONS[check.verdict];
  return {
    code: {
      ...(display && { coding: [{ system: SYSTEMS.qualityChecks, code: check.name, display }] }),
      text: check.name,
    },
    ...(Number.isFinite(check.value)
      ? { valueQuantity: quantity(check) }
      : { dataAbsentReason: { coding: [{ system: HL7.dataAbsentReason, code: 'not-a-number' }] } }),
    interpretation: [{ coding: [{ system: HL7.interpretation, code, display: meaning }], text: check.verdict }],
    referenceRange: [{ text: check.limit }],
  };
}

/** Whether the images were good enough, check by check with the limit that decided. */
export function qualityObservation(context: BundleContext, uid: string): Observation {
  const { quality } = context.result;
  const title = 'Image and segmentation quality';
  return observationOf(
    context,
    {
      text: narrativeOf(
        title,
        [
          ['Verdict', `${quality.verdict} (score ${quality.score.toFixed(2)})`],
          ...quality.checks.map(
            (check) =>
              [
                check.name,
                `${check.verdict}: ${Number(check.value.toPrecision(3))} ${check.unit}; ${check.limit}`,
              ] as const,
          ),
        ],
        [RESEARCH_NOTE],
      ),
      identifier: [observationUid(uid)],
      code: conceptOf([CODES.qualityFinding], title),
      valueCodeableConcept: conceptOf([QUALITY_CODES[quality.verdict]], quality.verdict),
      component: [
        componentOf([CODES.qualityScore], quantityOf(quality.score, CODES.noUnits, 3)),
        ...quality.checks.map(checkComponent),
      ],
    },
    PROFILES.imageQuality,
  );
}
