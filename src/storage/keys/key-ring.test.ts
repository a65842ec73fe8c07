import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Commit, StudyKeyRow, WrappedKey } from '../../ports/index.ts';
import { createKeyRing, keepingUp, kekIdOf, studyContext } from './key-ring.ts';

const bytesOf = (name: string): Buffer => createHash('sha256').update(name).digest();
const kekOf = (name: string) => ({ id: kekIdOf(bytesOf(name)), key: bytesOf(name) });
const KEY = bytesOf('a key');
const wrongKey = expect.objectContaining({ kind: 'wrong-key' });
const changed = ({ kekId, wrapped }: WrappedKey, at: number): WrappedKey => {
  const bytes = Buffer.from(wrapped, 'base64');
  bytes[at]! ^= 1;
  return { kekId, wrapped: bytes.toString('base64') };
};

describe('a key ring', () => {
  it('opens what it wrapped, in the context that it was wrapped in', () => {
    const ring = createKeyRing([kekOf('one')]);
    const wrapped = ring.wrap(KEY, 'study/main/1.2');
    expect(wrapped.kekId).toBe(ring.currentKekId);
    expect(Buffer.from(ring.unwrap(wrapped, 'study/main/1.2'))).toEqual(KEY);
    expect(ring.wrap(KEY, 'study/main/1.2')).not.toEqual(wrapped);
    expect(() => ring.unwrap(wrapped, 'study/main/1.3')).toThrow(wrongKey);
  });

  it('opens nothing of which a bit was changed, or that is cut, longer or of another KEK', () => {
    const ring = createKeyRing([kekOf('one')]);
    const wrapped = ring.wrap(KEY, 'x');
    const { length } = Buffer.from(wrapped.wrapped, 'base64');
    for (let at = 0; at < length; at++) expect(() => ring.unwrap(changed(wrapped, at), 'x')).toThrow(wrongKey);
    for (const text of ['', wrapped.wrapped.slice(4), `${wrapped.wrapped}AAAA`, 'no base64']) {
      expect(() => ring.unwrap({ ...wrapped, wrapped: text }, 'x')).toThrow(wrongKey);
    }
    const other = kekOf('other');
    expect(() => ring.unwrap({ ...wrapped, kekId: other.id }, 'x')).toThrow(`${other.id} is not at hand`);
    expect(() => createKeyRing([kekOf('one'), other]).unwrap({ ...wrapped, kekId: other.id }, 'x')).toThrow(wrongKey);
  });

  it('moves on to another KEK for those who hold it already, and still opens what lies under the one before', () => {
    const ring = createKeyRing([kekOf('one')]);
    const before = ring.wrap(KEY, 'x');
    ring.become(kekOf('two'));
    expect(ring.currentKekId).toBe(kekOf('two').id);
    expect(ring.wrap(KEY, 'x').kekId).toBe(kekOf('two').id);
    expect(Buffer.from(ring.unwrap(before, 'x'))).toEqual(KEY);
    ring.become(kekOf('one'));
    expect(ring.currentKekId).toBe(before.kekId);
  });

  it('carries a key over to the current KEK, to the same bytes each time and to others elsewhere', () => {
    const ring = createKeyRing([kekOf('two'), kekOf('one')]);
    const one = createKeyRing([kekOf('one')]);
    const [first, second] = [one.wrap(KEY, 'x'), one.wrap(KEY, 'x')];
    const carried = ring.rewrap(first, 'x');
    expect(carried.kekId).toBe(kekOf('two').id);
    expect(Buffer.from(createKeyRing([kekOf('two')]).unwrap(carried, 'x'))).toEqual(KEY);
    expect(ring.rewrap(first, 'x')).toEqual(carried);
    expect(ring.rewrap(second, 'x').wrapped).not.toBe(carried.wrapped);
    expect(ring.rewrap(carried, 'x')).toEqual(carried);
    const nonces = [carried, ring.rewrap(second, 'x')].map(({ wrapped }) => wrapped.slice(0, 16));
    expect(new Set(nonces).size).toBe(2);
    expect(() => ring.rewrap(first, 'y')).toThrow(wrongKey);
  });

  it('names a KEK by its key', () => {
    expect(kekIdOf(bytesOf('one'))).toMatch(/^[0-9a-f]{16}$/);
    expect(kekIdOf(bytesOf('one'))).not.toBe(kekIdOf(bytesOf('two')));
    expect(() => createKeyRing([])).toThrow('at least one');
  });
});

describe('a ledger that keeps up with a rotation', () => {
  const open = () => {
    const commits: Commit[] = [];
    const ring = createKeyRing([kekOf('one')]);
    const stored = new Map<string, StudyKeyRow>();
    const commit = async (given: Commit) => {
      const differs = (row: StudyKeyRow): boolean => (stored.get(row.studyInstanceUid) ?? row).wrapped !== row.wrapped;
      if (given.studyKeys?.some(differs)) throw new NeuroInsightError('conflict', 'a row has moved on');
      return { sequence: commits.push(given) };
    };
    const row = (study: string): StudyKeyRow => ({
      studyInstanceUid: study,
      createdAt: '2026-11-24T10:00:00.000Z',
      ...ring.wrap(KEY, studyContext('main', study)),
    });
    const studyKey = async (_: string, study: string) => stored.get(study);
    const ledger = keepingUp({ commit }, ring, { studyKey });
    return { commits, stored, ring, ledger, row };
  };

  it('stores a key that was wrapped before under the current KEK, twice as the same bytes', async () => {
    const { commits, ring, ledger, row } = open();
    const early = row('1.2');
    ring.become(kekOf('two'));
    const late = row('1.3');
    for (let time = 0; time < 2; time++) await ledger.commit({ site: 'main', studyKeys: [early, late] });
    const [stored, same] = commits[0]!.studyKeys!;
    expect(stored).toMatchObject({ studyInstanceUid: '1.2', kekId: kekOf('two').id, createdAt: early.createdAt });
    expect(Buffer.from(ring.unwrap(stored!, studyContext('main', '1.2')))).toEqual(KEY);
    expect(same).toEqual(late);
    expect(commits[1]).toEqual(commits[0]);
  });

  it('leaves alone a key that lies there as it was, and waits to be carried over', async () => {
    const { commits, stored, ring, ledger, row } = open();
    const [there, other] = [row('1.2'), row('1.3')];
    stored.set('1.2', there);
    ring.become(kekOf('two'));
    await ledger.commit({ site: 'main', studyKeys: [there, other] });
    expect(commits[0]!.studyKeys).toMatchObject([{ studyInstanceUid: '1.3', kekId: kekOf('two').id }]);
    stored.set('1.2', row('1.2'));
    await expect(ledger.commit({ site: 'main', studyKeys: [there] })).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('hands on every other commit as it is', async () => {
    const { commits, ledger, row } = open();
    const given = [{ site: 'main' }, { site: 'main', studyKeys: [row('1.2')] }];
    for (const commit of given) await ledger.commit(commit);
    expect(commits[0]).toBe(given[0]);
    expect(commits[1]).toBe(given[1]);
  });
});
