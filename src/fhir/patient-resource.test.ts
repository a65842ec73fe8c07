import { describe, expect, it } from '@jest/globals';
import { humanNamesOf, patientResource } from './patient-resource.ts';

describe('a DICOM person name', () => {
  it('is split into its five components', () => {
    expect(humanNamesOf('Müller^Änne^Maria Luise^Dr^MSc PhD')).toEqual([
      {
        text: 'Dr Änne Maria Luise Müller MSc PhD',
        family: 'Müller',
        given: ['Änne', 'Maria', 'Luise'],
        prefix: ['Dr'],
        suffix: ['MSc', 'PhD'],
      },
    ]);
  });

  it('gives one name a group, each with its representation', () => {
    const names = humanNamesOf('Yamada^Tarou=山田^太郎=やまだ^たろう');
    expect(names.map((name) => [name.extension?.[0]?.valueCode, name.family, name.given])).toEqual([
      ['ABC', 'Yamada', ['Tarou']],
      ['IDE', '山田', ['太郎']],
      ['SYL', 'やまだ', ['たろう']],
    ]);
  });

  it('may be a family name alone, without carets', () => {
    expect(humanNamesOf('Jane_Doe')).toEqual([{ text: 'Jane_Doe', family: 'Jane_Doe' }]);
  });

  it.each([undefined, '', '^^^^', ' ^ ', '=='])('is no name at all when it is %p', (name) => {
    expect(humanNamesOf(name)).toEqual([]);
  });
});

describe('the patient', () => {
  const systemOf = (issuerOfPatientId: string | undefined) =>
    patientResource({ patientId: '42', ...(issuerOfPatientId && { issuerOfPatientId }) }, '1.2').identifier?.[0];

  it('is found by ID and issuer, so that two hospitals with one number stay two persons', () => {
    expect(systemOf('HOSPITAL A')).toMatchObject({
      system: 'http://neuroinsight.dev/fhir/identifier/patient-id/HOSPITAL%20A',
      value: '42',
      assigner: { display: 'HOSPITAL A' },
    });
    expect(systemOf('1.2.840.1')?.system).toBe('urn:oid:1.2.840.1');
    expect(systemOf('https://a.example/mrn')?.system).toBe('https://a.example/mrn');
    expect(systemOf(undefined)?.system).toBe('http://neuroinsight.dev/fhir/identifier/patient-id');
  });

  it('is known by the study alone where the header has no ID', () => {
    expect(patientResource({ patientId: ' ' }, '1.2.3')).toEqual({
      resourceType: 'Patient',
      text: expect.anything(),
      identifier: [{ system: 'http://neuroinsight.dev/fhir/identifier/patient-of-study', value: 'urn:oid:1.2.3' }],
    });
  });

  it('has gender and birth date only where the header has them', () => {
    const { gender, birthDate } = patientResource({ patientSex: 'O', patientBirthDate: '19700101' }, '1');
    expect([gender, birthDate]).toEqual(['other', '1970-01-01']);
    expect(patientResource({ patientBirthDate: '19709999' }, '1')).not.toHaveProperty('birthDate');
  });

  it('says nothing about the person in its narrative', () => {
    const { text } = patientResource({ patientId: '42', patientName: 'Doe^Jane' }, '1');
    expect(text?.div).not.toMatch(/Doe|Jane|42/);
  });
});
