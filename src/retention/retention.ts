import { NeuroInsightError } from '../domain/errors.ts';
import type { Log, Principal, RetentionReader } from '../ports/index.ts';
import type { DeletionDeps } from './deletion.ts';
import { type Due, dueOf } from './due.ts';
import { type DeletionCounts, NOTHING } from './proof.ts';
import { type RetentionRules, requireRules } from './rules.ts';

export interface RetentionDeps extends DeletionDeps {
  readonly retention: RetentionReader;
  readonly rules: RetentionRules;
  readonly sites: readonly string[];
  readonly log: Pick<Log, 'error'>;
}

/** One line of what is due; `held`: a legal hold keeps it. */
export interface DueLine extends Pick<Due, 'rule' | 'what' | 'counts'> {
  readonly site: string;
  readonly held: boolean;
}

export interface RetentionOptions {
  /** Lists what would go and deletes nothing. */
  readonly dryRun?: boolean;
  readonly onDue?: (line: DueLine) => void;
}

export interface RetentionSummary {
  /** What went, or with `dryRun` would go. */
  readonly deleted: DeletionCounts;
  /** What is due and kept by a hold. */
  readonly held: number;
  /** What was due and could not be deleted: it is tried again at the next look. */
  readonly failed: number;
}

export interface Retention {
  /** Deletes what is due, one thing after the other, until there is nothing more or the signal is raised. */
  run(signal: AbortSignal, options?: RetentionOptions): Promise<RetentionSummary>;
}

const retentionPrincipal = (site: string): Principal => ({
  kind: 'job',
  id: 'retention',
  name: 'retention',
  site,
  scopes: '',
  address: undefined,
});

/** @throws invalid-configuration for rules that are none. */
export function createRetention(deps: RetentionDeps): Retention {
  requireRules(deps.rules);
  return {
    async run(signal, { dryRun = false, onDue } = {}) {
      const summary = { deleted: { ...NOTHING }, held: 0, failed: 0 };
      for (const site of deps.sites) {
        for await (const due of dueOf({ ...deps, dryRun }, site)) {
          if (signal.aborted) return summary;
          const outcome = dryRun ? await foresee(deps, site, due) : await perform(deps, site, due);
          if (outcome === 'deleted') summary.deleted = sumOf(summary.deleted, due.counts);
          else summary[outcome] += 1;
          if (outcome !== 'failed') {
            onDue?.({ site, rule: due.rule, what: due.what, counts: due.counts, held: outcome === 'held' });
          }
        }
      }
      return summary;
    },
  };
}

type Outcome = 'deleted' | 'held' | 'failed';

async function foresee({ holds }: RetentionDeps, site: string, { subject }: Due): Promise<Outcome> {
  try {
    await (subject === 'anybody' ? holds.permitAnything(site) : holds.permit(site, subject));
    return 'deleted';
  } catch (error) {
    return outcomeOf(error);
  }
}

async function perform({ log }: RetentionDeps, site: string, due: Due): Promise<Outcome> {
  try {
    await due.perform(retentionPrincipal(site));
    return 'deleted';
  } catch (error) {
    const outcome = outcomeOf(error);
    if (outcome === 'failed') log.error('something that is due could not be deleted', { error: error as Error });
    return outcome;
  }
}

/** A damaged row, or a study that is growing, must not keep the others from going. @throws what is not foreseen. */
function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof NeuroInsightError)) throw error;
  return error.kind === 'on-hold' ? 'held' : 'failed';
}

function sumOf(one: DeletionCounts, other: DeletionCounts): DeletionCounts {
  const sum = { ...one };
  for (const name of Object.keys(sum) as (keyof DeletionCounts)[]) sum[name] += other[name];
  return sum;
}
