import type { QualityVerdict, SclerosisCall } from '../domain/result.ts';
import type { NormTable } from './norm-table.ts';

/** Below: the left is small enough to be called; above: the right. Fractions of (L - R) / (L + R). */
const SIDE_LIMITS = { left: -0.0708, right: 0.0469 } as const;

/**
 * A side is called only where the share of healthy adults that would be called is measured for our segmenter and
 * stands in the norm table; a published threshold of another segmenter is no such measurement.
 */
export function sclerosisCallOf(table: NormTable, asymmetryIndex: number, quality: QualityVerdict): SclerosisCall {
  const { falsePositiveRate, statement } = table.sclerosis;
  if (falsePositiveRate === null) return { call: 'not-called', reason: statement };
  if (quality === 'fail') return { call: 'not-called', reason: 'the image failed the quality checks' };
  const reason = `${(100 * falsePositiveRate).toFixed(1)} % of healthy adults would be called`;
  if (asymmetryIndex < SIDE_LIMITS.left) return { call: 'left', reason };
  if (asymmetryIndex > SIDE_LIMITS.right) return { call: 'right', reason };
  return { call: 'balanced', reason };
}
