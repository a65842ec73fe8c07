import { NeuroInsightError } from '../domain/errors.ts';
import type { Access, AuditTrail } from '../ports/index.ts';

/** What the audit row says of an error: its kind, and whether it was refused (4) or is our failure (8). */
export function failureOf(error: unknown): { readonly outcome: '4' | '8'; readonly outcomeDesc: string } {
  return error instanceof NeuroInsightError
    ? { outcome: '4', outcomeDesc: error.kind }
    : { outcome: '8', outcomeDesc: 'defect' };
}

/**
 * Does the work and writes down its failure. Success is written by the work itself, which alone knows the patients
 * concerned. A failure that cannot be written down is answered all the same: it tells nothing of anybody.
 */
export async function audited<T>(audit: AuditTrail, access: Access, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await audit.record({ ...access, ...failureOf(error) }).catch(() => undefined);
    throw error;
  }
}
