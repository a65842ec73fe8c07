import { requirePermission } from '../access/scopes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type {
  Access,
  AuditTrail,
  Clock,
  Destination,
  Ledger,
  OutboxReader,
  OutboxRow,
  OutboxState,
  Principal,
} from '../ports/index.ts';

/** What is sent where, for those who ask from outside. Permission: Endpoint s (lists), r (one), u (send again). */
export interface Deliveries {
  destinations(principal: Principal): Promise<readonly DestinationState[]>;
  /** @throws not-found */
  destination(principal: Principal, name: string): Promise<DestinationState>;
  /** Newest first. @throws not-found for a destination that is not configured. */
  list(principal: Principal, query: DeliveryQuery): Promise<readonly OutboxRow[]>;
  /** A dead delivery becomes a pending one. @throws not-found; conflict: it is not dead, or somebody else was faster. */
  requeue(principal: Principal, id: string): Promise<OutboxRow>;
}

/** A destination without its secret, and how its deliveries stand. */
export interface DestinationState {
  readonly name: string;
  readonly kind: Destination['kind'];
  /** Without user, query and fragment, where credentials might stand. */
  readonly url: string;
  readonly profile: Destination['profile'];
  /** At most MOST_COUNTED are counted. */
  readonly pending: number;
  readonly dead: number;
}

export interface DeliveryQuery {
  readonly destination?: string;
  readonly state?: OutboxState;
  readonly limit: number;
  readonly offset: number;
}

export interface DeliveriesDeps {
  readonly destinations: readonly Destination[];
  readonly outbox: Pick<OutboxReader, 'get' | 'list'>;
  readonly ledger: Ledger;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  /** Told after a commit that left a row to be delivered. */
  readonly onQueued?: () => void;
}

export const MOST_COUNTED = 1000;

export function createDeliveries(deps: DeliveriesDeps): Deliveries {
  const { destinations, outbox, audit } = deps;
  const configured = (name: string): Destination => {
    const found = destinations.find((destination) => destination.name === name);
    if (found === undefined) throw new NeuroInsightError('not-found', 'there is no such destination');
    return found;
  };
  const note = (principal: Principal, action: Access['action'], what: string, entities: readonly string[]) =>
    audit.record({ principal, action, interaction: `api/${what}`, entities });
  return {
    destinations: async (principal) => {
      requirePermission(principal, 's', 'Endpoint');
      const states = await Promise.all(destinations.map((destination) => stateOf(outbox, principal, destination)));
      await note(principal, 'E', 'destination-list', destinations.map(entityOf));
      return states;
    },
    destination: async (principal, name) => {
      requirePermission(principal, 'r', 'Endpoint');
      const found = configured(name);
      const state = await stateOf(outbox, principal, found);
      await note(principal, 'R', 'destination-read', [entityOf(found)]);
      return state;
    },
    list: async (principal, query) => {
      requirePermission(principal, 's', 'Endpoint');
      if (query.destination !== undefined) configured(query.destination);
      const rows = await outbox.list(principal.site, query);
      await note(principal, 'E', 'delivery-list', [...new Set(rows.map(({ runId }) => `Task/${runId}`))]);
      return rows;
    },
    requeue: (principal, id) => requeue(deps, principal, id),
  };
}

const entityOf = ({ name }: Pick<Destination, 'name'>): string => `Endpoint/${name}`;

async function stateOf(
  outbox: Pick<OutboxReader, 'list'>,
  { site }: Principal,
  { name, kind, url, profile }: Destination,
): Promise<DestinationState> {
  const count = async (state: OutboxState): Promise<number> =>
    (await outbox.list(site, { destination: name, state, limit: MOST_COUNTED, offset: 0 })).length;
  const [pending, dead] = await Promise.all([count('pending'), count('dead')]);
  const { origin, pathname } = new URL(url);
  return { name, kind, url: origin + pathname, profile, pending, dead };
}

async function requeue(deps: DeliveriesDeps, principal: Principal, id: string): Promise<OutboxRow> {
  requirePermission(principal, 'u', 'Endpoint');
  const { site } = principal;
  const row = await deps.outbox.get(site, id);
  if (row === undefined) throw new NeuroInsightError('not-found', 'there is no such delivery');
  if (row.state !== 'dead') throw new NeuroInsightError('conflict', `the delivery is ${row.state}, not dead`);
  const again: OutboxRow = {
    ...row,
    state: 'pending',
    version: row.version + 1,
    notBefore: deps.clock.now().toISOString(),
    attempt: 0,
    leaseToken: undefined,
    leaseUntil: undefined,
  };
  const entities = [`Task/${row.runId}`, entityOf({ name: row.destination })];
  const audit = deps.audit.rowOf({ principal, action: 'U', interaction: 'api/delivery-requeue', entities });
  await deps.ledger.commit({ site, outbox: [{ expected: row.version, row: again }], audit: [audit] });
  deps.onQueued?.();
  return again;
}
