/** Memory that one reply after the other reads into: fresh memory for every study would keep the collector busy. */
export interface ReadBuffers {
  readonly size: number;
  /** A buffer that nobody else has; what it holds is of another reply. */
  take(): Uint8Array;
  /** Only when nothing reads from it or writes to it any more. */
  giveBack(buffer: Uint8Array): void;
}

/** @param kept buffers that wait for the next reply; more are made when more are wanted at once. */
export function createReadBuffers(size: number, kept: number): ReadBuffers {
  const free: Uint8Array[] = [];
  return {
    size,
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(size),
    giveBack: (buffer) => {
      if (free.length < kept) free.push(buffer);
    },
  };
}
