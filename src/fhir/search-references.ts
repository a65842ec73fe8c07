/** Path of the FHIR API below the public URL. */
export const FHIR_PATH = '/fhir/R4';

/** Base of our FHIR addresses, without a slash at its end. */
export const fhirBase = (publicUrl: string): string => `${publicUrl.replace(/\/+$/, '')}${FHIR_PATH}`;

/** Where a literal reference leads: to a resource of ours, or to an address. */
export type Target = { readonly type: string; readonly id: string } | { readonly url: string };

const RELATIVE = /^([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9.-]{1,64})(?:\/_history\/[A-Za-z0-9.-]{1,64})?$/;

/**
 * Reads a literal reference (R4 2.3.0.1). A version is left aside: the search is for the resource. Undefined for a
 * reference into `contained` and for text that is neither a relative nor an absolute address.
 */
export function readReference(reference: string, publicUrl: string | undefined): Target | undefined {
  const base = publicUrl === undefined ? undefined : `${fhirBase(publicUrl)}/`;
  const local = base !== undefined && reference.startsWith(base) ? reference.slice(base.length) : reference;
  const match = RELATIVE.exec(local);
  if (match !== null) return { type: match[1]!, id: match[2]! };
  return /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/.test(reference) ? { url: reference } : undefined;
}

/** Type of the resource that a Reference leads to, as its address says, or itself. */
export function typeReferredTo({
  reference,
  type,
}: {
  readonly reference?: unknown;
  readonly type?: unknown;
}): unknown {
  const inAddress =
    typeof reference === 'string'
      ? /(?:^|\/)([A-Z][A-Za-z]{1,63})\/[A-Za-z0-9.-]{1,64}(?:\/_history\/[A-Za-z0-9.-]{1,64})?$/.exec(reference)
      : null;
  return inAddress?.[1] ?? type;
}
