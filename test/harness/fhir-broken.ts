import type { Bundle, Device, DiagnosticReport, ImagingStudy, Observation, Resource } from '@medplum/fhirtypes';
import { buildResultBundle } from '../../src/fhir/result-bundle.ts';
import { EXAMPLE_PDF } from './fhir-artefacts.ts';
import { makeResultFixture } from './result-fixture.ts';

export interface Broken {
  readonly name: string;
  /** What the validator must say against it. */
  readonly complaint: RegExp;
  readonly broken: () => Resource;
}

const goodBundle = (): Bundle =>
  structuredClone(buildResultBundle(makeResultFixture({ source: 'enhanced' }).result, EXAMPLE_PDF));

/** One good resource changed, alone: the validator is quicker with it than with a bundle. */
function withChanged<T extends Resource>(matches: (resource: Resource) => boolean, change: (resource: T) => void) {
  return (): Resource => {
    const resource = goodBundle()
      .entry!.map((entry) => entry.resource!)
      .find(matches);
    if (resource === undefined) throw new Error('the bundle lacks what should be broken');
    change(resource as T);
    return resource;
  };
}

const isObservation = (title: string) => (resource: Resource) =>
  resource.resourceType === 'Observation' && resource.code.text === title;
const volume = (change: (observation: Observation) => void) =>
  withChanged(isObservation('Left hippocampal volume'), change);
const asymmetry = (change: (observation: Observation) => void) =>
  withChanged(isObservation('Hippocampal asymmetry'), change);
const intracranial = (change: (observation: Observation) => void) =>
  withChanged(isObservation('Intracranial volume'), change);
const quality = (change: (observation: Observation) => void) =>
  withChanged(isObservation('Image and segmentation quality'), change);
const report = (change: (report: DiagnosticReport) => void) =>
  withChanged(({ resourceType }) => resourceType === 'DiagnosticReport', change);
const study = (change: (study: ImagingStudy) => void) =>
  withChanged(({ resourceType }) => resourceType === 'ImagingStudy', change);
const device = (change: (device: Device) => void) =>
  withChanged(({ resourceType }) => resourceType === 'Device', change);

const componentOf = (observation: Observation, code: string) =>
  observation.component!.find((one) => one.code.coding?.some((coding) => coding.code === code))!;

