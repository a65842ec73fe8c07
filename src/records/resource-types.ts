import { NeuroInsightError } from '../domain/errors.ts';
import { isSupportedType, SERVER_WRITTEN, type SupportedType } from '../fhir/search-parameters.ts';

/** Throws not-found for a type that the server does not keep (R4 http 3.1.0.1.3: unknown type 404). */
export function requireResourceType(type: string): asserts type is SupportedType {
  if (!isSupportedType(type)) throw new NeuroInsightError('not-found', 'There is no such resource type here');
}

/** Throws method-not-allowed for a type whose resources clients may read and search but not write. */
export function requireWritableType(type: string): asserts type is SupportedType {
  requireResourceType(type);
  if (type === SERVER_WRITTEN) {
    throw new NeuroInsightError('method-not-allowed', `${type} resources are written by the server alone`);
  }
}
