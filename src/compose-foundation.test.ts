import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { openFoundation } from './compose-foundation.ts';
import { loadConfig } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'foundation-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const defaults = new URL('../config/default.json', import.meta.url);
const config = loadConfig(defaults, { NEUROINSIGHT_DATA_DIR: join(folder, 'data') });
const open = () => openFoundation(config, { purpose: 'test' });

describe('openFoundation', () => {
  it('refuses to begin anew where instances are left and the database is gone', async () => {
    const { store, packFiles, close } = await open();
    const pack = await packFiles.openPack('main', '1.2.3');
    await pack.append(new Uint8Array(100));
    const { row, studyKey } = await pack.seal();
    await store.ledger.commit({ site: 'main', packs: [row], ...(studyKey && { studyKeys: [studyKey] }) });
    await close();
    for (const name of readdirSync(config.storage.dataDir)) {
      if (name.startsWith('neuroinsight.sqlite')) rmSync(join(config.storage.dataDir, name));
    }
    await expect(open()).rejects.toMatchObject({ kind: 'damaged' });
    expect(readdirSync(config.storage.dataDir)).not.toContain('neuroinsight.sqlite');
  });
});
