import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NeuroInsightError, rowFor } from './errors.ts';
import { deriveUid, deriveUuid, digestOf, timeUuid } from './identity.ts';

describe('identity', () => {
  it('derives valid UIDs that are the same each time and differ by purpose', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (key, purpose) => {
        const uid = deriveUid(key, purpose);
        return (
          /^2\.25\.[1-9]\d{0,38}$/.test(uid) && uid === deriveUid(key, purpose) && uid !== deriveUid(key, `${purpose}!`)
        );
      }),
    );
  });

  it('derives UUIDs of version 8 and the RFC 9562 variant', () => {
    expect(deriveUuid('run', 'seg')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('gives lists that join to the same text different digests', () => {
    expect(digestOf(['ab', 'c'])).not.toBe(digestOf(['a', 'bc']));
  });
});

describe('errors', () => {
  it('say their row, and a defect says nothing about itself', () => {
    expect(rowFor(new NeuroInsightError('not-found', 'x'))).toMatchObject({ status: 404 });
    expect(rowFor(new Error('secret'))).toEqual({ status: 500, issue: 'exception', failureReason: 0x0110 });
  });
});

describe('timeUuid', () => {
  const ones = new Uint8Array(10).fill(0xff);

  it('is a UUID of version 7 whose first 48 bits are the time', () => {
    expect(timeUuid(0x0123456789ab, ones)).toBe('01234567-89ab-7fff-bfff-ffffffffffff');
    expect(timeUuid(1, new Uint8Array(10))).toBe('00000000-0001-7000-8000-000000000000');
  });

  it('sorts as it was made', () => {
    expect(timeUuid(1_999, ones) < timeUuid(2_000, new Uint8Array(10))).toBe(true);
  });
});
