import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerClient } from '../../src/cli/server-client.ts';
import { freePort } from '../harness/orthanc.ts';
import {
  clientOf,
  environmentOf,
  makeKey,
  type ServerProcess,
  type ServerProcessOptions,
  startServerProcess,
} from '../harness/server-process.ts';
import { countsOf, runIn, stow } from '../harness/server-walk.ts';
import { smallStudy } from '../harness/small-study.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;
let options: ServerProcessOptions;
let server: ServerProcess;
let client: ServerClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-two-'));
  const environment = { NEUROINSIGHT_QUIET_SECONDS: '0', NEUROINSIGHT_LOG_LEVEL: 'info' };
  options = { dataDir: join(folder, 'data'), port: await freePort(), environment };
  server = await startServerProcess(options);
  client = clientOf(server, makeKey(options));
});
afterAll(async () => {
  await server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** The command line over the same data folder. */
function commandLine(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', 'src/cli/launch.js', ...args], {
    cwd: ROOT,
    env: environmentOf(options),
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('a second process over one data folder', () => {
  it('is refused by name as a server, and the first goes on', async () => {
    const second = spawn(process.execPath, ['--no-warnings', 'src/cli/launch.js', 'serve'], {
      cwd: ROOT,
      env: environmentOf({ ...options, port: await freePort() }),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let told = '';
    second.stderr.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
    expect(await once(second, 'exit')).toEqual([2, null]);
    expect(told).toContain(`refused: in-use: the data folder is in use by process ${server.pid} (server), since `);
    const study = smallStudy('alone');
    await stow(client, study);
    await runIn(client, study.studyInstanceUid, ['completed']);
    expect(await countsOf(client, study.studyInstanceUid)).toEqual({ MR: 12, SEG: 1, SR: 1, PDF: 1, reports: 1 });
  });

  it('administers it through the server, whose answer it gives on', async () => {
    const key = makeKey(options, 'system/*.rs', 'second');
    await clientOf(server, key).json('/api/v1/whoami');
    expect(commandLine('api-key', 'create', '--name', 'second', '--scopes', 'system/*.rs')).toMatchObject({
      status: 2,
      stderr: 'refused: conflict: a key of this name is in use\n',
    });
    expect(commandLine('api-key', 'revoke', '--name', 'second')).toMatchObject({ status: 0 });
    await expect(clientOf(server, key).json('/api/v1/whoami')).rejects.toThrow('401');
  });

  it('works on the folder itself when the server was killed, whose socket is left behind', async () => {
    await server.kill('SIGKILL');
    expect(existsSync(join(options.dataDir, 'admin.sock'))).toBe(true);
    const listed = commandLine('api-key', 'list');
    expect(listed).toMatchObject({ status: 0, stderr: '' });
    expect(listed.stdout).toContain('second');
    server = await startServerProcess(options);
    expect(await server.kill('SIGTERM')).toBe(0);
    expect(existsSync(join(options.dataDir, 'admin.sock'))).toBe(false);
  });
});
