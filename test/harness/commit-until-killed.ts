import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/storage/sqlite/open.ts';
import { auditRow, patientVersion } from '../contract/store-rows.ts';
import { TEST_DATA_KEYS } from './test-keys.ts';

/** Commits without end into the store of a folder, eight at a time, and prints the id of each that is acknowledged. */
const store = await openSqliteStore({
  dataDir: process.argv[2]!,
  clock: { now: () => new Date() },
  keys: TEST_DATA_KEYS,
});

async function commitForEver(worker: number): Promise<never> {
  for (let number = 0; ; number++) {
    const id = `${worker}-${number}`;
    const resources = [{ expected: 0, row: patientVersion(id, 1) }];
    await store.ledger.commit({ site: 'main', resources, audit: [auditRow(id)] });
    writeSync(1, `${id}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, (_, worker) => commitForEver(worker)));
