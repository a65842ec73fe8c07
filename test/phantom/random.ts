// Taken out once: every look-up of a global is slow in the realm that tests run in.
const { abs, cos, imul, log, sqrt } = Math;

/** A stream of random numbers that is the same on every machine for the same seed. */
export interface RandomStream {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Normal, mean 0, standard deviation 1, cut at 2.5. */
  normal(): number;
  /** 32 random bits. */
  bits(): number;
}

/** mulberry32 (Tommy Ettinger, public domain construction): one addition and three multiply-xor rounds a number. */
export function randomStream(seed: number, purpose = ''): RandomStream {
  // Signed, so that the engine can keep it without an allocation.
  let state = seed | 0;
  for (const character of purpose) state = imul(state ^ character.codePointAt(0)!, 0x9e3779b1);
  const bits = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const next = (): number => bits() / 4294967296;
  const normal = (): number => {
    for (;;) {
      const value = sqrt(-2 * log(1 - next())) * cos(2 * Math.PI * next());
      if (abs(value) <= 2.5) return value;
    }
  };
  return { next, bits, normal, between: (low, high) => low + (high - low) * next() };
}
