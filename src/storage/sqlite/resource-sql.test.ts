import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { describeResources } from '../../../test/contract/resources.contract.ts';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { openSqliteStore } from './open.ts';

const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-resources-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeResources('sqlite', (mostPageBytes) =>
  openSqliteStore({
    dataDir: folder,
    clock: { now: () => new Date() },
    keys: TEST_DATA_KEYS,
    readerThreads: 1,
    ...(mostPageBytes !== undefined && { mostPageBytes }),
  }),
);
