import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf } from '../../src/domain/identity.ts';
import type { Peer } from './shared-data.ts';

/** What the HL7 validator needs to run. */
export const FHIR_JUDGE_PEERS: readonly Peer[] = [
  { shared: 'judges/fhir' },
  { program: 'mvn' },
  { program: 'java' },
  { program: 'javac' },
];

export interface Finding {
  readonly severity: 'FATAL' | 'ERROR' | 'WARNING' | 'INFORMATION';
  /** Name of the file without its ending. */
  readonly subject: string;
  readonly location: string;
  readonly message: string;
}

export interface Verdict {
  readonly findings: readonly Finding[];
  /** The last line: files, errors, warnings, seconds. */
  readonly summary: string;
}

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** The conformance resources of the repository, file by file: profiles/ also holds examples, terminology/fhir fragments. */
export function conformanceFiles(): string[] {
  return ['profiles', 'terminology/fhir', 'terminology/fhir/fragments'].flatMap((folder) =>
    readdirSync(join(REPOSITORY, folder))
      .filter((name) => /^(StructureDefinition|CodeSystem|ValueSet|ConceptMap)-.+\.json$/.test(name))
      .map((name) => join(REPOSITORY, folder, name)),
  );
}

function findingOf(line: string): Finding | undefined {
  const [severity, file, location, , message] = line.split('\t');
  if (message === undefined || !/^(FATAL|ERROR|WARNING|INFORMATION)$/.test(severity!)) return undefined;
  return {
    severity: severity as Finding['severity'],
    subject: file!.replace(/\.json$/, ''),
    location: location!,
    message,
  };
}

/**
 * A compiled copy of the judge: it compiles beside itself, which takes longer than judging. Copies are kept in the
 * temporary folder under the digest of their source; a copy appears there whole, by a rename, or not at all.
 */
function compiledJudge(source: string): string {
  const files = readdirSync(source, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const contents = files
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => readFileSync(file));
  const home = join(tmpdir(), `neuroinsight-fhir-judge-${digestOf(contents).slice(0, 16)}`);
  if (existsSync(home)) return home;
  const fresh = mkdtempSync(`${home}-`);
  cpSync(source, fresh, { recursive: true });
  // Without files to judge it compiles and finds nothing.
  const run = spawnSync('bash', [join(fresh, 'run.sh')], { encoding: 'utf8' });
  if (!run.stdout.includes('SUMMARY')) throw new Error(`the FHIR judge does not compile: ${run.stderr.slice(-2000)}`);
  try {
    renameSync(fresh, home);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(home)) throw error;
  }
  return home;
}

/**
 * Runs the HL7 validator once over many resources (its start costs seconds, a file a fraction of one), with our
 * profiles and terminology loaded.
 */
export function judgeFhir(judgeFolder: string, subjects: Readonly<Record<string, string>>): Verdict {
  const judge = compiledJudge(judgeFolder);
  const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-fhir-subjects-'));
  try {
    for (const [name, text] of Object.entries(subjects)) writeFileSync(join(folder, `${name}.json`), text);
    const profiles = conformanceFiles().flatMap((file) => ['-p', file]);
    const run = spawnSync('bash', [join(judge, 'run.sh'), '-w', ...profiles, folder], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const lines = run.stdout.split('\n');
    const summary = lines.find((line) => line.startsWith('SUMMARY'));
    if (summary === undefined) throw new Error(`the FHIR judge did not finish: ${run.stderr.slice(-2000)}`);
    return { findings: lines.flatMap((line) => findingOf(line) ?? []), summary };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
