import { existsSync } from 'node:fs';
import { access, constants, readFile, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { StoreStatus } from '../admin/upkeep-commands.ts';
import type { Config } from '../config.ts';
import { developmentKekFile, kekSourcesOf } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Check } from './doctor.ts';

/** What must hold of the data folder, its key and its copies. The server's code is loaded when it is needed. */
export const DATA_CHECKS: readonly Check[] = [
  { name: 'data folder', check: checkFolder },
  { name: 'free space', check: checkSpace },
  { name: 'key-encryption key', check: checkKek },
  { name: 'database', check: checkDatabase },
  { name: 'backup', check: checkBackup },
  { name: 'witness', check: checkWitness },
  { name: 'core dumps', check: checkCoreDumps },
];

const MEBIBYTE = 2 ** 20;
const HOUR_MILLISECONDS = 3_600_000;
const NOTHING_YET = 'nothing is stored yet';

const refuse = (message: string): never => {
  throw new NeuroInsightError('invalid-configuration', message);
};
const folderOf = ({ storage }: Config): string => resolve(storage.dataDir);
const hasData = (config: Config): boolean => existsSync(join(folderOf(config), 'neuroinsight.sqlite'));

async function checkFolder(config: Config): Promise<string> {
  const folder = folderOf(config);
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) return 'is made at the first start';
  if (!found.isDirectory()) refuse('is no folder');
  if (process.getuid && found.uid !== process.getuid()) refuse('belongs to another user than the one that asks');
  if ((found.mode & 0o077) !== 0) refuse('others may look into it: chmod 700');
  await access(folder, constants.R_OK | constants.W_OK).catch(() => refuse('cannot be written'));
  return 'for its owner alone';
}

async function checkSpace(config: Config): Promise<string> {
  let folder = folderOf(config);
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  const freeMiB = Math.floor((bavail * bsize) / MEBIBYTE);
  const { minimumFreeMiB } = config.storage;
  if (freeMiB < minimumFreeMiB) refuse(`${freeMiB} MiB; below ${minimumFreeMiB} MiB stores are refused`);
  return `${freeMiB} MiB`;
}

async function checkKek(config: Config): Promise<string> {
  const [source] = kekSourcesOf(config);
  const development = developmentKekFile(config.storage.dataDir);
  if (source === undefined && !existsSync(development)) {
    if (hasData(config)) refuse('none is configured and none lies beside the data folder');
    return 'none is configured; one for development is made at the first start';
  }
  const { openKeys } = await import('../compose-keys.ts');
  if (hasData(config)) await openKeys(config, { makeNothing: true });
  if (source === undefined) return 'the one of development, beside the data folder: not for production';
  return `from ${source}`;
}

async function checkDatabase(config: Config): Promise<string> {
  if (!hasData(config)) return NOTHING_YET;
  const { lockFolder } = await import('../storage/folder-lock.ts');
  let lock: ReturnType<typeof lockFolder>;
  try {
    lock = lockFolder(folderOf(config), 'doctor', new Date().toISOString());
  } catch (error) {
    if (error instanceof NeuroInsightError && error.kind === 'in-use') return error.message;
    throw error;
  }
  try {
    const { openKeys } = await import('../compose-keys.ts');
    const { openConnection } = await import('../storage/sqlite/database.ts');
    const { planMigrations } = await import('../storage/sqlite/migrate.ts');
    const { keys } = await openKeys(config, { makeNothing: true });
    const path = join(folderOf(config), 'neuroinsight.sqlite');
    const connection = openConnection(path, { key: keys.database, busyMilliseconds: 1000 });
    try {
      const { current, newest, steps } = planMigrations(connection);
      if (steps.length === 0) return `schema ${current}, up to date`;
      return `schema ${current}; the next start brings it to ${newest}, which was tried`;
    } finally {
      connection.close();
    }
  } finally {
    lock.release();
  }
}

async function checkBackup(config: Config): Promise<string> {
  if (!hasData(config)) return NOTHING_YET;
  const { runAdmin } = await import('../admin/run-admin.ts');
  const options = { emit: () => undefined, signal: new AbortController().signal };
  const { lastBackup } = (await runAdmin(config, 'status', {}, options)) as StoreStatus;
  const { repository, everyHours } = config.backup;
  if (lastBackup === undefined) {
    if (repository !== null) refuse('none was made yet');
    return 'none is configured, and none was made: what is stored here is stored nowhere else';
  }
  const hours = (Date.now() - Date.parse(lastBackup)) / HOUR_MILLISECONDS;
  if (repository !== null && hours > 2 * everyHours) refuse(`the last is ${hours.toFixed(0)} h old`);
  return `the last is ${hours.toFixed(1)} h old`;
}

async function checkWitness({ storage }: Config): Promise<string> {
  const { witnessFile } = storage;
  if (witnessFile === null) return 'none: an old copy of the data folder that is put back goes unnoticed';
  const folder = await stat(dirname(resolve(witnessFile))).catch(() => refuse('its folder is not there'));
  const data = await stat(resolve(storage.dataDir)).catch(() => undefined);
  const isApart = data !== undefined && folder.dev !== data.dev;
  return isApart ? 'on another file system' : 'on the same file system as the data: better on another';
}

/** Keys and images lie in memory: what the system writes of it to a disk is clear. */
async function checkCoreDumps(): Promise<string> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const soft = /^Max core file size\s+(\S+)/m.exec(limits)?.[1];
  if (soft === undefined) return 'not known on this system; switch them off (ulimit -c 0)';
  const swaps = (await readFile('/proc/swaps', 'utf8').catch(() => '')).trim().split('\n').length > 1;
  const swap = swaps ? '; swap is on: encrypt it or switch it off' : '';
  if (soft === '0') return `off${swap}`;
  const pattern = (await readFile('/proc/sys/kernel/core_pattern', 'utf8').catch(() => '')).trim();
  const where = pattern.startsWith('|') ? 'to a program' : 'to a file';
  return `on, written ${where}: memory with keys and images; switch them off (ulimit -c 0)${swap}`;
}
