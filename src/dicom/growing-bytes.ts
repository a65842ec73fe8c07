const SMALLEST = 64 * 1024;

/** Memory that several readers share. */
export interface MemoryBudget {
  /** False when so much is not left; nothing is taken then. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** @param total bytes that may be held at once. */
export function createMemoryBudget(total: number): MemoryBudget {
  let left = total;
  return {
    take: (bytes) => {
      if (bytes > left) return false;
      left -= bytes;
      return true;
    },
    give: (bytes) => {
      left += bytes;
    },
  };
}

export interface GrowingBytesOptions {
  /** Above it nothing is kept. */
  readonly limit: number;
  /** A first guess at the length, from bytes that were received before. */
  readonly expected: number;
  /** Bytes at the start that are not kept. */
  readonly skip: number;
  readonly budget?: MemoryBudget | undefined;
}

/**
 * Bytes that are collected as they come. What is allocated doubles with what was received, so that nothing can ask for
 * memory without sending that much.
 */
export class GrowingBytes {
  readonly #limit: number;
  readonly #budget: MemoryBudget | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  #skip: number;
  #length = 0;
  #dropped: 'too-long' | 'no-memory' | undefined;

  constructor({ limit, expected, skip, budget }: GrowingBytesOptions) {
    this.#limit = limit;
    this.#skip = skip;
    this.#budget = budget;
    this.#allocate(Math.min(limit, Math.max(SMALLEST, expected)));
  }

  get length(): number {
    return this.#length;
  }

  /** Why nothing is held any more: more came than the limit, or than the budget has left. */
  get dropped(): 'too-long' | 'no-memory' | undefined {
    return this.#dropped;
  }

  append(bytes: Uint8Array): void {
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    const added = skipped === 0 ? bytes : bytes.subarray(skipped);
    if (this.#dropped || added.length === 0) return;
    const length = this.#length + added.length;
    if (length > this.#limit) this.#drop('too-long');
    else if (length <= this.#bytes.length || this.#grow(length)) {
      this.#bytes.set(added, this.#length);
      this.#length = length;
    }
  }

  #grow(needed: number): boolean {
    return this.#allocate(Math.min(this.#limit, Math.max(needed, 2 * this.#bytes.length)));
  }

  #allocate(capacity: number): boolean {
    if (this.#budget && !this.#budget.take(capacity - this.#bytes.length)) {
      this.#drop('no-memory');
      return false;
    }
    const grown = Buffer.allocUnsafeSlow(capacity);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    return true;
  }

  #drop(reason: 'too-long' | 'no-memory'): void {
    this.#dropped = reason;
    this.release();
  }

  /** What was collected, as a view. */
  view(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#length);
  }

  /** Gives the memory back to the budget; a view that was handed out stays good for who still holds it. */
  release(): void {
    this.#budget?.give(this.#bytes.length);
    this.#bytes = Buffer.alloc(0);
  }
}
