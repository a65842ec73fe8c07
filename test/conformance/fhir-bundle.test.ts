import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import { buildResultBundle } from '../../src/fhir/result-bundle.ts';
import { EXAMPLE_PDF } from '../harness/fhir-artefacts.ts';
import { BROKEN } from '../harness/fhir-broken.ts';
import { conformanceFiles, FHIR_JUDGE_PEERS, type Finding, judgeFhir, type Verdict } from '../harness/fhir-judge.ts';
import { type FixtureOptions, makeResultFixture } from '../harness/result-fixture.ts';
import { describeWith, sharedPath } from '../harness/shared-data.ts';

const bundle = (options: FixtureOptions, patientName?: string): Bundle => {
  const { result } = makeResultFixture(options);
  const patient = patientName === undefined ? result.patient : { ...result.patient, patientName };
  return buildResultBundle({ ...result, patient }, EXAMPLE_PDF, { secondaryCaptureUids: ['1.2.3.1', '1.2.3.2'] });
};

/** Left smaller than right, so that negative numbers meet every constraint too. */
function leftSmaller(): Bundle {
  const { result } = makeResultFixture({ source: 'enhanced' });
  const numbers = { asymmetryIndex: -0.1009, percentDifference: -20.18, leftRightRatio: 0.8167 };
  return buildResultBundle({ ...result, ...numbers }, EXAMPLE_PDF);
}

const VALID: Readonly<Record<string, Bundle>> = {
  measured: bundle({}),
  'multi-frame': bundle({ source: 'enhanced' }),
  'left-smaller': leftSmaller(),
  withheld: bundle({ withheld: true }),
  'bare-header': bundle({ bare: true, withheld: true }),
  'three-scripts': bundle({}, 'Yamada^Tarou=山田^太郎=やまだ^たろう'),
  'hostile-name': bundle({}, '<script>&"\'^]]>'),
};

/** Kinds of warning that no change of ours removes; docs/conformance/fhir-resources.md says why for each. */
const EXPLAINED: readonly RegExp[] = [
  /all observations should have a performer/,
  /all observations should have an effective/,
  /None of the codings provided are in the value set 'IdentifierType'.*#observation-uid/,
  /CodeSystem is unknown and can't be validated: http:\/\/neuroinsight\.dev\/fhir\/identifier\/run /,
  /The Source Code System http:\/\/neuroinsight\.dev\/fhir\/dicom-coding-scheme\/99NEUROINSIGHT/,
];

/** Offline, the validator cannot make the snapshot of any extension, not even of HL7's own. */
const OFFLINE_ONLY = /Error generating Snapshot: Unable to resolve package id hl7\.fhir\.r4\.core/;

describeWith(FHIR_JUDGE_PEERS, 'the HL7 validator with our profiles', () => {
  let verdict: Verdict;
  const about = (subject: string): Finding[] => verdict.findings.filter((finding) => finding.subject === subject);
  const errorsOf = (subject: string): string[] =>
    about(subject)
      .filter(({ severity, message }) => /^(ERROR|FATAL)$/.test(severity) && !OFFLINE_ONLY.test(message))
      .map(({ location, message }) => `${location}: ${message}`);

  const definitions = conformanceFiles().map((file) => [basename(file, '.json'), file] as const);

  beforeAll(() => {
    const subjects: Record<string, Resource> = { ...VALID };
    for (const [index, { broken }] of BROKEN.entries()) subjects[`broken-${index}`] = broken();
    const texts = Object.entries(subjects).map(([name, resource]) => [name, JSON.stringify(resource)] as const);
    const files = definitions.map(([name, file]) => [name, readFileSync(file, 'utf8')] as const);
    verdict = judgeFhir(sharedPath('judges/fhir')!, Object.fromEntries([...texts, ...files]));
  }, 300_000);

  it.each(Object.keys(VALID))('finds no error in the bundle "%s"', (name) => {
    expect(errorsOf(name)).toEqual([]);
  });

  it('finds no error in our profiles and terminology', () => {
    expect(definitions.flatMap(([name]) => errorsOf(name))).toEqual([]);
  });

  it('warns only of what is explained', () => {
    const broken = /^broken-/;
    const warnings = verdict.findings.filter(
      ({ severity, subject }) => severity === 'WARNING' && !broken.test(subject),
    );
    expect(warnings.length).toBeGreaterThan(0);
    expect(warnings.filter(({ message }) => !EXPLAINED.some((known) => known.test(message)))).toEqual([]);
  });

  it.each(BROKEN.map(({ name, complaint }, index) => [name, complaint, index] as const))(
    'refuses %s',
    (_name, complaint, index) => {
      expect(errorsOf(`broken-${index}`).join('\n')).toMatch(complaint);
    },
  );
});
