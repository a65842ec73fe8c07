import { FIRST } from './0001-first.ts';
import { REFERENCES } from './0002-references.ts';
import { SEARCHING } from './0003-searching.ts';
import { SEALING } from './0004-sealing.ts';

/** Every change of the schema, in order: the first is number 1. Never edited after a release, only added to. */
export const MIGRATIONS: readonly string[] = [FIRST, REFERENCES, SEARCHING, SEALING];
