import { createHash, createHmac } from 'node:crypto';
import type { LogHead } from '../../ports/index.ts';
import type { Connection } from './database.ts';
import type { LoggedAt, Note, Said } from './operation.ts';
import type { MacKey } from './row-mac.ts';
import { STATEMENTS } from './statements.ts';

/** The end of the log of commits: who writes it holds it in memory, and is the only one. */
export interface CommitLog {
  /** Where the log stands; set back to what it was when a transaction is lost. */
  head: LogHead;
  /** Writes the next commit with what it changed, in the transaction that is open. */
  append(commit: LoggedAt, changes: readonly Said[]): void;
}

/** @param key of the MACs of rows. */
export function openCommitLog(connection: Connection, key: MacKey): CommitLog {
  const last = connection.table('SELECT sequence, chain FROM commits ORDER BY sequence DESC LIMIT 1').rows[0];
  const log: CommitLog = {
    head: { sequence: Number(last?.[0] ?? 0), chain: String(last?.[1] ?? '') },
    append({ site, at }, changes) {
      const sequence = log.head.sequence + 1;
      const macs = changes.map(({ mac }) => mac);
      const chain = chainOf(key, log.head.chain, { sequence, site, at, macs });
      connection.run(STATEMENTS['log commit'], [sequence, site, at, chain]);
      changes.forEach((said, ordinal) => {
        const { kind, action, key: of, version, mac } = said;
        connection.run(STATEMENTS['log change'], [sequence, ordinal, site, kind, action, of, version, mac]);
      });
      log.head = { sequence, chain };
    },
  };
  return log;
}

/** What binds a commit to all before it; `macs` are those of its rows in `changes`, in order. */
export function chainOf(
  key: MacKey,
  previous: string,
  commit: LoggedAt & { readonly sequence: number; readonly macs: readonly string[] },
): string {
  const { sequence, site, at, macs } = commit;
  return createHmac('sha256', key)
    .update(JSON.stringify([previous, sequence, site, at, macs]))
    .digest('base64url');
}

/** The MAC of what happened to a study: sha256, base64url, over the MACs of the instances that came or went. */
export const studyChangeMac = (macs: readonly string[]): string =>
  createHash('sha256').update(macs.join('')).digest('base64url');

/** What the notes of a commit come to, in the order in which it was first spoken of. */
export function saidBy(notes: readonly Note[]): Said[] {
  const said = new Map<string, Said>();
  const begun = new Set<string>();
  const macs = new Map<string, string[]>();
  for (const note of notes) {
    if ('said' in note) {
      const { kind, action, key, version } = note.said;
      said.set(`${kind} ${action} ${key} ${version}`, note.said);
    } else if (note.part === 'begun') begun.add(note.study);
    else {
      const place = `${note.part} ${note.study}`;
      const all = macs.get(place) ?? [];
      macs.set(place, all);
      all.push(note.mac);
      const action = note.part === 'removed' ? 'delete' : begun.has(note.study) ? 'create' : 'update';
      said.set(place, { kind: 'study', action, key: note.study, version: all.length, mac: '' });
    }
  }
  for (const [place, all] of macs) said.set(place, { ...said.get(place)!, mac: studyChangeMac(all) });
  return [...said.values()];
}
