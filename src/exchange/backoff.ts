const FIRST_SECONDS = 5;
const LONGEST_SECONDS = 3600;

/**
 * When to try again after `attempt` failures: 5 s, doubled each time, at most an hour, plus up to a fifth at random so
 * that rows which failed together do not come back together.
 * @param random 0 to 1.
 */
export function nextAttemptAt(now: Date, attempt: number, random: number): string {
  const seconds = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** Math.max(0, attempt - 1));
  return new Date(now.getTime() + seconds * 1000 * (1 + random / 5)).toISOString();
}
