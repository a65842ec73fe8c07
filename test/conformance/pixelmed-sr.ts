/**
 * Runs PixelMed's template-level validator over our reports: `node test/conformance/pixelmed-sr.ts`. Half a minute a
 * report and a JDK, so it is no part of the test command. Exit 1 on a finding that docs/conformance/dicom-objects.md
 * does not explain. Debian: apt-get install libpixelmed-java default-jre-headless.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildStructuredReport } from '../../src/report/sr.ts';
import { makeResultFixture } from '../harness/result-fixture.ts';

/** XPath limits off, a deep stack: the validator is one large style sheet. */
const JAVA = [
  '-Djdk.xml.xpathTotalOpLimit=0',
  '-Djdk.xml.xpathExprGrpLimit=0',
  '-Djdk.xml.xpathExprOpLimit=0',
  '-Xss64m',
  '-Xmx3g',
  '-cp',
  '/usr/share/java/*',
  'com.pixelmed.validate.DicomSRValidator',
];

/** The rows of docs/conformance/dicom-objects.md, in its order. */
const EXPLAINED: readonly RegExp[] = [
  /^Internal Error: .*Template 1420 .*Concept Name CID is empty or missing - 7465/,
  /^Warning: .*\/CODE \(276214006,SCT,"[^"]+"\): Content Item not in template$/,
  /^Warning: .*\/CODE \(111052,DCM,"Quality Finding"\): Content Item not in template$/,
  /^Warning: .*\/CONTAINER \(126011,DCM,"Derived Imaging Measurements"\)\/.*: Content Item not in template$/,
  /^Warning: .*\/TEXT \(value-withheld,99NEUROINSIGHT,"Value withheld"\): Content Item not in template$/,
];

/** Findings, one a line; the validator breaks some of its messages over several. */
function findingsOf(output: string): string[] {
  const lines = output.split('\n').map((line) => line.trim());
  const findings: string[] = [];
  let open = false;
  for (const line of lines) {
    if (/^(Internal Error|Error|Warning):/.test(line)) findings.push(line);
    else if (open && line !== '') findings.push(`${findings.pop()} ${line}`);
    open = (findings.at(-1) ?? '').startsWith('Internal Error') && line !== '' && !/^(Root|IOD|Found)/.test(line);
  }
  return findings;
}

let unexplained = 0;
const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-pixelmed-'));
try {
  for (const [name, options] of Object.entries({ measured: {}, withheld: { withheld: true } })) {
    const file = join(folder, `${name}.dcm`);
    writeFileSync(file, buildStructuredReport(makeResultFixture(options).result));
    const { stdout, stderr, error } = spawnSync('java', [...JAVA, file], { encoding: 'utf8', maxBuffer: 2 ** 26 });
    const output = `${stdout}\n${stderr}`;
    if (error || !output.includes('IOD validation complete')) throw error ?? new Error(output.slice(-2000));
    const findings = findingsOf(output);
    EXPLAINED.forEach((row, index) => {
      const count = findings.filter((finding) => row.test(finding)).length;
      process.stdout.write(`${name}: row ${index + 1}: ${count}\n`);
    });
    for (const finding of findings.filter((one) => !EXPLAINED.some((row) => row.test(one)))) {
      unexplained++;
      process.stdout.write(`${name}: NOT EXPLAINED: ${finding}\n`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = unexplained === 0 ? 0 : 1;