/** Each breaks one promise of the profiles; base FHIR R4 would accept nearly all of them. */
export const BROKEN: readonly Broken[] = [
  {
    name: 'a volume without its site',
    complaint: /Observation\.bodySite: minimum required = 1/,
    broken: volume((observation) => {
      delete observation.bodySite;
    }),
  },
  {
    name: 'a volume without its side',
    complaint: /Observation\.bodySite\.extension.*minimum required = 1|extension:side/,
    broken: volume((observation) => {
      delete observation.bodySite!.extension;
    }),
  },
  {
    name: 'a volume of the amygdala',
    complaint: /Slice 'Observation\.bodySite\.coding:site'/,
    broken: volume((observation) => {
      observation.bodySite!.coding = [{ system: 'http://snomed.info/sct', code: '4958002' }];
    }),
  },
  {
    name: 'an invented LOINC for the volume',
    complaint: /Slice 'Observation\.code\.coding:volume'/,
    broken: volume((observation) => {
      observation.code.coding![0] = { system: 'http://loinc.org', code: '99999-9' };
    }),
  },
  {
    name: 'a volume in cm3',
    complaint: /must be 'mm3'|is 'cm3'/,
    broken: volume((observation) => {
      Object.assign(observation.valueQuantity!, { value: 3.2, code: 'cm3', unit: 'cm3' });
    }),
  },
  {
    name: 'a volume of 30 000 mm3',
    complaint: /ni-vol-1/,
    broken: volume((observation) => {
      observation.valueQuantity!.value = 30_000;
    }),
  },
  {
    name: 'a percentile without its reference range',
    complaint: /ni-vol-2/,
    broken: volume((observation) => {
      delete observation.referenceRange;
    }),
  },
  {
    name: 'a reference range without its norm set',
    complaint: /referenceRange\.extension/,
    broken: volume((observation) => {
      delete observation.referenceRange![0]!.extension;
    }),
  },
  {
    name: 'a value and a reason for its absence at once',
    complaint: /ni-comp-1|obs-6/,
    broken: volume((observation) => {
      componentOf(observation, '121415').dataAbsentReason = { text: 'withheld' };
    }),
  },
  {
    name: 'a percentile withheld without a reason in words',
    complaint: /ni-comp-1/,
    broken: volume((observation) => {
      const percentile = componentOf(observation, '121415');
      delete percentile.valueQuantity;
      percentile.dataAbsentReason = {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code: 'unknown' }],
      };
    }),
  },
  {
    name: 'a volume without the software that made it',
    complaint: /Observation\.device: minimum required = 1/,
    broken: volume((observation) => {
      delete observation.device;
    }),
  },
  {
    name: 'a volume without its method',
    complaint: /Observation\.method: minimum required = 1/,
    broken: volume((observation) => {
      delete observation.method;
    }),
  },
  {
    name: 'a volume without the tracking UID',
    complaint: /Observation\.identifier: minimum required = 1/,
    broken: volume((observation) => {
      delete observation.identifier;
    }),
  },
  {
    name: 'a final volume that nobody signed',
    complaint: /ni-obs-1/,
    broken: volume((observation) => {
      observation.status = 'final';
    }),
  },
  {
    name: 'a state that results do not have',
    complaint: /measurement-status/,
    broken: volume((observation) => {
      observation.status = 'registered';
    }),
  },
  {
    name: 'a value that does not say that it is for research',
    complaint: /Observation\.note: minimum required = 1/,
    broken: volume((observation) => {
      delete observation.note;
    }),
  },
  {
    name: 'an asymmetry index on the 200 scale',
    complaint: /ni-asym-1/,
    broken: asymmetry((observation) => {
      observation.valueQuantity!.value = -3.2;
    }),
  },
  {
    name: 'an asymmetry without its volumes',
    complaint: /derivedFrom: minimum required = 3|ni-asym-2/,
    broken: asymmetry((observation) => {
      observation.derivedFrom!.length = 1;
    }),
  },
  {
    name: 'an intracranial volume in cm3 written as mm3',
    complaint: /ni-icv-2/,
    broken: intracranial((observation) => {
      observation.valueQuantity!.value = 1432;
    }),
  },
  {
    name: 'an intracranial volume that is neither there nor withheld',
    complaint: /ni-icv-1/,
    broken: intracranial((observation) => {
      delete observation.valueQuantity;
    }),
  },
  {
    name: 'a verdict outside CID 6044',
    complaint: /quality-verdicts/,
    broken: quality((observation) => {
      observation.valueCodeableConcept = { text: 'fine' };
    }),
  },
  {
    name: 'a final report without a practitioner',
    complaint: /ni-report-1/,
    broken: report((one) => {
      one.status = 'final';
    }),
  },
  {
    name: 'another LOINC for the report',
    complaint: /DiagnosticReport\.code|68604-8/,
    broken: report((one) => {
      one.code.coding = [{ system: 'http://loinc.org', code: '24590-2' }];
    }),
  },
  {
    name: 'a report without its PDF',
    complaint: /DiagnosticReport\.presentedForm: minimum required = 1/,
    broken: report((one) => {
      delete one.presentedForm;
    }),
  },
  {
    name: 'a report as HTML',
    complaint: /application\/pdf/,
    broken: report((one) => {
      one.presentedForm![0]!.contentType = 'text/html';
    }),
  },
  {
    name: 'a report on one side only',
    complaint: /Slice 'DiagnosticReport\.result:volume'/,
    broken: () => {
      const bundle = goodBundle();
      const found = bundle.entry!.find(({ resource }) => resource!.resourceType === 'DiagnosticReport')!;
      (found.resource as DiagnosticReport).result!.splice(1, 1);
      return bundle;
    },
  },
  {
    name: 'a study without an MR series',
    complaint: /ni-study-1/,
    broken: study((one) => {
      one.series!.shift();
    }),
  },
  {
    name: 'a study without its UID',
    complaint: /Slice 'ImagingStudy\.identifier:studyInstanceUid'/,
    broken: study((one) => {
      one.identifier!.shift();
    }),
  },
  {
    name: 'a study UID that is no UID',
    complaint: /ni-uid-1/,
    broken: study((one) => {
      one.identifier![0]!.value = 'urn:oid:1.2.03';
    }),
  },
  {
    name: 'software without the digest of its model',
    complaint: /Slice 'Device\.identifier:modelDigest'/,
    broken: device((one) => {
      one.identifier!.splice(1, 1);
    }),
  },
  {
    name: 'a digest that is none',
    complaint: /ni-dev-1/,
    broken: device((one) => {
      one.identifier![1]!.value = 'latest';
    }),
  },
];
