import { describe, expect, it } from '@jest/globals';
import { NeuroInsightError } from '../domain/errors.ts';
import { operationOutcomeOf } from '../fhir/operation-outcome.ts';
import { foreseen, isFhir, problemOf } from './errors.ts';

const thrown = (status: unknown, expose: unknown) => Object.assign(new Error('Doe^Jane'), { status, expose });

describe('an error of the packages below', () => {
  it.each([
    [400, 'invalid-request'],
    [404, 'not-found'],
    [413, 'limit-exceeded'],
    [415, 'unsupported-media-type'],
  ])('with status %d is foreseen, in words of ours', (status, kind) => {
    const error = foreseen(thrown(status, true));
    expect(error).toMatchObject({ kind });
    expect(error!.message).not.toContain('Doe');
  });

  it.each([
    [thrown(400, false)],
    [thrown('400', true)],
    [thrown(418, true)],
    [thrown(500, true)],
    [new TypeError('Doe^Jane')],
    ['Doe^Jane'],
    [null],
    [undefined],
  ])('that is none of those is a defect: %p', (error) => {
    expect(foreseen(error)).toBeUndefined();
    for (const told of [problemOf(error, 'trace-1'), operationOutcomeOf(error, 'trace-1')]) {
      expect(JSON.stringify(told)).toContain('trace-1');
      expect(JSON.stringify(told)).not.toContain('Doe');
    }
  });
});

describe('a foreseen error', () => {
  it('is told with its kind, its status and its words', () => {
    const error = new NeuroInsightError('version-conflict', 'the resource has moved on');
    expect(problemOf(error, 'trace-1', 'urn:uuid:1')).toEqual({
      type: 'urn:neuroinsight:problem:version-conflict',
      title: 'version conflict',
      status: 412,
      detail: 'the resource has moved on',
      instance: 'urn:uuid:1',
      traceId: 'trace-1',
    });
  });
});

it('FHIR begins at its prefix and not before', () => {
  expect(['/fhir/R4', '/fhir/R4/Patient', '/fhir/R4B', '/fhir', '/x/fhir/R4'].map(isFhir)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
