import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Bundle, Device, DiagnosticReport, ImagingStudy, Observation, Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { EXAMPLE_PDF } from '../../test/harness/fhir-artefacts.ts';
import { makeResultFixture } from '../../test/harness/result-fixture.ts';
import type { AnalysisResult } from '../domain/result.ts';
import { deviceUidOf } from '../report/object-modules.ts';
import { ordinal } from './observations.ts';
import { conclusionOf } from './report-resources.ts';
import { buildResultBundle } from './result-bundle.ts';

const { result } = makeResultFixture();
const build = (of: AnalysisResult = result): Bundle => buildResultBundle(of, EXAMPLE_PDF);

const resources = (bundle: Bundle): Resource[] => bundle.entry!.map((entry) => entry.resource!);
const ofType = <T extends Resource>(bundle: Bundle, type: T['resourceType']): T[] =>
  resources(bundle).filter((resource): resource is T => resource.resourceType === type);
const observation = (bundle: Bundle, text: string): Observation =>
  ofType<Observation>(bundle, 'Observation').find(({ code }) => code.text === text)!;
const component = (of: Observation, code: string) =>
  of.component!.find((one) => one.code.coding?.some((coding) => coding.code === code))!;

/** Every value in a tree of JSON, with the key it stands under. */
function* leaves(value: unknown, key = ''): Generator<readonly [string, unknown]> {
  if (value === null || typeof value !== 'object') yield [key, value];
  else for (const [name, child] of Object.entries(value)) yield* leaves(child, Array.isArray(value) ? key : name);
}

