import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { describeDicomIndex } from '../../../test/contract/dicom-index.contract.ts';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { openSqliteStore } from './open.ts';

const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-dicom-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeDicomIndex('sqlite', () =>
  openSqliteStore({ dataDir: folder, clock: { now: () => new Date() }, keys: TEST_DATA_KEYS, readerThreads: 1 }),
);
