import type { CodeableConcept, Coding, Identifier, ObservationComponent, Quantity } from '@medplum/fhirtypes';
import { CODE_SYSTEM_URLS, CODES, type Code } from '../domain/codes.ts';
import { HL7, SYSTEMS } from './canonicals.ts';

export const codingOf = (code: Code): Coding => ({
  system: CODE_SYSTEM_URLS[code.scheme],
  code: code.value,
  display: code.meaning,
});

/** One concept said by one or more codes; the text is the meaning of the first unless given. */
export const conceptOf = (codes: readonly Code[], text?: string): CodeableConcept => ({
  coding: codes.map(codingOf),
  text: text ?? codes[0]!.meaning,
});

/** Rounds to what the number is worth, so that no bundle carries fifteen digits of a voxel sum. */
const rounded = (value: number, decimals: number): number => Number(value.toFixed(decimals));

/** A quantity in UCUM; `decimals` after the point. */
export const quantityOf = (value: number, unit: Code, decimals: number): Quantity => ({
  value: rounded(value, decimals),
  unit: unit.value,
  system: CODE_SYSTEM_URLS.UCUM,
  code: unit.value,
});

/** mm3, one decimal. */
export const cubicMillimetres = (value: number): Quantity => quantityOf(value, CODES.cubicMillimeter, 1);

/** Why there is no value: a coded reason for machines, the named reason for people. */
export const withheldBecause = (reason: string): CodeableConcept => ({
  coding: [
    { system: HL7.dataAbsentReason, code: 'not-performed', display: 'Not Performed' },
    codingOf(CODES.valueWithheld),
  ],
  text: reason,
});

/** A part of an observation with its value, or with the reason for its absence. */
export const componentOf = (
  codes: readonly Code[],
  value: Quantity | { readonly withheld: string },
): ObservationComponent => ({
  code: conceptOf(codes),
  ...('withheld' in value ? { dataAbsentReason: withheldBecause(value.withheld) } : { valueQuantity: value }),
});

/** The identifier of a DICOM object or study: PS3.20 and R4 ImagingStudy agree on urn:dicom:uid and urn:oid. */
export const dicomUid = (uid: string): Identifier => ({ system: SYSTEMS.dicomUid, value: `urn:oid:${uid}` });

/** What an EHR filters by: not for care, but for research. */
export const RESEARCH_TAGS: Coding[] = [
  { system: HL7.actReason, code: 'HRESCH', display: 'healthcare research' },
  { system: SYSTEMS.useLimits, code: 'research-use-only', display: 'Research use only' },
];

/** The sentence every reader must see. */
export const RESEARCH_NOTE =
  'Computed by software and not reviewed by a physician unless the status says so. For research use only, not for diagnosis.';
