import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Says that everything is on the disk and does nothing: what a storage system does that lies. */
const NO_SYNC = `
int fsync(int fd) { (void)fd; return 0; }
int fdatasync(int fd) { (void)fd; return 0; }
`;

/** A library for LD_PRELOAD, compiled here. @throws when there is no C compiler. */
export function compileShim(folder: string, name: string, source: string): string {
  const library = join(folder, `${name}.so`);
  const args = ['-shared', '-fPIC', '-O1', '-Wall', '-x', 'c', '-o', library, '-', '-ldl', '-lpthread'];
  const { status, stderr, error } = spawnSync('gcc', args, { input: source, encoding: 'utf8' });
  if (status !== 0) throw new Error(`gcc failed: ${error?.message ?? stderr}`);
  return library;
}

export const compileNoSync = (folder: string): string => compileShim(folder, 'no-sync', NO_SYNC);
