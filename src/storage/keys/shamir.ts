/** One of several shares, any `threshold` of which give the secret back; fewer say nothing about it. */
export interface Share {
  /** 1 to 255: the place at which the polynomials were evaluated. */
  readonly index: number;
  /** As long as the secret. */
  readonly bytes: Uint8Array;
}

/** The field of AES: x^8 + x^4 + x^3 + x + 1. */
const POLYNOMIAL = 0x1b;
const MOST_SHARES = 255;

/** Product in GF(256); the same steps whatever is multiplied. */
function times(a: number, b: number): number {
  let product = 0;
  for (let bit = 0, left = a; bit < 8; bit++) {
    product ^= -((b >> bit) & 1) & left;
    left = ((left << 1) ^ (-(left >> 7) & POLYNOMIAL)) & 0xff;
  }
  return product;
}

/** The inverse: a to the power of 254. */
function inverse(a: number): number {
  let power = a;
  let result = 1;
  for (let exponent = 254; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) === 1) result = times(result, power);
    power = times(power, power);
  }
  return result;
}

/**
 * Splits a secret by Shamir's scheme over GF(256), byte by byte.
 *
 * @param random bytes that nobody can foresee.
 * @throws an Error unless 1 < threshold <= count <= 255.
 */
export function splitSecret(
  secret: Uint8Array,
  { threshold, count }: { readonly threshold: number; readonly count: number },
  random: (bytes: number) => Uint8Array,
): readonly Share[] {
  const fits = Number.isInteger(threshold) && Number.isInteger(count) && threshold > 1 && threshold <= count;
  if (!fits || count > MOST_SHARES) throw new Error(`a secret cannot be split ${threshold} of ${count}`);
  const coefficients = Array.from({ length: threshold - 1 }, () => random(secret.length));
  return Array.from({ length: count }, (_, place) => {
    const index = place + 1;
    const bytes = Uint8Array.from(
      secret,
      (byte, at) =>
        // Horner's rule from the highest power down; the secret is the value at 0.
        coefficients.reduceRight((sum, of) => times(sum ^ of[at]!, index), 0) ^ byte,
    );
    return { index, bytes };
  });
}

/** The secret of so many shares as its threshold; of fewer, or of shares of several secrets, some other bytes. */
export function joinShares(shares: readonly Share[]): Uint8Array {
  const [first] = shares;
  if (!first || new Set(shares.map(({ index }) => index)).size !== shares.length) {
    throw new Error('shares must be there, each once');
  }
  const secret = new Uint8Array(first.bytes.length);
  for (const { index, bytes } of shares) {
    // Lagrange's polynomial of this share at 0; in this field minus is plus.
    const weight = shares
      .filter((other) => other.index !== index)
      .reduce((product, other) => times(product, times(other.index, inverse(other.index ^ index))), 1);
    for (let at = 0; at < secret.length; at++) secret[at]! ^= times(bytes[at]!, weight);
  }
  return secret;
}
