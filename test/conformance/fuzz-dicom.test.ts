import { describe, expect, it } from '@jest/globals';
import { fuzzDicom, fuzzSeeds } from '../harness/fuzz-dicom.ts';

describe('mutated DICOM files', () => {
  it('are read or refused by name, 400 of them, whatever the mutation', async () => {
    const report = await fuzzDicom(await fuzzSeeds(), 400, 20_240_501);
    expect(report.crashes).toEqual([]);
    expect(report.read).toBeGreaterThan(0);
    expect(Object.keys(report.refused)).toEqual(expect.arrayContaining(['truncated', 'malformed-dicom']));
  });
});
