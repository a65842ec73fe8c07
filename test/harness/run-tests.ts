import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Lines of src that tests must reach, all processes and threads merged; src/web and src/training are apart. */
const REQUIRED_LINE_COVERAGE = 90;

const root = fileURLToPath(new URL('../../', import.meta.url));
const raw = `${root}coverage/raw`;

function step(name: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): void {
  const started = Date.now();
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit', env });
  process.stdout.write(
    `-- ${name}: ${status === 0 ? 'passed' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(1)} s\n`,
  );
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * All tests, half of the files in each of two processes. Not in jest's own workers: it kills a worker that has not
 * ended after half a second, and writing the coverage of hundreds of files takes longer. NODE_V8_COVERAGE reaches
 * threads and children too, which jest's own coverage does not.
 */
async function runShards(): Promise<void> {
  const started = Date.now();
  const env = { ...process.env, NODE_V8_COVERAGE: raw };
  const codes = await Promise.all(
    ['1/2', '2/2'].map((shard) => {
      const args = [...jest, '--runInBand', '--forceExit', `--shard=${shard}`];
      const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit', env });
      return new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
    }),
  );
  const failed = codes.find((code) => code !== 0);
  const verdict = failed === undefined ? 'passed' : 'FAILED';
  process.stdout.write(`-- jest: ${verdict} in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  if (failed !== undefined) process.exit(failed);
}

function checkCoverage(): void {
  const report = JSON.parse(readFileSync(`${root}coverage/coverage-summary.json`, 'utf8')) as {
    total: { lines: { pct: number } };
  };
  const { pct } = report.total.lines;
  process.stdout.write(`-- line coverage of src: ${pct} % (required ${REQUIRED_LINE_COVERAGE} %)\n`);
  if (!(pct >= REQUIRED_LINE_COVERAGE)) process.exit(1);
}

const only = process.argv.slice(2);
const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
if (only.length > 0) {
  step('jest', process.execPath, [...jest, ...only]);
} else {
  step('types', 'node_modules/.bin/tsc', ['-p', 'tsconfig.json']);
  step('format and lint', 'node_modules/.bin/biome', ['check', '.']);
  step('oxlint', 'node_modules/.bin/oxlint', ['--deny-warnings', 'src', 'test']);
  rmSync(`${root}coverage`, { recursive: true, force: true });
  mkdirSync(raw, { recursive: true });
  await runShards();
  step('coverage', 'node_modules/.bin/c8', [
    'report',
    '--temp-directory',
    raw,
    '--reports-dir',
    'coverage',
    '--all',
    '--src',
    'src',
    '--include',
    'src/**/*.ts',
    '--exclude',
    'src/**/*.test.ts',
    '--exclude',
    'src/**/*.d.ts',
    '--exclude',
    'src/web/**',
    '--exclude',
    'src/training/**',
    '--reporter',
    'json-summary',
    '--reporter',
    'text-summary',
  ]);
  checkCoverage();
}
