import { setImmediate } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type Connection, openConnection, type Row, rowsOf, type Table, type Value } from './database.ts';
import { failureOf, READER_OPTIONS, type ReaderData } from './reader-loop.ts';
import { type MacKey, readyMacKey } from './row-mac.ts';
import type { Finding, Verification } from './verify.ts';
import { verifyIndexes, verifyStudies } from './verify-index.ts';
import { verifyLog } from './verify-log.ts';
import { verifyHistory, verifyRows } from './verify-rows.ts';

export type VerifyMessage =
  | { readonly kind: 'progress'; readonly what: string; readonly looked: number }
  | { readonly kind: 'verified'; readonly verification: Verification }
  | { readonly kind: 'ended'; readonly message: string };

/** What the checks work with. */
export interface Verifying {
  readonly key: MacKey;
  /** All rows of a short statement. */
  rows(sql: string, params?: readonly Value[]): Row[];
  /**
   * Pages of a statement by its first column, `place`, which is no number twice and none below 0; counted as `what`.
   * `{after}` and `{limit}` stand in it for where the page begins and ends.
   */
  pages(what: string, sql: string): AsyncGenerator<Table>;
  /** Something does not hold at that place. */
  found(check: string, place: Value | undefined): void;
}

/** Rows that are read in one turn. */
const PAGE = 500;

/** Entry of the thread. */
export function startVerifyThread(): void {
  const { path, key, rowMac } = workerData as ReaderData;
  void serveVerification(parentPort!, openConnection(path, { ...READER_OPTIONS, key }), readyMacKey(rowMac));
}

/** Any message ends the walk at its next page. */
export async function serveVerification(port: MessagePort, connection: Connection, key: MacKey): Promise<void> {
  let stopped = false;
  port.on('message', () => {
    stopped = true;
  });
  const tell = (message: VerifyMessage): void => port.postMessage(message);
  try {
    const verification = await verified(connection, key, (what, looked) => {
      if (stopped) throw new Error('it was told to stop');
      tell({ kind: 'progress', what, looked });
    });
    tell({ kind: 'verified', verification });
  } catch (error) {
    tell({ kind: 'ended', message: (error as Error).message });
  } finally {
    connection.close();
    port.close();
  }
}

/** Every check over one state of the database. @param progress may throw, which ends the walk. */
export async function verified(
  connection: Connection,
  key: MacKey,
  progress: (what: string, looked: number) => void,
): Promise<Verification> {
  const looked: Record<string, number> = {};
  const findings = new Map<string, Finding>();
  const verifying: Verifying = {
    key,
    rows: (sql, params) => rowsOf(connection.table(sql, params)),
    async *pages(what, sql) {
      for (let after = -1; ; ) {
        const table = connection.table(sql.replaceAll('{after}', '?1').replaceAll('{limit}', '?2'), [after, PAGE]);
        const { length } = table.rows;
        looked[what] = (looked[what] ?? 0) + length;
        progress(what, looked[what]);
        if (length > 0) yield table;
        if (length < PAGE) return;
        after = Number(table.rows.at(-1)![0]);
        // The driver frees what a statement gave when the thread turns to other things, and a message may have come.
        await setImmediate();
      }
    },
    found(check, place) {
      const known = findings.get(check);
      const first = Math.min(known?.first ?? Number.MAX_SAFE_INTEGER, Number(place ?? 0));
      findings.set(check, { check, found: (known?.found ?? 0) + 1, first });
    },
  };
  connection.run('BEGIN');
  try {
    for (const check of [verifyFile, verifyLog, verifyRows, verifyHistory, verifyStudies, verifyIndexes]) {
      await readable(verifying, () => check(verifying));
    }
  } finally {
    connection.run('COMMIT');
  }
  return { looked, findings: [...findings.values()] };
}

/** A page that cannot be read ends one check and is a finding. */
async function readable(verifying: Verifying, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (failureOf(error)?.kind !== 'damaged') throw error;
    verifying.found('pages of the file can be read', 0);
  }
}

async function verifyFile({ rows, found }: Verifying): Promise<void> {
  for (const row of rows('PRAGMA integrity_check(10)')) {
    if (Object.values(row)[0] !== 'ok') found('the file is in order (PRAGMA integrity_check)', 0);
  }
}
