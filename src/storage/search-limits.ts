import { NeuroInsightError } from '../domain/errors.ts';
import type { Condition } from '../ports/index.ts';

/** Lists of codes and ids are looked up however long they are; ranges and text are tried one by one. */
const MOST_ALTERNATIVES = 100;
/** References that one condition may follow one after the other. */
const MOST_LINKS = 4;

const invalid = (message: string): NeuroInsightError => new NeuroInsightError('invalid-request', message);

/** Throws invalid-request for a condition that costs a store more than any use of it is worth. */
export function assertSearchable(where: readonly Condition[], links = 0): void {
  if (links > MOST_LINKS) throw invalid(`a search follows at most ${MOST_LINKS} references one after the other`);
  for (const condition of where) {
    if (condition.kind === 'chain' || condition.kind === 'has') assertSearchable(condition.where, links + 1);
    else if (isTriedOneByOne(condition) && condition.anyOf.length > MOST_ALTERNATIVES) {
      throw invalid(`a search has at most ${MOST_ALTERNATIVES} alternatives of text, a date or a quantity`);
    }
  }
}

type OneByOne = Extract<Condition, { kind: 'string' | 'date' | 'lastUpdated' | 'quantity' | 'uri' }>;

function isTriedOneByOne(condition: Condition): condition is OneByOne {
  if (condition.kind === 'uri') return condition.match === 'below';
  return ['string', 'date', 'lastUpdated', 'quantity'].includes(condition.kind);
}
