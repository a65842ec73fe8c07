import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { describeResources } from '../../../test/contract/resources.contract.ts';
import { openSqliteStore } from './open.ts';

const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-resources-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeResources('sqlite', (mostPageBytes) =>
  openSqliteStore({
    dataDir: folder,
    clock: { now: () => new Date() },
    readerThreads: 1,
    ...(mostPageBytes !== undefined && { mostPageBytes }),
  }),
);
