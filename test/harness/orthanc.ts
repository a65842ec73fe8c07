import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharedPath } from './shared-path.ts';

/** Debian's Orthanc on a free port, over an empty folder. */
export interface Orthanc {
  /** Its REST. */
  readonly url: string;
  readonly dicomweb: string;
  json<T>(path: string): Promise<T>;
  close(): Promise<void>;
}

const START_MILLISECONDS = 30_000;

export async function startOrthanc(): Promise<Orthanc> {
  const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-orthanc-'));
  const port = await freePort();
  const settings = JSON.parse(readFileSync(sharedPath('bench/orthanc.json')!, 'utf8'));
  const file = join(folder, 'orthanc.json');
  writeFileSync(
    file,
    JSON.stringify({
      ...settings,
      HttpPort: port,
      DicomPort: await freePort(),
      StorageDirectory: folder,
      IndexDirectory: folder,
    }),
  );
  const child = spawn('Orthanc', [file], { cwd: folder, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  try {
    await answering(`${url}/system`, child);
  } catch (error) {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    url,
    dicomweb: `${url}/dicom-web`,
    json: async <T>(path: string) => (await (await fetch(`${url}${path}`)).json()) as T,
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_MILLISECONDS;
  while (Date.now() < deadline && child.exitCode === null) {
    const up = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('Orthanc did not start');
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
