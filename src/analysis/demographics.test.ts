import { describe, expect, it } from '@jest/globals';
import { demographicsOf, yearsOfAgeString } from './demographics.ts';

const study = { studyInstanceUid: '1.2.3', studyDate: '20240301' };

describe('demographics', () => {
  it('reads every unit of an age string', () => {
    expect(yearsOfAgeString('042Y')).toBe(42);
    expect(yearsOfAgeString('018M')).toBe(1.5);
    expect(yearsOfAgeString('052W')).toBeCloseTo(0.9966, 3);
    expect(yearsOfAgeString('042')).toBeUndefined();
  });

  it('prefers the exact age from the birth date', () => {
    expect(demographicsOf({ patientAge: '041Y', patientBirthDate: '19820301' }, study).ageYears).toEqual({
      value: expect.closeTo(42, 2),
    });
  });

  it('withholds an age that contradicts the birth date', () => {
    expect(demographicsOf({ patientAge: '061Y', patientBirthDate: '19820301' }, study).ageYears).toEqual({
      withheld: "the patient's age and birth date contradict each other",
    });
  });

  it('withholds what is not there, not possible or not in the norms', () => {
    expect(demographicsOf({}, study)).toEqual({
      ageYears: { withheld: 'the age is not known' },
      sex: { withheld: 'the sex is not known' },
    });
    expect(demographicsOf({ patientBirthDate: '20300101', patientSex: 'O' }, study)).toEqual({
      ageYears: { withheld: "the patient's age is not plausible" },
      sex: { withheld: 'there are no norms for sex O' },
    });
    expect(demographicsOf({ patientBirthDate: '19820231' }, study).ageYears).toEqual({
      withheld: 'the age is not known',
    });
  });

  it('lets what the person states win over the header', () => {
    const patient = { patientAge: '042Y', patientSex: 'F' as const };
    expect(demographicsOf(patient, study, { ageYears: 60, sex: 'M' })).toEqual({
      ageYears: { value: 60 },
      sex: { value: 'M' },
    });
  });
});
