import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort } from '../harness/orthanc.ts';
import { makeKey, type ServerProcess, startServerProcess } from '../harness/server-process.ts';
import { describeWith } from '../harness/shared-data.ts';
import { smallStudy } from '../harness/small-study.ts';

const run = promisify(execFile);

describeWith([{ pythonModule: 'dicomweb_client' }, { pythonModule: 'pydicom' }], "Python's dicomweb-client", () => {
  const study = smallStudy('python');
  let folder: string;
  let key: string;
  let server: ServerProcess;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'neuroinsight-python-'));
    mkdirSync(join(folder, 'files'));
    for (const [n, file] of study.files.entries()) writeFileSync(join(folder, 'files', `${n + 10}.dcm`), file);
    const options = { dataDir: join(folder, 'data'), port: await freePort() };
    key = makeKey(options, 'system/ImagingStudy.crs');
    server = await startServerProcess(options);
  });
  afterAll(async () => {
    await server?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it('stores, searches and retrieves, and gets back what it sent', async () => {
    const args = ['test/journey/dicomweb_client_walk.py', `${server.url}/dicomweb`, join(folder, 'files')];
    const { stdout } = await run('python3', args, { env: { ...process.env, NI_KEY: key } });
    expect(JSON.parse(stdout)).toEqual({
      stored: 12,
      failed: 0,
      studies: [study.studyInstanceUid],
      fuzzy: 1,
      series: [expect.any(String)],
      instances: 12,
      page: 2,
      retrieved: 12,
      equal: true,
      one: true,
      metadata: 12,
      frame: true,
    });
  });
});
