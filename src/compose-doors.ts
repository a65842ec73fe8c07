import type { Archive } from './archive/queries.ts';
import type { StoreLimits, StoreService } from './archive/store-instances.ts';
import type { Foundation } from './compose-foundation.ts';
import type { Config } from './config.ts';
import { createDeliveries } from './exchange/deliveries.ts';
import { capabilityStatement } from './fhir/capability-statement.ts';
import { apiRoutes } from './http/api/routes.ts';
import { dicomwebRoutes } from './http/dicomweb/routes.ts';
import { docsRoutes } from './http/docs.ts';
import { fhirRoutes } from './http/fhir/routes.ts';
import { createHealth, type Probe } from './http/health.ts';
import { createHttpServer, type HttpServer } from './http/server.ts';
import type { RunService } from './jobs/run-service.ts';
import type { Destination } from './ports/index.ts';
import type { Records } from './records/records.ts';
import { SharpPictureEncoder } from './render/sharp-picture-encoder.ts';

export interface DoorsDeps {
  readonly foundation: Foundation;
  readonly config: Config;
  readonly publicUrl: string;
  readonly version: string;
  readonly archive: Archive;
  readonly store: StoreService;
  readonly records: Records;
  readonly runService: RunService;
  readonly limits: StoreLimits;
  readonly destinations: readonly Destination[];
  readonly sites: readonly { readonly name: string; readonly title: string }[];
  /** Told when a delivery may go on. */
  readonly onOutbox: () => void;
}

const MEBIBYTE = 2 ** 20;

/** The doors of the role web, behind one HTTP server. */
export function composeDoors(deps: DoorsDeps): HttpServer {
  const { foundation, config, publicUrl, version, archive, records } = deps;
  const { server } = config;
  const { apiKeys, audit, log, tracing, metrics, clock } = foundation;
  const health = createHealth({ probes: probesOf(foundation, config), clock });
  const deliveries = createDeliveries({
    destinations: deps.destinations,
    outbox: foundation.store.outbox,
    ledger: foundation.store.ledger,
    audit,
    clock,
    onQueued: deps.onOutbox,
  });
  return createHttpServer({
    config: {
      host: server.host,
      port: server.port,
      trustProxy: server.trustProxy,
      corsOrigins: server.corsOrigins.split(' ').filter((origin) => origin !== ''),
      limits: { requestsAtOnce: server.requestsAtOnce },
    },
    apiKeys,
    audit,
    log,
    tracing,
    metrics,
    health,
    routers: {
      dicomweb: dicomwebRoutes({
        archive,
        store: deps.store,
        publicUrl,
        limits: deps.limits,
        pictures: new SharpPictureEncoder(),
      }),
      fhir: fhirRoutes({
        records,
        publicUrl,
        capabilityStatement: capabilityStatement({
          publicUrl,
          softwareVersion: version,
          date: clock.now().toISOString(),
        }),
        maxBodyBytes: server.fhirMiB * MEBIBYTE,
      }),
      api: apiRoutes({ runs: deps.runService, deliveries, sites: deps.sites, health, audit, version, publicUrl }),
      docs: docsRoutes(),
    },
  });
}

/**
 * What must work for requests to be served: the store takes a commit. A disk without room for the next study is told,
 * but reading goes on, so the server is not taken out of service for it.
 */
function probesOf({ store, blobs }: Foundation, { storage }: Config): Readonly<Record<string, Probe>> {
  return {
    storage: async () => {
      await store.ledger.commit({ site: 'main' });
      return { ok: true };
    },
    disk: async () => {
      const freeMiB = Math.floor((await blobs.freeBytes()) / MEBIBYTE);
      return { ok: true, detail: { freeMiB, takesStudies: freeMiB >= storage.minimumFreeMiB } };
    },
  };
}
