const SMALLEST = 64 * 1024;

/**
 * Bytes that are collected as they come. What is allocated doubles with what was received, so that nothing can ask for
 * memory without sending that much.
 */
export class GrowingBytes {
  readonly #limit: number;
  #bytes: Buffer;
  #skip: number;
  #length = 0;
  #overflowed = false;

  /**
   * @param limit above it nothing is kept; @param expected a first guess, from bytes that were received before;
   * @param skip bytes at the start that are not kept.
   */
  constructor(limit: number, expected: number, skip = 0) {
    this.#limit = limit;
    this.#bytes = Buffer.allocUnsafeSlow(limit === 0 ? 0 : Math.min(limit, Math.max(SMALLEST, expected)));
    this.#skip = skip;
  }

  get length(): number {
    return this.#length;
  }

  /** True once more than the limit came; nothing is held any more. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  append(bytes: Uint8Array): void {
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    const added = skipped === 0 ? bytes : bytes.subarray(skipped);
    if (this.#overflowed || added.length === 0) return;
    const length = this.#length + added.length;
    if (length > this.#limit) {
      this.#overflowed = true;
      this.#bytes = Buffer.alloc(0);
      return;
    }
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(added, this.#length);
    this.#length = length;
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#limit, Math.max(needed, 2 * this.#bytes.length)));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  /** What was collected, as a view. */
  view(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#length);
  }
}
