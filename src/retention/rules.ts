import { NeuroInsightError } from '../domain/errors.ts';

/** How long each kind of data is kept, in days; 0 keeps it for ever. */
export interface RetentionRules {
  /**
   * Source instances, counted from the arrival of the study's newest instance and the end of its newest run: copies of
   * what the PACS holds.
   */
  readonly sourceDays: number;
  /** What was measured: result instances, runs with a result, their files and FHIR resources. */
  readonly resultDays: number;
  /** Runs of studies that never came to a result, with their log. */
  readonly runDays: number;
  /** Audit rows; never less than AUDIT_MINIMUM_DAYS. */
  readonly auditDays: number;
  /** Resources that were deleted, counted from their deletion, with their history. */
  readonly deletedResourceDays: number;
}

/** Six years with the two leap days that they can have: 45 CFR 164.316(b)(2)(i). */
export const AUDIT_MINIMUM_DAYS = 2192;

/** Nothing goes that a hospital has not asked to go, but what is of no use after ten years. */
export const DEFAULT_RETENTION: RetentionRules = {
  sourceDays: 0,
  resultDays: 3653,
  runDays: 365,
  auditDays: AUDIT_MINIMUM_DAYS,
  deletedResourceDays: 3653,
};

const DAY_MILLISECONDS = 86_400_000;

/** @throws invalid-configuration for a time that is no whole number of days, and for audit that would go too early. */
export function requireRules(rules: RetentionRules): void {
  for (const [name, days] of Object.entries(rules)) {
    if (!Number.isSafeInteger(days) || days < 0) {
      throw new NeuroInsightError('invalid-configuration', `retention.${name} is no whole number of days`);
    }
  }
  if (rules.auditDays !== 0 && rules.auditDays < AUDIT_MINIMUM_DAYS) {
    const message = `retention.auditDays must be 0 (for ever) or at least ${AUDIT_MINIMUM_DAYS}`;
    throw new NeuroInsightError('invalid-configuration', message);
  }
}

/** The instant before which things are due; undefined: never. */
export function cutoffOf(days: number, now: Date): string | undefined {
  return days === 0 ? undefined : new Date(now.getTime() - days * DAY_MILLISECONDS).toISOString();
}
