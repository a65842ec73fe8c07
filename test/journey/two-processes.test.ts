import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerClient } from '../../src/cli/server-client.ts';
import { freePort } from '../harness/orthanc.ts';
import { clientOf, makeKey, type ServerProcess, startServerProcess } from '../harness/server-process.ts';
import { countsOf, runIn, runsOf, stow } from '../harness/server-walk.ts';
import { smallStudy } from '../harness/small-study.ts';

let folder: string;
let servers: readonly ServerProcess[] = [];
let clients: readonly ServerClient[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-two-'));
  const environment = { NEUROINSIGHT_QUIET_SECONDS: '0', NEUROINSIGHT_LOG_LEVEL: 'info' };
  const options = { dataDir: join(folder, 'data'), port: await freePort(), environment };
  const key = makeKey(options);
  servers = await Promise.all([options, { ...options, port: await freePort() }].map(startServerProcess));
  clients = servers.map((server) => clientOf(server, key));
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.kill('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});

describe('two processes over one data folder', () => {
  it('share the studies, each of which is measured once, and see what the other stored', async () => {
    const studies = ['one', 'two', 'three', 'four'].map((name) => smallStudy(`shared-${name}`));
    // Each study comes to both at the same moment.
    await Promise.all(studies.flatMap((study) => clients.map((client) => stow(client, study))));
    for (const { studyInstanceUid } of studies) {
      for (const client of clients) {
        await runIn(client, studyInstanceUid, ['completed']);
        expect(await countsOf(client, studyInstanceUid)).toEqual({ MR: 12, SEG: 1, SR: 1, PDF: 1, reports: 1 });
        expect(await runsOf(client, studyInstanceUid)).toHaveLength(1);
      }
    }
    const finished = servers.map((server) => server.log().split('"run finished"').length - 1);
    expect(finished.reduce((sum, count) => sum + count, 0)).toBe(4);
  });

  it('end in peace', async () => {
    expect(await Promise.all(servers.map((server) => server.kill('SIGTERM')))).toEqual([0, 0]);
  });
});
