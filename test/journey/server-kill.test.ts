import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerClient } from '../../src/cli/server-client.ts';
import { freePort } from '../harness/orthanc.ts';
import { clientOf, makeKey, type ServerProcess, startServerProcess } from '../harness/server-process.ts';
import { countsOf, itemsOf, runIn, runsOf, stow } from '../harness/server-walk.ts';
import { smallStudy } from '../harness/small-study.ts';

const studies = [smallStudy('kill-a'), smallStudy('kill-b')] as const;
const [first, second] = studies;

let folder: string;
let start: () => Promise<void>;
let server: ServerProcess;
let client: ServerClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-kill-'));
  const options = {
    dataDir: join(folder, 'data'),
    port: await freePort(),
    environment: {
      NEUROINSIGHT_QUIET_SECONDS: '0',
      NEUROINSIGHT_RUN_LEASE_SECONDS: '5',
      NEUROINSIGHT_RUN_ATTEMPTS: '20',
      NEUROINSIGHT_LOG_LEVEL: 'warn',
    },
  };
  const key = makeKey(options);
  start = async () => {
    server = await startServerProcess(options);
    client = clientOf(server, key);
  };
  await start();
});
afterAll(async () => {
  await server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function killAndStart(): Promise<void> {
  await server.kill('SIGKILL');
  await start();
}

describe('a server that is killed', () => {
  it('has after each start what it acknowledged, and makes exactly one set of results', async () => {
    // In the middle of a request: nothing was acknowledged.
    const cut = client.stow(
      (async function* () {
        yield* first.files.slice(0, 6);
        await server.kill('SIGKILL');
        yield* first.files.slice(6);
      })(),
    );
    await expect(cut).rejects.toThrow();
    await start();
    expect(await countsOf(client, first.studyInstanceUid)).toMatchObject({ MR: 0, SEG: 0 });
    // At once after the answer.
    expect(itemsOf(await stow(client, first), '00081199')).toHaveLength(12);
    await killAndStart();
    expect(await countsOf(client, first.studyInstanceUid)).toMatchObject({ MR: 12 });
    // While it measures.
    await stow(client, second);
    await client.requestRun(second.studyInstanceUid);
    await runIn(client, second.studyInstanceUid, ['running', 'completed']);
    await killAndStart();

    for (const { studyInstanceUid } of studies) {
      await runIn(client, studyInstanceUid, ['completed']);
      expect(await countsOf(client, studyInstanceUid)).toEqual({ MR: 12, SEG: 1, SR: 1, PDF: 1, reports: 1 });
      expect(await runsOf(client, studyInstanceUid)).toHaveLength(1);
    }
  });
});
