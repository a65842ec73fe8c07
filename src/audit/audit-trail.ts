import type { Access, AuditRow, AuditTrail, Clock, Ids, Ledger, Tracing } from '../ports/index.ts';

export interface AuditTrailDeps {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly tracing: Pick<Tracing, 'current'>;
}

/** Adds to what a service says of an access who asked, when, and under which trace. */
export function createAuditTrail({ ledger, clock, ids, tracing }: AuditTrailDeps): AuditTrail {
  const rowOf = (access: Access): AuditRow => {
    const { kind, id, name, address } = access.principal;
    return {
      id: ids.uuid(),
      recorded: clock.now().toISOString(),
      action: access.action,
      interaction: access.interaction,
      outcome: access.outcome ?? '0',
      outcomeDesc: access.outcomeDesc,
      agent: { kind, id, name, address },
      patients: unique(access.patients),
      entities: unique(access.entities),
      query: access.query === '' ? undefined : access.query,
      traceId: tracing.current().traceId,
    };
  };
  return {
    rowOf,
    record: async (access) => {
      await ledger.commit({ site: access.principal.site, audit: [rowOf(access)] });
    },
  };
}

// A search names the patient of each of its hits: one row lists each patient once.
const unique = (names: readonly string[] = []): readonly string[] => [...new Set(names)];
