import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type RotationLine, type RotationOrder, writeKek } from './rotation-process.ts';

export interface KilledRotation {
  /** Reads of the process that was killed, as far as it told. */
  readonly before: RotationLine;
  readonly after: RotationLine;
  /** How starts with one KEK only are refused in the middle. */
  readonly refusals: readonly string[];
  /** What the new KEK alone opens at the end. */
  readonly check: RotationLine;
}

const PROGRAM = fileURLToPath(new URL('rotation-process.ts', import.meta.url));

/**
 * Rotates the KEK of a folder of `keys` + `packs` studies under readers, kills the process half-way, starts it again
 * with both KEKs, and looks at the end what the new one alone opens.
 */
export async function rotateAndKill(folder: string, keys: number, packs: number): Promise<KilledRotation> {
  const [old, next] = [writeKek(join(folder, 'old.kek')), writeKek(join(folder, 'new.kek'))];
  const base = { folder, keys, packs };
  await finished({ ...base, work: 'fill', kekFile: old });
  const before = await killed({ ...base, work: 'rotate', kekFile: old, newKekFile: next }, (keys + packs) / 2);
  const refusals = [
    await refused({ ...base, work: 'check', kekFile: old }),
    await refused({ ...base, work: 'check', kekFile: next }),
  ];
  const after = await finished({ ...base, work: 'rotate', kekFile: next, previousKekFile: old });
  const check = await finished({ ...base, work: 'check', kekFile: next });
  return { before, after, refusals, check };
}

function start(order: RotationOrder): ChildProcess {
  return spawn(process.execPath, ['--no-warnings', PROGRAM, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Resolves to the last line of a process that ended well. */
async function finished(order: RotationOrder): Promise<RotationLine> {
  const { code, last, errors } = await outcomeOf(start(order), () => undefined);
  if (code !== 0) throw new Error(`${order.work} ended with ${code}: ${errors}`);
  return last;
}

/** Resolves to the last line of a process that is killed once it has moved so many keys. */
async function killed(order: RotationOrder, moved: number): Promise<RotationLine> {
  const child = start(order);
  const { code, last, errors } = await outcomeOf(child, (line) => {
    if ((line.moved ?? 0) >= moved) child.kill('SIGKILL');
  });
  if (child.signalCode !== 'SIGKILL') throw new Error(`it was to be killed and ended with ${code}: ${errors}`);
  return last;
}

async function refused(order: RotationOrder): Promise<string> {
  const { code, errors } = await outcomeOf(start(order), () => undefined);
  return code === 0 ? 'not refused' : (/the key-encryption key [0-9a-f]{16} is missing/.exec(errors)?.[0] ?? errors);
}

async function outcomeOf(child: ChildProcess, onLine: (line: RotationLine) => void) {
  let last: RotationLine = {};
  let errors = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  createInterface({ input: child.stdout! }).on('line', (text) => {
    last = JSON.parse(text);
    onLine(last);
  });
  const [code] = await once(child, 'close');
  return { code: code as number | null, last, errors };
}
