import type { HumanName, Identifier, Patient } from '@medplum/fhirtypes';
import type { PatientHeader } from '../domain/instance.ts';
import { EXTENSIONS, HL7, SYSTEMS } from './canonicals.ts';
import { fhirDate } from './dicom-time.ts';
import { narrativeOf } from './narrative.ts';

const GENDERS = { M: 'male', F: 'female', O: 'other' } as const;

/** The three groups of a PN (PS3.5 6.2.1.2) in the codes of ISO 21090. */
const REPRESENTATIONS = ['ABC', 'IDE', 'SYL'] as const;

const words = (component: string | undefined): string[] => component?.split(/\s+/).filter((word) => word !== '') ?? [];

function humanName(group: string, representation: string | undefined): HumanName | undefined {
  const [family, given, middle, prefix, suffix] = group.split('^').map((component) => component.trim());
  const givens = [...words(given), ...words(middle)];
  const [before, after] = [words(prefix), words(suffix)];
  const text = [...before, ...givens, family ?? '', ...after].filter((word) => word !== '').join(' ');
  if (text === '') return undefined;
  return {
    ...(representation !== undefined && {
      extension: [{ url: EXTENSIONS.nameRepresentation, valueCode: representation }],
    }),
    text,
    ...(family && { family }),
    ...(givens.length > 0 && { given: givens }),
    ...(before.length > 0 && { prefix: before }),
    ...(after.length > 0 && { suffix: after }),
  };
}

/**
 * A PN (family^given^middle^prefix^suffix, up to three groups parted by "=") as FHIR names, one a group. Only a name
 * with several groups says which representation each is.
 */
export function humanNamesOf(personName: string | undefined): HumanName[] {
  const groups = (personName ?? '').split('=').slice(0, 3);
  const several = groups.filter((group) => group.trim() !== '').length > 1;
  return groups.flatMap((group, index) => humanName(group, several ? REPRESENTATIONS[index] : undefined) ?? []);
}

/**
 * `system` of a Patient ID. An issuer that is a UID or already a URI is used as it is; any other issuer gets a
 * system of its own below ours, because two hospitals hand out the same numbers.
 */
function patientSystem(issuer: string | undefined): string {
  const name = issuer?.trim();
  if (!name) return SYSTEMS.patientId;
  if (/^[0-2](?:\.(?:0|[1-9]\d*))+$/.test(name)) return `urn:oid:${name}`;
  return /^(?:https?:\/\/|urn:)\S+$/.test(name) ? name : `${SYSTEMS.patientId}/${encodeURIComponent(name)}`;
}

/**
 * The identifier a patient is found by. Without a Patient ID the study stands in: such a person is never taken for
 * another one.
 */
export function patientIdentifier(patient: PatientHeader, studyInstanceUid: string): Identifier {
  const value = patient.patientId?.trim();
  if (!value) return { system: SYSTEMS.patientOfStudy, value: `urn:oid:${studyInstanceUid}` };
  const issuer = patient.issuerOfPatientId?.trim();
  return {
    type: { coding: [{ system: HL7.identifierType, code: 'MR', display: 'Medical record number' }] },
    system: patientSystem(issuer),
    value,
    ...(issuer && { assigner: { display: issuer } }),
  };
}

/** The patient of the header with what identifies a person and nothing else. */
export function patientResource(patient: PatientHeader, studyInstanceUid: string): Patient {
  const name = humanNamesOf(patient.patientName);
  const birthDate = fhirDate(patient.patientBirthDate);
  return {
    resourceType: 'Patient',
    // Name and number stand in the data; saying them again here would only be one more place to clean.
    text: narrativeOf('The person who was imaged', [], []),
    identifier: [patientIdentifier(patient, studyInstanceUid)],
    ...(name.length > 0 && { name }),
    ...(patient.patientSex && { gender: GENDERS[patient.patientSex] }),
    ...(birthDate && { birthDate }),
  };
}
