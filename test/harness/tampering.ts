import { rmSync } from 'node:fs';
import type { Foundation } from '../../src/compose-foundation.ts';
import type { RandomStream } from '../phantom/random.ts';
import { type Answers, answersOf, type TamperWorld } from './tamper-world.ts';

/** What became of an attempt. */
export type Outcome =
  /** The server does not start. */
  | 'refused'
  /** The whole process ended when it read. */
  | 'server ended'
  /** Everything that is answered is right; something else is an error. */
  | 'damaged when read'
  /** Everything is answered rightly, and the verification of the database finds it. */
  | 'found by verify'
  | 'found by scrub'
  /** Something that is older, or missing, was answered without an error, and verify, scrub or another error tells. */
  | 'old, found'
  /** Everything is answered rightly and nothing is found: what was changed is not in use. */
  | 'harmless'
  /** Something that is older, or missing, was answered, and nothing tells; how it is so is known. */
  | 'old, not found'
  /** Something that never was there was answered. */
  | 'MISSED';

export interface Attempt {
  readonly kind: string;
  readonly state: 'cold' | 'hot';
  readonly witness?: boolean;
  /** Changes what lies in the data folder. */
  readonly change: (dataDir: string, random: RandomStream) => void;
  /** The server runs when it is changed. */
  readonly running?: boolean;
}

export interface Tried {
  readonly kind: string;
  readonly outcome: Outcome;
  /** The errors that were answered, the questions that were answered wrongly, the checks that found it. */
  readonly told: readonly string[];
}

/** How the answers differ from those that are right. */
export interface Difference {
  readonly errors: readonly string[];
  readonly stale: readonly string[];
  readonly forged: readonly string[];
}

/** To a client that is told there is no such thing, it is missing. */
const ABSENT = new Set(['!not-found', '!gone']);

export function differenceOf(
  answers: Answers,
  { expected, known }: Pick<TamperWorld, 'expected' | 'known'>,
): Difference {
  const [errors, stale, forged]: [string[], string[], string[]] = [[], [], []];
  for (const [name, right] of expected) {
    const items = answers.get(name)!;
    if (items.length === right.length && items.every((item, index) => item === right[index])) continue;
    const [first = ''] = items;
    if (first.startsWith('!') && !ABSENT.has(first)) errors.push(`${first.slice(1)}: ${name}`);
    else if (items.every((item) => ABSENT.has(item) || known.get(name)!.has(item))) stale.push(name);
    else forged.push(name);
  }
  return { errors, stale, forged };
}

export function outcomeOf({ errors, stale, forged }: Difference, found: readonly string[], scrubbed: number): Outcome {
  if (forged.length > 0) return 'MISSED';
  const isTold = errors.length + found.length + scrubbed > 0;
  if (stale.length > 0) return isTold ? 'old, found' : 'old, not found';
  if (errors.length > 0) return 'damaged when read';
  if (found.length > 0) return 'found by verify';
  return scrubbed > 0 ? 'found by scrub' : 'harmless';
}

/** Tampers with a copy, starts a server on it, asks for everything, verifies and scrubs. */
export async function attempt(
  world: TamperWorld,
  { kind, state, witness = false, running, change }: Attempt,
  random: RandomStream,
): Promise<Tried> {
  const dataDir = world.copy(state, 'attempt');
  let foundation: Foundation | undefined;
  try {
    if (!running) change(dataDir, random);
    foundation = await world.start(dataDir, witness);
    if (running) change(dataDir, random);
    return { kind, ...(await lookAt(world, foundation)) };
  } catch (error) {
    if (foundation) throw error;
    const { kind: refusal, code, message } = error as { kind?: string; code?: string; message: string };
    return { kind, outcome: 'refused', told: [`start: ${refusal ?? `DEFECT ${code ?? ''} ${message}`}`] };
  } finally {
    // What cannot be closed in order was damaged, which is known by now.
    await foundation?.close().catch(() => undefined);
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function lookAt(world: TamperWorld, foundation: Foundation): Promise<Omit<Tried, 'kind'>> {
  const difference = differenceOf(await answersOf(foundation), world);
  const found = await foundation.store.verify().then(
    ({ findings }) => findings.map(({ check }) => check),
    (error: Error) => [`verify: ${error.message}`],
  );
  const scrubbed = await foundation.scrub.run(new AbortController().signal).then(
    ({ damaged }) => damaged.length,
    () => 1,
  );
  const outcome = outcomeOf(difference, found, scrubbed);
  return { outcome, told: [...Object.values(difference).flat(), ...found, ...(scrubbed > 0 ? ['scrub'] : [])] };
}

/**
 * What is known to go unnoticed, each with the reason; docs/security.md says what helps. Without a witness no state is
 * known that a folder must have reached. Rows that are in no commit's chain (runs, deliveries, logs, audit, API keys,
 * seen studies) can be removed or put back by somebody who has the key of the database; what entries of the search
 * index say is not compared with their resources; the feed of changes is told as it stands, which verify finds.
 */
const KNOWN =
  /no witness|with its witness|^the database (emptied|removed)|^keys.json and database of another server$|^(runs|run_log|outbox|audit|audit_entity|api_keys|seen_studies|index_.*|changes|commits): /;

/** Nothing told of it, and it is none of those that are known. */
export const isUnforeseen = ({ kind, outcome }: Tried): boolean =>
  (outcome === 'MISSED' || outcome === 'old, not found') && !KNOWN.test(kind);
