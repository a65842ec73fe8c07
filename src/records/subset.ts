import type { Summary } from '../fhir/search-request.ts';

/** Top elements that a resource must have, or that change its meaning: no subset leaves them out (R4 search 3.1.1.5.8). */
const KEPT: Readonly<Record<string, readonly string[]>> = {
  AllergyIntolerance: ['patient', 'clinicalStatus', 'verificationStatus'],
  AuditEvent: ['type', 'recorded', 'agent', 'source'],
  Basic: ['code'],
  Binary: ['contentType'],
  BodyStructure: ['patient', 'active'],
  Communication: ['status'],
  Composition: ['status', 'type', 'date', 'author', 'title'],
  Condition: ['subject', 'clinicalStatus', 'verificationStatus'],
  Consent: ['status', 'scope', 'category'],
  Device: ['status'],
  DiagnosticReport: ['status', 'code'],
  DocumentReference: ['status', 'content'],
  Encounter: ['status', 'class'],
  Endpoint: ['status', 'connectionType', 'payloadType', 'address'],
  Group: ['type', 'actual'],
  ImagingStudy: ['status', 'subject'],
  List: ['status', 'mode'],
  Location: ['status'],
  Media: ['status', 'content'],
  MedicationStatement: ['status', 'subject', 'medicationCodeableConcept', 'medicationReference'],
  Observation: ['status', 'code'],
  Organization: ['active'],
  Patient: ['active', 'deceasedBoolean', 'deceasedDateTime', 'link'],
  Person: ['active'],
  Procedure: ['status', 'subject'],
  Provenance: ['target', 'recorded', 'agent'],
  Questionnaire: ['status'],
  QuestionnaireResponse: ['status'],
  RelatedPerson: ['patient', 'active'],
  ResearchStudy: ['status'],
  ResearchSubject: ['status', 'study', 'individual'],
  ServiceRequest: ['status', 'intent', 'subject', 'doNotPerform'],
  Specimen: ['status'],
  Subscription: ['status', 'reason', 'criteria', 'channel'],
  Task: ['status', 'intent'],
};
const ALWAYS = ['resourceType', 'id', 'meta', 'implicitRules', 'modifierExtension'];
/** Elements without the mark "summary" in R4, of the types that the walk makes; no other type loses more than its text. */
const NOT_IN_SUMMARY: Readonly<Record<string, readonly string[]>> = {
  AuditEvent: [],
  BodyStructure: ['image', 'locationQualifier'],
  Device: ['udiCarrier', 'property', 'specialization', 'version', 'note', 'safety', 'contact', 'url'],
  DiagnosticReport: ['conclusionCode', 'presentedForm', 'imagingStudy'],
  ImagingStudy: [],
  Observation: [
    'note',
    'bodySite',
    'method',
    'specimen',
    'device',
    'referenceRange',
    'interpretation',
    'dataAbsentReason',
  ],
  Patient: ['contact', 'communication', 'photo', 'multipleBirthBoolean', 'multipleBirthInteger', 'maritalStatus'],
};
const SUBSETTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };

type Fields = Readonly<Record<string, unknown>>;

/** Which top elements an answer has; undefined: all. */
function chooser(type: string, summary: Summary, elements: readonly string[]): ((name: string) => boolean) | undefined {
  const kept = new Set([...ALWAYS, ...(KEPT[type] ?? [])]);
  if (elements.length > 0) {
    const wanted = new Set(elements);
    return (name) => kept.has(name) || wanted.has(name);
  }
  if (summary === 'text') return (name) => kept.has(name) || name === 'text';
  if (summary === 'data') return (name) => name !== 'text';
  if (summary !== 'true') return undefined;
  const dropped = new Set(['text', 'contained', ...(NOT_IN_SUMMARY[type] ?? [])]);
  return (name) => !dropped.has(name);
}

/**
 * The resource as `_summary` and `_elements` ask for it, marked SUBSETTED (R4 search 3.1.1.5.8 and 9); the very text
 * when they ask for all of it.
 */
export function subsetText(json: string, type: string, summary: Summary, elements: readonly string[]): string {
  const isWanted = chooser(type, summary, elements);
  if (!isWanted) return json;
  const resource: Fields = JSON.parse(json);
  // "_status" is the extension of "status".
  const chosen = Object.entries(resource).filter(([name]) => isWanted(name.replace(/^_/, '')));
  const subset: Record<string, unknown> = Object.fromEntries(chosen);
  const meta = (resource.meta ?? {}) as { readonly tag?: readonly unknown[] };
  subset.meta = { ...meta, tag: [...(meta.tag ?? []), SUBSETTED] };
  return JSON.stringify(subset);
}
