import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One ext4 file system in a file, mounted over a loop device. */
export interface LoopDisk {
  readonly image: string;
  /** Where it is mounted. */
  readonly folder: string;
  unmount(): void;
}

const QUICK_FOLDER = '/dev/shm';

function command(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr.trim()}`);
}

/** Why no file system can be mounted here, or undefined: it takes root, loop devices, and mkfs.ext4. */
export function whyNoLoopDisks(): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting an image takes root';
  const folder = imageFolder('probe');
  try {
    const image = join(folder, 'image');
    makeImage(image, 16);
    mountImage(image, join(folder, 'mounted')).unmount();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A folder for images, in memory where the system has such a place: a copy then takes milliseconds. */
export function imageFolder(name: string): string {
  return mkdtempSync(join(existsSync(QUICK_FOLDER) ? QUICK_FOLDER : tmpdir(), `neuroinsight-${name}-`));
}

/** Journalled as usual; everything laid out at once, so that no thread of the kernel writes later of its own accord. */
export function makeImage(image: string, mebibytes: number): void {
  writeFileSync(image, '');
  truncateSync(image, mebibytes * 2 ** 20);
  command('mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', '-J', 'size=4', image);
}

export function mountImage(image: string, folder: string): LoopDisk {
  mkdirSync(folder, { recursive: true });
  command('mount', '-o', 'loop', image, folder);
  let mounted = true;
  return {
    image,
    folder,
    unmount() {
      if (!mounted) return;
      mounted = false;
      const { status } = spawnSync('umount', [folder]);
      if (status !== 0) command('umount', '--lazy', folder);
    },
  };
}

/**
 * The image as a power cut would leave it: what was not synced is in the kernel's cache of the mounted file system, not
 * in the file. Copied until a copy is equal to the file read anew: then it is the state of one moment, although the
 * kernel may have been writing when the copying began.
 */
export function copyCut(image: string, to: string): void {
  for (let attempt = 0; attempt < 20; attempt++) {
    rmSync(to, { force: true });
    const { status } = spawnSync('cp', ['--sparse=always', image, to]);
    if (status !== 0) copyFileSync(image, to);
    if (spawnSync('cmp', ['--silent', image, to]).status === 0) return;
  }
  throw new Error('the image did not stand still');
}
