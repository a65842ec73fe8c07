import { runAdmin } from '../admin/run-admin.ts';
import type { Config } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Terminal } from './main.ts';

/** How far something is, of what a command tells while it works. */
interface Step {
  readonly step: string;
  readonly done: number;
  readonly total: number;
}

const isStep = (line: object): line is Step => 'step' in line && 'done' in line && 'total' in line;

/**
 * Has a command carried out, beside a server or without one. How far it is goes to standard error, what it finds to
 * standard output; resolves to its result.
 */
export function administer(config: Config, terminal: Terminal, command: string, args: object): Promise<unknown> {
  const showStep = stepPrinter(terminal);
  const emit = (line: object): void => {
    if (isStep(line)) showStep(line);
    else terminal.stdout.write(`${rowOf(line)}\n`);
  };
  return runAdmin(config, command, args, { emit, signal: terminal.signal });
}

/** One line a tenth of the way: a log of a nightly job stays readable. */
export function stepPrinter({ stderr }: Pick<Terminal, 'stderr'>): (line: Step) => void {
  let shown = '';
  return ({ step, done, total }) => {
    const percent = total === 0 ? 100 : Math.floor((done / total) * 10) * 10;
    const text = `${step} ${percent} %`;
    if (text === shown) return;
    shown = text;
    stderr.write(`${text}\n`);
  };
}

const words = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function textOf(value: unknown): string {
  if (typeof value === 'number' && !Number.isInteger(value)) return value.toFixed(2);
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, inner]) => `${words(name)} ${textOf(inner)}`)
    .join(', ');
}

/** What is known of one thing, in one line. */
export function rowOf(line: object): string {
  return Object.entries(line)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (typeof value === 'string' ? value : `${words(name)}: ${textOf(value)}`))
    .join('  ');
}

/** A result: a list line by line, anything else member by member. */
export function showResult({ stdout }: Pick<Terminal, 'stdout'>, result: unknown): void {
  if (Array.isArray(result)) {
    for (const row of result) stdout.write(`${rowOf(row as object)}\n`);
    return;
  }
  for (const [name, value] of Object.entries((result ?? {}) as object)) {
    if (value !== undefined && value !== null) stdout.write(`${words(name).padEnd(18)} ${textOf(value)}\n`);
  }
}

export const usageError = (message: string, usage: string): NeuroInsightError =>
  new NeuroInsightError('invalid-request', `${message}; usage: ${usage.replaceAll(/\s+/g, ' ')}`);
