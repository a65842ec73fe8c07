import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Tried } from './tampering.ts';

export interface TamperPlan {
  readonly folder: string;
  readonly seed: number;
  /** How often each attempt of chance is tried. */
  readonly times: number;
  /** Rows that are edited of each table; 0: none. */
  readonly rows: number;
  /** Of the attempts on files one in so many. */
  readonly every?: number;
}

interface Told {
  readonly number: number;
  readonly begun?: string;
  readonly tried?: Tried;
}

const CHILD = fileURLToPath(new URL('tamper-child.ts', import.meta.url));
const LONGEST_MILLISECONDS = 120_000;

/** Tries everything in processes of their own: one that ends is told, and the next goes on behind it. */
export async function tamperAll(plan: TamperPlan, tell: (tried: Tried) => void = () => undefined): Promise<Tried[]> {
  const all: Tried[] = [];
  const keep = (tried: Tried): void => {
    all.push(tried);
    tell(tried);
  };
  for (let first: number | undefined = 0; first !== undefined; ) first = await oneProcess(plan, first, keep);
  return all;
}

/** @returns where to go on when the process ended early. */
function oneProcess(plan: TamperPlan, first: number, keep: (tried: Tried) => void): Promise<number | undefined> {
  const args = [plan.folder, plan.seed, plan.times, plan.rows, plan.every ?? 1, first].map(String);
  const child = fork(CHILD, args, { execArgv: ['--no-warnings'], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  let last: Told = { number: first, begun: 'start' };
  let timer: NodeJS.Timeout | undefined;
  child.on('message', (told: Told) => {
    if (told.tried) keep(told.tried);
    last = told;
    clearTimeout(timer);
    timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MILLISECONDS);
  });
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(undefined);
      const kind = last.begun ?? `after ${last.tried?.kind}`;
      keep({ kind, outcome: 'server ended', told: [`exit ${code ?? signal}`] });
      resolve(last.number + 1);
    });
  });
}
