import type { PatientHeader, StudyHeader } from '../domain/instance.ts';
import type { Measured } from '../domain/result.ts';

/** What the person at the command line, or an order, says about the patient; it wins over the header. */
export interface DemographicOverrides {
  readonly ageYears?: number | undefined;
  readonly sex?: 'F' | 'M' | undefined;
}

export interface Demographics {
  readonly ageYears: Measured<number>;
  readonly sex: Measured<'M' | 'F'>;
}

/** Age from (0010,1010) is coarser than from the birth date; beyond this they contradict each other. */
const AGE_TOLERANCE_YEARS = 1.5;
const DAYS_PER_YEAR = 365.2425;
const YEARS_PER_UNIT: Readonly<Record<string, number>> = {
  Y: 1,
  M: 1 / 12,
  W: 7 / DAYS_PER_YEAR,
  D: 1 / DAYS_PER_YEAR,
};

/** AS (PS3.5 6.2), for example 042Y or 018M, in years; undefined when it is not one. */
export function yearsOfAgeString(text: string | undefined): number | undefined {
  const match = /^(\d{3})([DWMY])$/.exec(text ?? '');
  return match ? Number(match[1]) * YEARS_PER_UNIT[match[2]!]! : undefined;
}

/** DA as days since 1970; undefined for a date that does not exist. */
function dayOf(date: string | undefined): number | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(date ?? '');
  if (!match) return undefined;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const time = new Date(Date.UTC(year, month - 1, day));
  return time.getUTCMonth() === month - 1 && time.getUTCDate() === day ? time.getTime() / 86_400_000 : undefined;
}

function yearsBetween(birth: string | undefined, study: string | undefined): number | undefined {
  const [from, to] = [dayOf(birth), dayOf(study)];
  return from === undefined || to === undefined ? undefined : (to - from) / DAYS_PER_YEAR;
}

function ageOf(patient: PatientHeader, study: StudyHeader): Measured<number> {
  const stated = yearsOfAgeString(patient.patientAge);
  const computed = yearsBetween(patient.patientBirthDate, study.studyDate);
  if (stated !== undefined && computed !== undefined && Math.abs(stated - computed) > AGE_TOLERANCE_YEARS) {
    return { withheld: "the patient's age and birth date contradict each other" };
  }
  const age = computed ?? stated;
  if (age === undefined) return { withheld: 'the age is not known' };
  return age >= 0 && age <= 130 ? { value: age } : { withheld: "the patient's age is not plausible" };
}

function sexOf({ patientSex }: PatientHeader): Measured<'M' | 'F'> {
  if (patientSex === 'M' || patientSex === 'F') return { value: patientSex };
  return { withheld: patientSex === 'O' ? 'there are no norms for sex O' : 'the sex is not known' };
}

/** Age at the study in years and sex, as used for norms; a contradiction is withheld, never resolved by a guess. */
export function demographicsOf(
  patient: PatientHeader,
  study: StudyHeader,
  overrides: DemographicOverrides = {},
): Demographics {
  return {
    ageYears: overrides.ageYears === undefined ? ageOf(patient, study) : { value: overrides.ageYears },
    sex: overrides.sex === undefined ? sexOf(patient) : { value: overrides.sex },
  };
}
