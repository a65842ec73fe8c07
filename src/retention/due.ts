import type { DeletionSubject, Principal, RetentionReader } from '../ports/index.ts';
import { type DeletionDeps, deleteForGood } from './deletion.ts';
import { type DeletionCounts, NOTHING } from './proof.ts';
import { named, subjectWithPatients } from './resource-facts.ts';
import { cutoffOf, type RetentionRules } from './rules.ts';
import { deleteInstances, deleteResults, deleteRuns, deleteWholeStudy } from './study-deletion.ts';
import { factsOf, type StudyFacts } from './study-facts.ts';

/** One thing whose time has come. */
export interface Due {
  readonly rule: 'retention/sources' | 'retention/results' | 'retention/runs' | 'retention/deleted' | 'retention/audit';
  /** StudyInstanceUID, Type/ID, or the instant up to which audit goes. */
  readonly what: string;
  readonly counts: DeletionCounts;
  readonly subject: DeletionSubject | 'anybody';
  /** @throws on-hold, conflict. */
  perform(principal: Principal): Promise<void>;
}

interface DueDeps extends DeletionDeps {
  readonly retention: RetentionReader;
  readonly rules: RetentionRules;
  /** What is due is only looked at. */
  readonly dryRun: boolean;
}

const PAGE = 100;
const DAY_MILLISECONDS = 86_400_000;

/** Everything of a site whose time has come, looked up a page at a time. */
export async function* dueOf(deps: DueDeps, site: string): AsyncGenerator<Due> {
  const now = deps.clock.now();
  const { sourceDays, resultDays, runDays, deletedResourceDays, auditDays } = deps.rules;
  const when = (days: number, due: (deps: DueDeps, site: string, before: string) => AsyncGenerator<Due>) => {
    const before = cutoffOf(days, now);
    return before === undefined ? [] : due(deps, site, before);
  };
  yield* when(sourceDays, dueSources);
  yield* when(resultDays, dueResults);
  yield* when(runDays, dueRuns);
  yield* when(deletedResourceDays, dueResources);
  yield* when(auditDays, dueAudit);
}

/** Pages by name: what is kept is passed over, what goes is gone from the next page. */
async function* pages<Row>(
  page: (after: string) => Promise<readonly Row[]>,
  nameOf: (row: Row) => string,
): AsyncGenerator<string> {
  for (let after = ''; ; ) {
    const rows = await page(after);
    for (const row of rows) yield nameOf(row);
    if (rows.length < PAGE) return;
    after = nameOf(rows.at(-1)!);
  }
}

/** Studies that are old enough and that nothing works on. */
async function* idleStudies(deps: DueDeps, site: string, before: string, withSource: boolean) {
  const studies = (after: string) => deps.retention.studies(site, { before, withSource, after, limit: PAGE });
  for await (const study of pages(studies, ({ studyInstanceUid }) => studyInstanceUid)) {
    const facts = await factsOf(deps, site, study);
    // The rows themselves say how old they are: those are checked, what finds them is not.
    const isYoung = facts.instances.some(({ receivedAt }) => receivedAt >= before);
    if (!facts.busy && !isYoung && !(facts.ranAt !== undefined && facts.ranAt >= before)) yield facts;
  }
}

async function* dueSources(deps: DueDeps, site: string, before: string): AsyncGenerator<Due> {
  const rule = 'retention/sources';
  for await (const facts of idleStudies(deps, site, before, true)) {
    const sources = facts.instances.filter(({ isSource }) => isSource);
    // Nothing but sources: the key goes too, so that the bytes are lost at once.
    const isWhole = sources.length === facts.instances.length && facts.runs.length === 0;
    yield {
      ...about(rule, facts),
      counts: { ...NOTHING, studies: isWhole ? 1 : 0, instances: sources.length },
      perform: (principal) =>
        isWhole
          ? deleteWholeStudy(deps, principal, facts, { rule })
          : deleteInstances(deps, principal, facts, sources, { rule }),
    };
  }
}

