import { DEFLATED_EXPLICIT_LITTLE_ENDIAN } from '../dicom/transfer-syntax.ts';

/** Work on deflated files, which may become a hundred times as large: only some of it is done at a time. */
export interface Inflations {
  /** Does the work; for a deflated file, when it is its turn. First come, first served. */
  run<T>(transferSyntaxUid: string, work: () => Promise<T>): Promise<T>;
}

const AT_ONCE = 2;

/** @param atOnce deflated files that are in work at the same time; the memory of each is bounded by `readDicom`. */
export function createInflations(atOnce: number = AT_ONCE): Inflations {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  const enter = async (): Promise<void> => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    // The place goes over to the next one: nobody can come in between.
    if (next) next();
    else free++;
  };
  return {
    async run(transferSyntaxUid, work) {
      if (transferSyntaxUid !== DEFLATED_EXPLICIT_LITTLE_ENDIAN) return work();
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
