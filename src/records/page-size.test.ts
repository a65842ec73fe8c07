import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  bundleOf,
  EVERYTHING,
  openRecordsWorld,
  patient,
  type RecordsWorld,
} from '../../test/harness/records-world.ts';

const failing = (kind: string) => expect.objectContaining({ kind });

describe('a page of large resources', () => {
  let world: RecordsWorld;
  beforeAll(async () => {
    world = await openRecordsWorld();
    for (let n = 0; n < 9; n++) {
      const large = { ...patient('1'), id: 'large', name: [{ text: `${n}${'x'.repeat(16_000_000)}` }] };
      await world.records.update(EVERYTHING, 'Patient', 'large', large);
      await world.records.update(EVERYTHING, 'Patient', `p${n}`, { ...large, id: `p${n}` });
    }
  });

  it('is refused as too large, and answered in smaller ones', async () => {
    await expect(world.records.search(EVERYTHING, 'Patient', [])).rejects.toEqual(failing('limit-exceeded'));
    const smaller = await world.records.search(EVERYTHING, 'Patient', [['_count', '2']]);
    expect(bundleOf(smaller).entry).toHaveLength(2);
  });

  it('of a history is too', async () => {
    const of = { type: 'Patient', id: 'large' };
    await expect(world.records.history(EVERYTHING, of, [])).rejects.toEqual(failing('limit-exceeded'));
    expect((await world.records.history(EVERYTHING, of, [['_count', '2']])).entries).toHaveLength(2);
  });
});