async function* dueResults(deps: DueDeps, site: string, before: string): AsyncGenerator<Due> {
  const rule = 'retention/results';
  for await (const facts of idleStudies(deps, site, before, false)) {
    const results = facts.instances.filter(({ isSource }) => !isSource);
    // Sources have a time of their own, and stay until it has come.
    const isWhole = results.length === facts.instances.length;
    if (results.length === 0 && !facts.runs.some(({ result }) => result !== undefined)) continue;
    yield {
      ...about(rule, facts),
      counts: { ...NOTHING, studies: isWhole ? 1 : 0, instances: results.length, runs: facts.runs.length },
      perform: (principal) =>
        isWhole ? deleteWholeStudy(deps, principal, facts, { rule }) : deleteResults(deps, principal, facts, { rule }),
    };
  }
}

async function* dueRuns(deps: DueDeps, site: string, before: string): AsyncGenerator<Due> {
  const rule = 'retention/runs';
  const studies = (after: string) => deps.retention.studiesOfRuns(site, { before, after, limit: PAGE });
  for await (const study of pages(studies, (name) => name)) {
    const facts = await factsOf(deps, site, study);
    const isYoung = facts.ranAt === undefined || facts.ranAt >= before;
    if (facts.busy || isYoung || facts.runs.some(({ result }) => result !== undefined)) continue;
    yield {
      ...about(rule, facts),
      counts: { ...NOTHING, runs: facts.runs.length },
      perform: (principal) => deleteRuns(deps, principal, facts, { rule }),
    };
  }
}

async function* dueResources(deps: DueDeps, site: string, before: string): AsyncGenerator<Due> {
  const rule = 'retention/deleted';
  const resources = (after: string) => deps.retention.deletedResources(site, { before, after, limit: PAGE });
  for await (const reference of pages(resources, (name) => name)) {
    const resource = named(reference);
    const current = resource && (await deps.resources.get(site, resource.resourceType, resource.id));
    if (!resource || !current || current.json !== undefined || current.lastUpdated >= before) continue;
    const subject = await subjectWithPatients(deps.resources, site, resource);
    const counts = { ...NOTHING, resources: 1 };
    yield {
      rule,
      what: reference,
      counts,
      subject,
      perform: (principal) =>
        deleteForGood(deps, principal, {
          rule,
          subject,
          counts,
          removals: { resources: [resource] },
          names: [`resource/${reference}`],
          patients: (subject.resources ?? []).filter((name) => name.startsWith('Patient/')),
          entities: [reference],
        }),
    };
  }
}

/** A day at a time, so that no commit is large; where nothing is deleted, all of it at once. */
async function* dueAudit(deps: DueDeps, site: string, before: string): AsyncGenerator<Due> {
  const rule = 'retention/audit';
  const { retention } = deps;
  let oldest = await retention.oldestAudit(site);
  while (oldest !== undefined && oldest < before) {
    const dayLater = new Date(Date.parse(oldest) + DAY_MILLISECONDS).toISOString();
    const until = dayLater < before && !deps.dryRun ? dayLater : before;
    const counts = { ...NOTHING, auditRows: await retention.countAuditBefore(site, until) };
    const removals = { auditBefore: until };
    yield {
      rule,
      what: until,
      counts,
      subject: 'anybody',
      perform: (principal) =>
        deleteForGood(deps, principal, {
          rule,
          subject: 'anybody',
          counts,
          removals,
          names: [],
          patients: [],
          entities: [],
        }),
    };
    const next = await retention.oldestAudit(site);
    // Nothing went: a hold, or only a look.
    if (next === oldest) return;
    oldest = next;
  }
}

function about(rule: Due['rule'], facts: StudyFacts): Pick<Due, 'rule' | 'what' | 'subject'> {
  return { rule, what: facts.studyInstanceUid, subject: facts.subject };
}
