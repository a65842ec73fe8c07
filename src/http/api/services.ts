import type { Deliveries } from '../../exchange/deliveries.ts';
import type { RunService } from '../../jobs/run-service.ts';

/** The services behind this door. Each asks for the permission itself and writes the access down. */
export type Runs = RunService;
export type DeliveryService = Deliveries;

/** A site as the outside may know it. */
export interface Site {
  readonly name: string;
  readonly title: string;
}
