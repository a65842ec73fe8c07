import type { Bundle, CodeSystem, Resource, ValueSet } from '@medplum/fhirtypes';
import { CODE_SYSTEM_URLS, CODES, type Code, type CodeScheme } from '../../src/domain/codes.ts';
import { narrativeOf } from '../../src/fhir/narrative.ts';
import { buildResultBundle } from '../../src/fhir/result-bundle.ts';
import { makeResultFixture } from './result-fixture.ts';

/** Path below the repository, and the content that the file must have. */
export interface Artefact {
  readonly path: string;
  readonly resource: Resource;
}

/** The smallest thing that calls itself a PDF: the examples are about FHIR, not about the report. */
export const EXAMPLE_PDF = Buffer.from('%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n');

const MODALITIES: readonly (readonly [string, string])[] = [
  ['MR', 'Magnetic Resonance'],
  ['SEG', 'Segmentation'],
  ['SR', 'Structured Report Document'],
  ['DOC', 'Document'],
  ['OT', 'Other'],
];

const SOP_CLASSES: readonly (readonly [string, string])[] = [
  ['1.2.840.10008.5.1.4.1.1.4', 'MR Image Storage'],
  ['1.2.840.10008.5.1.4.1.1.4.1', 'Enhanced MR Image Storage'],
  ['1.2.840.10008.5.1.4.1.1.4.4', 'Legacy Converted Enhanced MR Image Storage'],
  ['1.2.840.10008.5.1.4.1.1.66.4', 'Segmentation Storage'],
  ['1.2.840.10008.5.1.4.1.1.88.34', 'Comprehensive 3D SR Storage'],
  ['1.2.840.10008.5.1.4.1.1.104.1', 'Encapsulated PDF Storage'],
  ['1.2.840.10008.5.1.4.1.1.7', 'Secondary Capture Image Storage'],
];

const PART_OF =
  'The codes that NeuroInsight writes, copied so that its resources can be checked without a terminology server. Not to be loaded into one.';

const COPYRIGHT: Readonly<Partial<Record<CodeScheme, string>>> = {
  SCT: 'This material includes SNOMED Clinical Terms (SNOMED CT), used by permission of SNOMED International. All rights reserved.',
  LN: 'This material contains content from LOINC (http://loinc.org), copyright Regenstrief Institute, Inc. and the LOINC Committee, available at no cost under the licence at http://loinc.org/license.',
  DCM: 'DICOM is the registered trademark of the National Electrical Manufacturers Association for its standards publications.',
};

type Concept = readonly [code: string, display: string, definition?: string];

function fragment(id: string, url: string, concepts: readonly Concept[], copyright?: string): CodeSystem {
  return {
    resourceType: 'CodeSystem',
    id,
    text: narrativeOf(`Codes used from ${url}`, [], [PART_OF]),
    url,
    name: `NeuroInsight${id.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    title: `Codes used from ${url}`,
    status: 'active',
    experimental: false,
    date: '2026-11-24',
    publisher: 'NeuroInsight',
    description: PART_OF,
    ...(copyright && { copyright }),
    caseSensitive: true,
    content: 'fragment',
    concept: concepts.map(([code, display, definition]) => ({ code, display, ...(definition && { definition }) })),
  };
}

function valueSet(id: string, url: string, system: string, concepts: readonly Concept[]): ValueSet {
  return {
    resourceType: 'ValueSet',
    id,
    text: narrativeOf(`Codes used from ${url}`, [], [PART_OF]),
    url,
    name: `NeuroInsight${id.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    status: 'active',
    experimental: false,
    date: '2026-11-24',
    publisher: 'NeuroInsight',
    description: PART_OF,
    compose: { include: [{ system, concept: concepts.map(([code, display]) => ({ code, display })) }] },
  };
}

const conceptsOf = (scheme: CodeScheme): Concept[] =>
  Object.values(CODES as Readonly<Record<string, Code>>)
    .filter((code) => code.scheme === scheme)
    .map(({ value, meaning }): Concept => [value, meaning]);

/** Parts of public code systems, taken from the one table of codes. */
function fragments(): Artefact[] {
  const dcm = [
    ...conceptsOf('DCM').filter(([code]) => !MODALITIES.some(([modality]) => modality === code)),
    ...MODALITIES,
  ];
  const sopClasses = SOP_CLASSES.map(([uid, name]): Concept => [`urn:oid:${uid}`, name]);
  const dicom = 'http://dicom.nema.org/medical/dicom/current/output/chtml';
  const resources: (CodeSystem | ValueSet)[] = [
    fragment('fragment-sct', CODE_SYSTEM_URLS.SCT, conceptsOf('SCT'), COPYRIGHT.SCT),
    fragment('fragment-loinc', CODE_SYSTEM_URLS.LN, conceptsOf('LN'), COPYRIGHT.LN),
    fragment('fragment-dcm', CODE_SYSTEM_URLS.DCM, dcm, COPYRIGHT.DCM),
    fragment('fragment-sop-classes', 'urn:ietf:rfc:3986', sopClasses),
    fragment('fragment-dicom-identifier-type', 'http://hl7.org/fhir/uv/dicom-sr/CodeSystem/dicom-identifier-type', [
      ['observation-uid', 'Observation UID', 'The UID by which a DICOM structured report tracks an observation.'],
    ]),
    valueSet('fragment-modalities', `${dicom}/part16/sect_CID_29.html`, CODE_SYSTEM_URLS.DCM, MODALITIES),
    valueSet('fragment-sop-classes', `${dicom}/part04/sect_B.5.html#table_B.5-1`, 'urn:ietf:rfc:3986', sopClasses),
  ];
  return resources.map((resource) => ({
    path: `terminology/fhir/fragments/${resource.resourceType}-${resource.id}.json`,
    resource,
  }));
}

/** The bundles of the result fixture; a short source so that the files can be read. */
function examples(): Artefact[] {
  const bundle = (options: Parameters<typeof makeResultFixture>[0]): Bundle =>
    buildResultBundle(makeResultFixture(options).result, EXAMPLE_PDF);
  return [
    { path: 'profiles/examples/Bundle-measured.json', resource: bundle({ source: 'enhanced' }) },
    { path: 'profiles/examples/Bundle-withheld.json', resource: bundle({ source: 'enhanced', withheld: true }) },
  ];
}

/** Every FHIR file of the repository that is made from code; write-fhir-artefacts.ts writes them, a test compares. */
export const fhirArtefacts = (): Artefact[] => [...fragments(), ...examples()];

export const textOf = (resource: Resource): string => `${JSON.stringify(resource, null, 2)}\n`;
