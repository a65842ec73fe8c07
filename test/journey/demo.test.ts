import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-demo-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder, NEUROINSIGHT_DATA_DIR: join(folder, 'data') },
  });
  return { status, stdout, stderr };
}
const command = (...args: string[]) => start('src/cli/launch.js', ...args);

describe('the demonstration', () => {
  it('sends a phantom of known volumes through a real server and says where the results lie', () => {
    const { status, stdout, stderr } = start('test/phantom/demo.ts', '--once');
    expect({ status, refused: /refused:.*|defect:.*/.exec(stderr)?.[0] }).toEqual({ status: 0, refused: undefined });
    const places = Object.fromEntries(
      [...stdout.matchAll(/^(FHIR|SEG|SR|PDF object|report|overlay|figures) +(\S+)$/gm)].map(([, label, path]) => [
        label,
        path!,
      ]),
    );
    expect(Object.keys(places)).toEqual(['FHIR', 'SEG', 'SR', 'PDF object', 'report', 'overlay', 'figures']);
    const { left, right } = JSON.parse(readFileSync(places.figures!, 'utf8'));
    expect(Math.abs(left.volumeMm3 / 2700 - 1)).toBeLessThan(0.1);
    expect(Math.abs(right.volumeMm3 / 3500 - 1)).toBeLessThan(0.1);
    expect(JSON.parse(readFileSync(places.FHIR!, 'utf8'))).toMatchObject({
      resourceType: 'DiagnosticReport',
      status: 'preliminary',
    });
    expect(readFileSync(places.SEG!).subarray(128, 132).toString()).toBe('DICM');
    expect(readFileSync(places.report!).subarray(0, 5).toString()).toBe('%PDF-');
    expect(stdout).toMatch(/picture +file:\/\/\/\S+overlay\.png/);
    // The data folder goes, the results stay.
    expect(existsSync(join(dirname(places.report!), '..', '..', 'data'))).toBe(false);
  }, 240_000);

  it('ends with a reason when nothing of the path is a study', () => {
    const path = join(folder, 'letter.txt');
    writeFileSync(path, 'no image');
    const { status, stdout, stderr } = command('demo', path, '--once');
    expect(status).toBe(2);
    expect(stdout).toContain('stored     0 instances, refused 1');
    expect(`${stdout}${stderr}`).not.toMatch(/defect|at .*\.ts/);
  }, 60_000);
});

describe('the command line beside the server', () => {
  it('makes a key that is printed once, lists it without its secret, and revokes it', () => {
    const made = command('api-key', 'create', '--name', 'ehr', '--scopes', 'system/Patient.rs', '--days', '7');
    const secret = made.stdout.trim().split('\n').at(-1)!;
    expect(secret).toMatch(/^ni_[\w-]{43}$/);
    const listed = command('api-key', 'list').stdout;
    expect(listed).toMatch(/ehr {2}system\/Patient\.rs {2}until 20/);
    expect(listed).not.toContain(secret);
    expect(command('api-key', 'revoke', '--name', 'ehr').stdout).toBe('revoked ehr\n');
    expect(command('api-key', 'list').stdout).toMatch(/revoked 20/);
  }, 60_000);

  it.each([
    [['api-key', 'create', '--name', 'x'], /give --name and --scopes/],
    [['api-key', 'create', '--name', 'x', '--scopes', 'system/*.rs', '--days', '0'], /--days is 1 to 3650/],
    [['api-key', 'create', '--name', 'x', '--scopes', 'everything'], /invalid-request/],
    [['api-key', 'revoke'], /give --name/],
    [['api-key', 'revoke', '--name', 'nobody'], /not-found/],
    [['api-key', 'guess'], /give create, list or revoke/],
    [['serve', '--roles', 'web,mining'], /roles are web, work, pull/],
    [['demo'], /give one PATH/],
  ])('answers %j with one line', (args, line) => {
    const { status, stderr } = command(...args);
    expect(status).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(line);
  });
});