describe('the bundle of a result', () => {
  it('is a transaction of conditional creates, each found by something of its own', () => {
    const { entry, type } = build();
    expect(type).toBe('transaction');
    for (const { request, resource } of entry!) {
      expect(request).toMatchObject({ method: 'POST', url: resource!.resourceType });
    }
    const keys = entry!.map(({ request }) => `${request!.url}?${request!.ifNoneExist}`);
    expect(new Set(keys).size).toBe(13);
    expect(keys).toContain(
      'Patient?identifier=http%3A%2F%2Fneuroinsight.dev%2Ffhir%2Fidentifier%2Fpatient-id%2FHOSPITAL-A%7CNI-0042',
    );
  });

  it('escapes what a search would read as its own signs', () => {
    const odd = { ...result, patient: { patientId: 'a,b|c$d\\e&f' } };
    expect(build(odd).entry![0]!.request!.ifNoneExist).toMatch(/%7Ca%5C%2Cb%5C%7Cc%5C%24d%5C%5Ce%26f$/);
  });

  it('is the same, byte by byte, for the same run', () => {
    expect(JSON.stringify(build())).toBe(JSON.stringify(build(makeResultFixture().result)));
  });

  it('shares no identity but patient, study and device with another run', () => {
    const keyOf = (bundle: Bundle): string[] =>
      bundle.entry!.map(({ request }) => `${request!.url}?${request!.ifNoneExist}`);
    const other = makeResultFixture({ withheld: true }).result;
    const shared = keyOf(build()).filter((key) => keyOf(build(other)).includes(key));
    expect(shared.map((key) => key.split('?')[0])).toEqual(['Patient', 'Device', 'ImagingStudy']);
  });

  it('refers only to entries of its own', () => {
    const bundle = build();
    const urls = bundle.entry!.map(({ fullUrl }) => fullUrl);
    expect(new Set(urls).size).toBe(urls.length);
    const references = [...leaves(bundle)].filter(([key]) => key === 'reference').map(([, value]) => value);
    expect(references.length).toBeGreaterThan(30);
    expect(references.filter((reference) => !urls.includes(reference as string))).toEqual([]);
  });

  it('holds no empty string, null or undefined, whatever the header says', () => {
    const text = fc.option(
      fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.trim() || undefined),
      {
        nil: undefined,
      },
    );
    fc.assert(
      fc.property(text, text, text, text, (patientName, patientId, studyTime, seriesDescription) => {
        const patient = JSON.parse(JSON.stringify({ patientName, patientId })) as AnalysisResult['patient'];
        const study = { studyInstanceUid: '1.2', ...(studyTime && { studyTime, studyDate: studyTime }) };
        const series = { seriesInstanceUid: '1.3', ...(seriesDescription && { seriesDescription }) };
        const values = [...leaves(build({ ...result, patient, study, series }))].map(([, value]) => value);
        expect(values.filter((value) => value === '' || value === null || value === undefined)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('marks everything but the person and the software as research', () => {
    const untagged = resources(build()).filter(({ meta }) => !meta?.tag?.some(({ code }) => code === 'HRESCH'));
    expect(untagged.map(({ resourceType }) => resourceType)).toEqual(['Patient', 'Device']);
  });
});

describe('the volume of a side', () => {
  it('stands with its own side, never with the other', () => {
    const bundle = build();
    for (const side of ['left', 'right'] as const) {
      const name = side === 'left' ? 'Left' : 'Right';
      const volume = observation(bundle, `${name} hippocampal volume`);
      expect(volume.valueQuantity).toMatchObject({ value: Number(result[side].volumeMm3.toFixed(1)), code: 'mm3' });
      expect(volume.identifier![0]!.value).toBe(`urn:oid:${result.identifiers.trackingUid[side]}`);
      const url = volume.bodySite!.extension![0]!.valueReference!.reference;
      const structure = bundle.entry!.find(({ fullUrl }) => fullUrl === url)!.resource;
      expect(structure).toMatchObject({
        resourceType: 'BodyStructure',
        location: { coding: [{ code: '5366008' }] },
        locationQualifier: [
          {
            coding:
              side === 'left'
                ? [{ code: '7771000' }, { code: '419161000' }]
                : [{ code: '24028007' }, { code: '419465000' }],
          },
        ],
      });
    }
  });

  it('names its norms beside the range and the percentile', () => {
    const volume = observation(build(), 'Left hippocampal volume');
    const [range] = volume.referenceRange!;
    expect([range!.low!.value, range!.high!.value]).toEqual([2710, 3990]);
    expect(range!.text).toBe(
      '5th to 95th percentile of Example norms 1 (19 793 healthy adults aged 46 to 82) for this age and sex',
    );
    expect(range!.extension![0]!.extension!.map(({ url }) => url)).toEqual([
      'name',
      'version',
      'population',
      'segmenter',
      'citation',
      'transfer',
    ]);
    expect(component(volume, '121415').valueQuantity!.value).toBe(62.4);
    expect(component(volume, '121416').valueQuantity!.value).toBe(0.316);
  });

  it.each([
    [2000, 'L'],
    [3000, 'N'],
    [5000, 'H'],
  ])('of %d mm3 lies %s against a range of 2710 to 3990', (volumeMm3, code) => {
    const of = observation(build({ ...result, left: { ...result.left, volumeMm3 } }), 'Left hippocampal volume');
    expect(of.interpretation![0]!.coding![0]!.code).toBe(code);
  });

  it('gives the reason instead of a percentile that is withheld', () => {
    const volume = observation(build(makeResultFixture({ withheld: true }).result), 'Left hippocampal volume');
    expect(volume).not.toHaveProperty('referenceRange');
    expect(volume).not.toHaveProperty('interpretation');
    for (const code of ['121415', '121416']) {
      expect(component(volume, code)).not.toHaveProperty('valueQuantity');
      expect(component(volume, code).dataAbsentReason!.text).toBe('The age of the patient is not known.');
    }
  });
});

describe('the comparison of the sides', () => {
  const calledFor = (sclerosis: AnalysisResult['sclerosis']) =>
    component(observation(build({ ...result, sclerosis }), 'Hippocampal asymmetry'), 'sclerosis-side');

  it('is a fraction with the sign of the larger side', () => {
    const asymmetry = observation(build({ ...result, asymmetryIndex: -0.12345678 }), 'Hippocampal asymmetry');
    expect(asymmetry.valueQuantity).toEqual({
      value: -0.123457,
      unit: '1',
      system: 'http://unitsofmeasure.org',
      code: '1',
    });
  });

  it('calls no side without a reason to', () => {
    expect(calledFor(result.sclerosis).dataAbsentReason!.text).toBe(result.sclerosis.reason);
    expect(calledFor({ call: 'left', reason: 'r' }).valueCodeableConcept).toMatchObject({
      coding: [{ code: '7771000' }],
      text: 'left: r',
    });
    expect(calledFor({ call: 'balanced', reason: 'r' }).valueCodeableConcept).toEqual({ text: 'balanced: r' });
  });
});

describe('the quality', () => {
  it('is told check by check, in UCUM where the unit is one', () => {
    const checks = [
      { name: 'resolution', verdict: 'review', value: 1.75, unit: 'mm', limit: 'pass up to 1.5 mm' },
      { name: 'of-tomorrow', verdict: 'fail', value: Number.NaN, unit: 'dB/s', limit: 'none' },
      { name: 'noise', verdict: 'pass', value: 0.1, unit: 'share', limit: 'up to 0.2' },
    ] as const;
    const quality = observation(
      build({ ...result, quality: { verdict: 'fail', score: 0.5, checks } }),
      'Image and segmentation quality',
    );
    expect(quality.valueCodeableConcept!.coding![0]!.code).toBe('111235');
    const [score, resolution, unknown, noise] = quality.component!;
    expect(score!.valueQuantity!.value).toBe(0.5);
    expect(resolution).toMatchObject({
      code: { coding: [{ code: 'resolution' }] },
      valueQuantity: { value: 1.75, code: 'mm' },
      interpretation: [{ coding: [{ code: 'A' }], text: 'review' }],
      referenceRange: [{ text: 'pass up to 1.5 mm' }],
    });
    expect(unknown).toMatchObject({
      code: { text: 'of-tomorrow' },
      dataAbsentReason: { coding: [{ code: 'not-a-number' }] },
    });
    expect(unknown!.code).not.toHaveProperty('coding');
    expect(noise!.valueQuantity).toEqual({ value: 0.1, unit: 'share' });
  });
});

describe('the study', () => {
  const study = (of: AnalysisResult, secondaryCaptureUids?: string[]): ImagingStudy =>
    ofType<ImagingStudy>(
      buildResultBundle(of, EXAMPLE_PDF, secondaryCaptureUids ? { secondaryCaptureUids } : {}),
      'ImagingStudy',
    )[0]!;

  it('lists the measured series and what was made from it', () => {
    const { series, numberOfSeries, started, modality } = study(result, ['1.5.1', '1.5.2']);
    expect(series!.map((one) => [one.modality.code, one.numberOfInstances])).toEqual([
      ['MR', 40],
      ['SEG', 1],
      ['SR', 1],
      ['DOC', 1],
      ['OT', 2],
    ]);
    expect(numberOfSeries).toBe(6);
    expect(modality!.map(({ code }) => code)).toEqual(['MR', 'SEG', 'SR', 'DOC', 'OT']);
    expect(started).toBe('2024-06-12T10:15:00+02:00');
  });

  it('counts a multi-frame source as one instance', () => {
    expect(study(makeResultFixture({ source: 'enhanced' }).result).series![0]!.instance).toHaveLength(1);
  });

  it('counts instances only where every series was read', () => {
    expect(study(result)).not.toHaveProperty('numberOfInstances');
    expect(study({ ...result, rejectedSeries: [] }).numberOfInstances).toBe(43);
  });

  it('has no start where the header has no date', () => {
    expect(study(makeResultFixture({ bare: true }).result)).not.toHaveProperty('started');
  });
});

describe('the software', () => {
  it('has the UID by which the structured report names its observer', () => {
    const [device] = ofType<Device>(build(), 'Device');
    expect(device!.identifier!.map(({ value }) => value)).toContain(`urn:oid:${deviceUidOf(result)}`);
  });
});

describe('the report', () => {
  const report = (of: AnalysisResult): DiagnosticReport => ofType<DiagnosticReport>(build(of), 'DiagnosticReport')[0]!;

  it('is preliminary and interpreted by nobody', () => {
    expect(report(result).status).toBe('preliminary');
    expect(report(result)).not.toHaveProperty('resultsInterpreter');
  });

  it('carries the PDF unchanged, with size and hash', () => {
    const [form] = report(result).presentedForm!;
    const bytes = Buffer.from(form!.data!, 'base64');
    expect(bytes.equals(EXAMPLE_PDF)).toBe(true);
    expect(form!.size).toBe(EXAMPLE_PDF.length);
    expect(form!.hash).toBe(createHash('sha1').update(bytes).digest('base64'));
  });

  it('concludes with what was measured and names no disease', () => {
    const left = result.left.volumeMm3.toFixed(0);
    expect(conclusionOf(result)).toContain(`Left hippocampus ${left} mm3 (62nd percentile, z 0.32).`);
    expect(conclusionOf(result)).toContain('Intracranial volume 1433 cm3.');
    const withheld = conclusionOf(makeResultFixture({ withheld: true }).result);
    expect(withheld).toContain('(no percentile: The age of the patient is not known).');
    expect(withheld).toContain('Image quality is insufficient.');
    expect(withheld).not.toMatch(/\.\.|scleros|atroph|dement/i);
  });

  it('points to the order by its accession number', () => {
    expect(report(result).basedOn![0]!.identifier!.value).toBe('ACC-2024-0042');
    expect(report(makeResultFixture({ bare: true }).result)).not.toHaveProperty('basedOn');
  });

  it.each([
    [0.4, '0th'],
    [1, '1st'],
    [2, '2nd'],
    [3, '3rd'],
    [11, '11th'],
    [13.2, '13th'],
    [21.7, '22nd'],
    [99, '99th'],
  ])('says %d as %s', (value, words) => {
    expect(ordinal(value)).toBe(words);
  });
});
