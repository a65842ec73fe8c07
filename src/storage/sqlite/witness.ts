import { readFile } from 'node:fs/promises';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { LogHead } from '../../ports/index.ts';
import { replaceFile } from '../durable-files.ts';
import { macOf } from './row-mac.ts';

export interface WitnessOptions {
  /** Outside of the data folder, so that who puts an old data folder back does not put this back with it. */
  readonly file: string;
  /** Key of the MACs of rows. */
  readonly key: Uint8Array;
  /** Where the log of commits stands. */
  readonly head: () => Promise<LogHead>;
  /** The chain of one commit of the log; undefined when the log does not reach there. */
  readonly chainAt: (sequence: number) => Promise<string | undefined>;
  /** Told when the file could not be written: it is tried again after the next commit. */
  readonly failed?: (error: unknown) => void;
}

/** What remembers, outside of the database, how far its log had come. */
export interface Witness {
  /** To be called after each commit; the file follows within a second. */
  touch(): void;
  /** Writes what is not yet written. */
  close(): Promise<void>;
}

/** How much of the log an old copy of the database may hide at most: what came after the last write of the file. */
const WAIT_MILLISECONDS = 1_000;

/**
 * Compares the log with what the file says of it and keeps the file up to date from then on; a file that is not there
 * is made.
 *
 * @throws damaged when the log is not the one, or not as long as the one, that was witnessed: an older copy of the
 *   database was put back, or the file belongs to another database.
 * @throws invalid-configuration when the file can be neither read nor written.
 */
export async function openWitness(options: WitnessOptions): Promise<Witness> {
  const witnessed = await read(options);
  if (witnessed && (await options.chainAt(witnessed.sequence)) !== witnessed.chain) throw putBack();
  await write(options).catch(unusable);

  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const writeNext = (): void => {
    timer = undefined;
    writing = writing.then(() => write(options)).catch((error: unknown) => options.failed?.(error));
  };
  return {
    touch() {
      timer ??= setTimeout(writeNext, WAIT_MILLISECONDS).unref();
    },
    async close() {
      if (timer !== undefined) {
        clearTimeout(timer);
        writeNext();
      }
      await writing;
    },
  };
}

const putBack = (): NeuroInsightError =>
  new NeuroInsightError(
    'damaged',
    'the database is older than the witness file says, or another one: an old copy was put back. Restore the newest ' +
      'backup; if the old state is wanted, remove the witness file and start again',
  );

async function read({ file, key }: WitnessOptions): Promise<LogHead | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return unusable(cause);
  }
  const { sequence, chain, mac } = parsedOrNothing(text);
  const isOurs =
    typeof sequence === 'number' && typeof chain === 'string' && mac === macOf(key, 'witness', [sequence, chain]);
  if (isOurs) return { sequence, chain };
  throw new NeuroInsightError(
    'damaged',
    'the witness file was changed or belongs to another database: find out why; to begin a new one remove it',
  );
}

function parsedOrNothing(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function unusable(cause: unknown): never {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'unknown';
  throw new NeuroInsightError('invalid-configuration', `the witness file cannot be used (${code})`, { cause });
}

/** Whole or not at all, whenever the power goes. */
async function write({ file, key, head }: WitnessOptions): Promise<void> {
  const { sequence, chain } = await head();
  await replaceFile(file, `${JSON.stringify({ sequence, chain, mac: macOf(key, 'witness', [sequence, chain]) })}\n`);
}
