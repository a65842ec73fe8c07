import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../harness/orthanc.ts';
import { writeKek } from '../harness/rotation-process.ts';
import {
  clientOf,
  environmentOf,
  makeKey,
  type ServerProcess,
  type ServerProcessOptions,
  startServerProcess,
} from '../harness/server-process.ts';
import { countsOf, eventually, stow } from '../harness/server-walk.ts';
import { smallStudy } from '../harness/small-study.ts';

const study = smallStudy('key-rotation');
let folder: string;
let port: number;
let server: ServerProcess | undefined;
let key: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-rotation-'));
  port = await freePort();
  for (const name of ['first', 'second', 'third']) writeKek(join(folder, name));
});
afterAll(async () => {
  await server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const optionsOf = (kek: string, previous?: string): ServerProcessOptions => ({
  dataDir: join(folder, 'data'),
  port,
  environment: {
    NEUROINSIGHT_KEK_FILE: join(folder, kek),
    ...(previous !== undefined && { NEUROINSIGHT_PREVIOUS_KEK_FILE: join(folder, previous) }),
    NEUROINSIGHT_QUIET_SECONDS: '3600',
    NEUROINSIGHT_LOG_LEVEL: 'warn',
  },
});

/** What the command line says, beside the server. */
async function keys(options: ServerProcessOptions, ...args: readonly string[]) {
  const child = spawn(process.execPath, ['--no-warnings', 'src/cli/launch.js', 'keys', ...args], {
    env: environmentOf(options),
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code: code as number | null, said };
}

const kekIdIn = (said: string): string => /current kek\s+id ([0-9a-f]{16})/.exec(said)?.[1] ?? said;

describe('the key-encryption key of a server', () => {
  it('is put in the place of another by command while the server works, and is needed from then on', async () => {
    const options = optionsOf('first');
    key = makeKey(options);
    server = await startServerProcess(options);
    await stow(clientOf(server, key), study);
    const before = kekIdIn((await keys(options, 'status')).said);
    expect(await keys(options, 'rotate', '--new-kek-file', join(folder, 'data', 'kek'))).toMatchObject({ code: 2 });
    expect(await keys(options, 'rotate')).toMatchObject({ code: 2, said: expect.stringContaining('no rotation') });
    expect(await keys(options, 'rotate', '--new-kek-file', join(folder, 'second'))).toMatchObject({
      code: 0,
      said: expect.stringMatching(/state +done/),
    });
    const after = await keys(options, 'status');
    expect(kekIdIn(after.said)).toMatch(/^[0-9a-f]{16}$/);
    expect(kekIdIn(after.said)).not.toBe(before);
    expect(after.said).toMatch(/study keys under old kek +0/);
    expect(await countsOf(clientOf(server, key), study.studyInstanceUid)).toMatchObject({ MR: study.files.length });
    await server.kill('SIGKILL');
    await expect(startServerProcess(options)).rejects.toThrow(kekIdIn(after.said));
  });

  it('is put in the place of another by the settings, at a start', async () => {
    const options = optionsOf('third', 'second');
    server = await startServerProcess(options);
    await eventually('the end of the rotation', async () => {
      const { said } = await keys(options, 'status');
      return /state done/.test(said) && !said.includes('kek before') ? said : undefined;
    });
    await server.kill('SIGTERM');
    server = await startServerProcess(optionsOf('third'));
    expect(await countsOf(clientOf(server, key), study.studyInstanceUid)).toMatchObject({ MR: study.files.length });
  });
});
