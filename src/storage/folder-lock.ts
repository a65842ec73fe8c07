import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Libsql from 'libsql';
import { NeuroInsightError } from '../domain/errors.ts';
import { makePrivateFolder } from './durable-files.ts';

/** Who holds a data folder. */
export interface FolderHolder {
  readonly pid: number;
  /** FHIR instant. */
  readonly startedAt: string;
  /** `server`, or the command of the command line. */
  readonly purpose: string;
}

export interface FolderLock {
  readonly holder: FolderHolder;
  /** Harmless when it is released already. */
  release(): void;
}

/**
 * Nobody else may open this file in a process that holds the lock: closing any descriptor of it would end the lock. So
 * who holds it is told by a companion.
 */
const LOCK = 'lock';
const COMPANION = 'lock.json';

/**
 * Takes the data folder for this process alone; makes it when it is not there. The lock is the operating system's, held
 * by an open transaction of an otherwise empty SQLite file: it ends with the process however that ends, and cannot be
 * left behind. It excludes processes of one machine; a network file system must pass POSIX locks on.
 *
 * @throws in-use: another process holds it, which the message names. invalid-configuration: the folder cannot be made
 * or written.
 */
export function lockFolder(dataDir: string, purpose: string, startedAt: string): FolderLock {
  const folder = resolve(dataDir);
  const database = openLock(folder);
  const holder = { pid: process.pid, startedAt, purpose };
  try {
    tellHolder(folder, holder);
  } catch (error) {
    database.close();
    throw unwritable(error);
  }
  let held = true;
  return {
    holder,
    release() {
      if (!held) return;
      held = false;
      rmSync(join(folder, COMPANION), { force: true });
      database.close();
    },
  };
}

/** Who holds the folder as far as the companion says; undefined when nothing is written. It may have died since. */
export function holderOf(dataDir: string): FolderHolder | undefined {
  try {
    const { pid, startedAt, purpose } = JSON.parse(readFileSync(join(dataDir, COMPANION), 'utf8'));
    const known = Number.isInteger(pid) && typeof startedAt === 'string' && typeof purpose === 'string';
    return known ? { pid, startedAt, purpose } : undefined;
  } catch {
    return undefined;
  }
}

function openLock(folder: string): Libsql.Database {
  let database: Libsql.Database | undefined;
  try {
    makePrivateFolder(folder);
    writeFileSync(join(folder, LOCK), '', { flag: 'a', mode: 0o600 });
    database = new Libsql(join(folder, LOCK), { timeout: 0 });
    // The journal in memory: a process that is killed leaves nothing beside the file.
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    const { code } = error as { readonly code?: unknown };
    throw String(code).startsWith('SQLITE_BUSY') ? inUse(folder) : unwritable(error);
  }
}

function inUse(folder: string): NeuroInsightError {
  const holder = holderOf(folder);
  const who = holder ? `process ${holder.pid} (${holder.purpose}), since ${holder.startedAt}` : 'another process';
  return new NeuroInsightError('in-use', `the data folder is in use by ${who}`);
}

function unwritable(cause: unknown): NeuroInsightError {
  const { code } = cause as { readonly code?: unknown };
  const message = `the data folder cannot be made or written (${typeof code === 'string' ? code : 'unknown'})`;
  return new NeuroInsightError('invalid-configuration', message, { cause });
}

function tellHolder(folder: string, holder: FolderHolder): void {
  const path = join(folder, COMPANION);
  writeFileSync(`${path}.new`, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
