import { NeuroInsightError } from '../domain/errors.ts';
import type { Condition } from '../ports/index.ts';

/** Of a whole search. Lists of codes and ids are looked up however long they are; ranges and text are tried in turn. */
const MOST_ALTERNATIVES = 200;
/** References that one condition may follow one after the other. */
const MOST_LINKS = 4;

const invalid = (message: string): NeuroInsightError => new NeuroInsightError('invalid-request', message);

/** Throws invalid-request for a search that costs a store more than any use of it is worth. */
export function assertSearchable(where: readonly Condition[]): void {
  if (alternativesIn(where, 0) > MOST_ALTERNATIVES) {
    throw invalid(`a search has at most ${MOST_ALTERNATIVES} alternatives of text, dates and quantities`);
  }
}

function alternativesIn(where: readonly Condition[], links: number): number {
  if (links > MOST_LINKS) throw invalid(`a search follows at most ${MOST_LINKS} references one after the other`);
  let alternatives = 0;
  for (const condition of where) {
    if (condition.kind === 'chain' || condition.kind === 'has') {
      alternatives += alternativesIn(condition.where, links + 1);
    } else if (isTriedInTurn(condition)) alternatives += condition.anyOf.length;
  }
  return alternatives;
}

type InTurn = Extract<Condition, { kind: 'string' | 'date' | 'lastUpdated' | 'quantity' | 'uri' }>;

function isTriedInTurn(condition: Condition): condition is InTurn {
  if (condition.kind === 'uri') return condition.match === 'below';
  return ['string', 'date', 'lastUpdated', 'quantity'].includes(condition.kind);
}
