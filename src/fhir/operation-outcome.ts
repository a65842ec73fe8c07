import type { OperationOutcome, OperationOutcomeIssue } from '@medplum/fhirtypes';
import { NeuroInsightError, rowFor } from '../domain/errors.ts';

/**
 * What a FHIR client reads of an error: the kind in `details`, for programs, and in `diagnostics` the message that was
 * written for the caller. A defect says nothing of itself but the trace under which the log knows more.
 *
 * @param traceId becomes the id of the outcome; inside a bundle, whose own answer carries it, it may be left out.
 */
export function operationOutcomeOf(error: unknown, traceId?: string): OperationOutcome {
  const known = error instanceof NeuroInsightError ? error : undefined;
  const under = traceId === undefined ? '' : ` under trace ${traceId}`;
  return {
    resourceType: 'OperationOutcome',
    ...(traceId !== undefined && { id: traceId }),
    issue: [
      {
        severity: known === undefined ? 'fatal' : 'error',
        code: rowFor(error).issue as OperationOutcomeIssue['code'],
        details: { text: known?.kind ?? 'defect' },
        diagnostics: known?.message ?? `the server failed; its log knows more${under}`,
      },
    ],
  };
}
