import type { DestinationState } from '../../exchange/deliveries.ts';
import type { OutboxRow, OutboxState, Principal, RunLogLine, RunQuery, RunRow } from '../../ports/index.ts';

/** What this door needs of the runs. The service asks for the permission and writes the access down. */
export interface Runs {
  request(principal: Principal, asked: { readonly studyInstanceUid: string }): Promise<RunRow>;
  get(principal: Principal, id: string): Promise<RunRow>;
  list(principal: Principal, query: RunQuery): Promise<{ readonly rows: readonly RunRow[]; readonly total: number }>;
  log(principal: Principal, id: string): Promise<readonly RunLogLine[]>;
  cancel(principal: Principal, id: string): Promise<RunRow>;
  requeue(principal: Principal, id: string): Promise<RunRow>;
  file(principal: Principal, id: string, name: string): Promise<Uint8Array>;
  /** The row as it stands, then each newer one, until the run has ended; `return` ends a `next` that is waiting. */
  subscribe(principal: Principal, id: string): AsyncIterable<RunRow>;
}

/** What it needs of the deliveries; permission as above. */
export interface DeliveryService {
  destinations(principal: Principal): Promise<readonly DestinationState[]>;
  destination(principal: Principal, name: string): Promise<DestinationState>;
  list(
    principal: Principal,
    query: {
      readonly destination?: string;
      readonly state?: OutboxState;
      readonly limit: number;
      readonly offset: number;
    },
  ): Promise<readonly OutboxRow[]>;
  requeue(principal: Principal, id: string): Promise<OutboxRow>;
}

/** A site as the outside may know it. */
export interface Site {
  readonly name: string;
  readonly title: string;
}
