import { describe, expect, it } from '@jest/globals';
import type { RunResult, RunRow, RunState } from '../ports/index.ts';
import {
  cancelRun,
  claimRun,
  completeRun,
  failRun,
  finishRun,
  heartbeat,
  isFinal,
  progressRun,
  queueRun,
  releaseRun,
  requestCancel,
  requeueRun,
  settleAbandoned,
} from './run-rows.ts';

const NOW = new Date('2026-11-24T08:00:00.000Z');
const inSeconds = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);
const RETRY = { maxAttempts: 3, backoffSeconds: 10 };
const RESULT = { analysisKey: 'k' } as RunResult;
const FINISHED = { state: 'built', result: RESULT, files: {}, date: '2026-11-24T07:00:00.000Z' } as const;

const queued: RunRow = queueRun(
  { id: 'run-1', key: 'key', studyInstanceUid: '1.2', cause: 'request', requestedBy: 'key-1', traceparent: undefined },
  NOW,
).row;
const running = claimRun(queued, 'mine', 30, RETRY, NOW).row;
const inState = (state: RunState): RunRow => ({ ...queued, state });

describe('the life of a run', () => {
  it('begins as version 1 that replaces nothing, due at once, with its date fixed', () => {
    const change = queueRun({ ...queued, id: 'run-2' }, NOW);
    expect(change.expected).toBe(0);
    expect(change.row).toMatchObject({ version: 1, state: 'queued', attempt: 0, percent: 0 });
    expect([change.row.date, change.row.notBefore]).toEqual([NOW.toISOString(), NOW.toISOString()]);
  });

  it('counts the attempt and carries a lease before any work is done', () => {
    const { expected, row } = claimRun(queued, 'mine', 30, RETRY, NOW);
    expect(expected).toBe(queued.version);
    expect(row).toMatchObject({ version: 2, state: 'running', attempt: 1, leaseToken: 'mine' });
    expect(row.leaseUntil).toBe(inSeconds(30).toISOString());
  });

  it('cannot be claimed before its time, by two at once, or after it ended', () => {
    const waits = { ...queued, notBefore: inSeconds(5).toISOString() };
    expect(() => claimRun(waits, 'mine', 30, RETRY, NOW)).toThrow('a run that is queued cannot be claimed now');
    expect(() => claimRun(running, 'other', 30, RETRY, inSeconds(29))).toThrow('cannot be claimed now');
    for (const state of ['built', 'completed', 'refused', 'dead', 'cancelled'] as const)
      expect(() => claimRun(inState(state), 'mine', 30, RETRY, NOW)).toThrow(`a run that is ${state}`);
  });

  it('is taken over when its worker has been silent for the whole lease, under a new token', () => {
    const { row } = claimRun(running, 'other', 30, RETRY, inSeconds(30));
    expect(row).toMatchObject({ attempt: 2, leaseToken: 'other', date: running.date });
  });

  it('is dead when the worker fell silent in the last attempt, and cancelled when that was asked for', () => {
    const third = { ...running, attempt: 3 };
    expect(settleAbandoned(third, RETRY, inSeconds(29))).toBeUndefined();
    expect(settleAbandoned(running, RETRY, inSeconds(30))).toBeUndefined();
    expect(settleAbandoned(third, RETRY, inSeconds(30))?.row).toMatchObject({
      state: 'dead',
      leaseToken: undefined,
      failure: { kind: 'defect', message: 'the worker fell silent in every attempt' },
    });
    expect(settleAbandoned({ ...running, cancelRequested: true }, RETRY, inSeconds(30))?.row.state).toBe('cancelled');
    expect(() => claimRun(third, 'mine', 30, RETRY, inSeconds(30))).toThrow('cannot be tried again');
  });

  it('renews its lease with each heartbeat and each progress, and progress never falls', () => {
    expect(heartbeat(running, 'mine', 30, inSeconds(10)).row.leaseUntil).toBe(inSeconds(40).toISOString());
    const { row } = progressRun(running, 'mine', 30, { step: 'segment', percent: 40.4 }, inSeconds(10));
    expect(row).toMatchObject({ step: 'segment', percent: 40, leaseUntil: inSeconds(40).toISOString() });
    expect(progressRun(row, 'mine', 30, { step: 'measure', percent: 12 }, NOW).row.percent).toBe(40);
    expect(progressRun(row, 'mine', 30, { step: 'measure', percent: 400 }, NOW).row.percent).toBe(100);
  });

  it('is written by nobody but the holder of its lease', () => {
    const writes = [
      () => heartbeat(running, 'other', 30, NOW),
      () => progressRun(running, 'other', 30, { step: 's', percent: 1 }, NOW),
      () => finishRun(running, 'other', FINISHED, NOW),
      () => failRun(running, 'other', { kind: 'defect', message: '' }, RETRY, NOW),
      () => releaseRun(running, 'other', NOW),
      () => cancelRun({ ...running, cancelRequested: true }, 'other', NOW),
    ];
    for (const write of writes) expect(write).toThrow('another worker holds the run');
    expect(() => heartbeat(queued, 'mine', 30, NOW)).toThrow('a run that is queued cannot be kept');
  });

  it('ends built or completed, with its results and the date that they carry, and without a lease', () => {
    const { row } = finishRun(running, 'mine', FINISHED, inSeconds(20));
    expect(row).toMatchObject({ state: 'built', percent: 100, date: FINISHED.date, result: RESULT });
    expect([row.leaseToken, row.leaseUntil, row.finishedAt]).toEqual([
      undefined,
      undefined,
      inSeconds(20).toISOString(),
    ]);
    expect(completeRun(row).row.state).toBe('completed');
    expect(() => completeRun(running)).toThrow('a run that is running cannot be completed');
  });

  it('waits longer after each failure and is dead after the third', () => {
    const failure = { kind: 'storage-full', message: 'the disk is full' } as const;
    const first = failRun(running, 'mine', failure, RETRY, NOW).row;
    expect(first).toMatchObject({
      state: 'queued',
      failure,
      notBefore: inSeconds(10).toISOString(),
      leaseToken: undefined,
    });
    const second = failRun({ ...running, attempt: 2 }, 'mine', failure, RETRY, NOW).row;
    expect(second.notBefore).toBe(inSeconds(20).toISOString());
    expect(failRun({ ...running, attempt: 3 }, 'mine', failure, RETRY, NOW).row.state).toBe('dead');
  });

  it('is refused at once for a reason of the input', () => {
    const kinds = ['no-usable-series', 'slice-gap', 'no-hippocampus', 'unsupported-transfer-syntax'] as const;
    for (const kind of kinds)
      expect(failRun(running, 'mine', { kind, message: 'why' }, RETRY, NOW).row.state).toBe('refused');
  });

  it('goes back uncounted when the worker stops', () => {
    expect(releaseRun(running, 'mine', NOW).row).toMatchObject({ state: 'queued', attempt: 0, leaseToken: undefined });
  });

  it('ends at once when it is cancelled in the queue, and by its worker when it runs', () => {
    expect(requestCancel(queued, NOW).row).toMatchObject({ state: 'cancelled', finishedAt: NOW.toISOString() });
    const asked = requestCancel(running, NOW).row;
    expect(asked).toMatchObject({ state: 'running', cancelRequested: true, leaseToken: 'mine' });
    expect(cancelRun(asked, 'mine', NOW).row.state).toBe('cancelled');
    expect(() => cancelRun(running, 'mine', NOW)).toThrow('without a request');
    expect(() => finishRun(asked, 'mine', FINISHED, NOW)).toThrow('finished when it is to be cancelled');
    for (const state of ['built', 'completed', 'refused', 'dead', 'cancelled'] as const)
      expect(() => requestCancel(inState(state), NOW)).toThrow(`a run that is ${state} cannot be cancelled`);
  });

  it('has all its attempts again when a person queues it, under the same key and date', () => {
    const dead = failRun({ ...running, attempt: 3 }, 'mine', { kind: 'defect', message: '' }, RETRY, NOW).row;
    const { row } = requeueRun(dead, { requestedBy: 'key-2', traceparent: 't' }, inSeconds(60));
    expect(row).toMatchObject({ state: 'queued', attempt: 0, requestedBy: 'key-2', key: 'key', date: queued.date });
    expect([row.failure, row.cancelRequested, row.notBefore]).toEqual([undefined, false, inSeconds(60).toISOString()]);
    for (const state of ['queued', 'running', 'built', 'completed'] as const)
      expect(() => requeueRun(inState(state), dead, NOW)).toThrow(`a run that is ${state} cannot be queued again`);
  });

  it('is over in four states', () => {
    const states = ['queued', 'running', 'built', 'completed', 'refused', 'dead', 'cancelled'] as const;
    expect(states.filter(isFinal)).toEqual(['completed', 'refused', 'dead', 'cancelled']);
  });
});
