import { describe, expect, it } from '@jest/globals';
import { NeuroInsightError } from '../domain/errors.ts';
import { operationOutcomeOf } from './operation-outcome.ts';

describe('an operation outcome', () => {
  it('passes on what was written for the caller', () => {
    expect(operationOutcomeOf(new NeuroInsightError('version-conflict', 'the resource moved on'), 't1')).toEqual({
      resourceType: 'OperationOutcome',
      id: 't1',
      issue: [
        {
          severity: 'error',
          code: 'conflict',
          details: { text: 'version-conflict' },
          diagnostics: 'the resource moved on',
        },
      ],
    });
  });

  it.each([new Error('secret'), 'secret', undefined, { message: 'secret' }])(
    'says nothing of the defect %p',
    (defect) => {
      const outcome = operationOutcomeOf(defect, 't1');
      expect(outcome.issue).toEqual([
        {
          severity: 'fatal',
          code: 'exception',
          details: { text: 'defect' },
          diagnostics: 'the server failed; its log knows more under trace t1',
        },
      ]);
    },
  );

  it('has no id inside a bundle', () => {
    expect(operationOutcomeOf(undefined)).not.toHaveProperty('id');
  });
});
