import { once } from 'node:events';
import { createServer } from 'node:net';
import { createExecutor } from './admin/command.ts';
import { COMMANDS } from './admin/commands.ts';
import { type AdminSocket, openAdminSocket } from './admin/socket-server.ts';
import { createThreadAnalyst } from './analyst/thread-analyst.ts';
import { prepareInstances } from './archive/prepare-instances.ts';
import { createArchive } from './archive/queries.ts';
import {
  createStoreService,
  DEFAULT_STORE_LIMITS,
  type StoreLimits,
  type StoreService,
} from './archive/store-instances.ts';
import { modelFolder, packagedFile, softwareVersion } from './compose.ts';
import { composeDoors } from './compose-doors.ts';
import { type Foundation, openFoundation, SITES } from './compose-foundation.ts';
import { registerGauges, upkeepJobs } from './compose-upkeep.ts';
import type { Config } from './config.ts';
import type { DicomFile } from './dicom/file.ts';
import { SOFTWARE_NAME } from './domain/result.ts';
import { createEhrClient } from './ehr/fhir-ehr.ts';
import { createOutboxDelivery } from './exchange/outbox-delivery.ts';
import { pullOnce } from './exchange/pull-watch.ts';
import { createRunExecutor } from './jobs/execute-run.ts';
import { createRunChanges } from './jobs/run-changes.ts';
import { createRunService } from './jobs/run-service.ts';
import { type Jobs, type JobsDeps, startJobs } from './jobs/start-jobs.ts';
import { queueQuietStudies } from './jobs/study-quiet.ts';
import { systemTimers } from './jobs/timers.ts';
import { createWakeUps } from './jobs/wake-ups.ts';
import { createPacsClient } from './pacs/dicomweb-pacs.ts';
import { openPeerHttp } from './peer-http.ts';
import { loadPeers } from './peers-config.ts';
import type { Analyst, Clients } from './ports/index.ts';
import { createRecords } from './records/records.ts';
import { ThreadFrameDecoder } from './render/thread-frame-decoder.ts';
import { loadModel } from './segmentation/model-files.ts';
import { createSweep } from './storage/blobs/sweep.ts';

/** What the server of a data folder does; what is left out is not done. */
export const ROLES = ['web', 'work', 'pull'] as const;
export type Role = (typeof ROLES)[number];

export interface ServerOptions {
  readonly roles: readonly Role[];
  /** Where log lines go; undefined: nowhere. */
  readonly logStream: NodeJS.WritableStream | undefined;
  /** Told once when nothing can be written any more: the process should end. */
  readonly onFailure?: (error: Error) => void;
  /** Measures the studies: the walk in a thread, but for tests. */
  readonly analyst?: Analyst;
}

export interface NewKey {
  readonly name: string;
  readonly scopes: string;
  readonly days: number;
}

export interface Server {
  /** Opens the doors of the roles; `url` is undefined without the role web. */
  start(): Promise<{ readonly url: string | undefined }>;
  createApiKey(key: NewKey): Promise<{ readonly secret: string }>;
  /** Stops in reverse: the doors, then the jobs, then what they write to. */
  close(): Promise<void>;
}

const MEBIBYTE = 2 ** 20;
const POLL_SECONDS = 2;
const SWEEP_SECONDS = 3600;
/** A pack that no row points to is left alone for so long: its request may still be writing it. */
const ORPHAN_SECONDS = 3600;
const RUN_SECONDS = 1800;
const BACKOFF_SECONDS = 2;
const PROGRESS_MILLISECONDS = 250;

/** Results are never measured again. */
const isResult = ({ dataset }: DicomFile): boolean => dataset.string('Manufacturer') === SOFTWARE_NAME;

/** The whole server, wired top to bottom; what was opened is closed in reverse. */
export async function composeServer(given: Config, options: ServerOptions): Promise<Server> {
  const config = await withPort(given);
  const foundation = await openFoundation(config, { purpose: 'server', ...options });
  try {
    return await compose(foundation, config, options);
  } catch (error) {
    await foundation.close();
    throw error;
  }
}

async function compose(foundation: Foundation, config: Config, options: ServerOptions): Promise<Server> {
  const { store, blobs, clock, ids, tracing, log, metrics, audit, apiKeys } = foundation;
  const { ledger, dicom, runs, outbox } = store;
  const { roles } = options;
  const version = await softwareVersion();
  const peers = loadPeers(config.exchange.peersFile);
  const clients = clientsOf(foundation, config);
  const wakeUps = createWakeUps();
  const changes = createRunChanges();
  const timers = systemTimers;
  const analyst = options.analyst ?? (await openAnalyst(foundation, config, version));
  const limits = storeLimitsOf(config);
  const publicUrl = publicUrlOf(config);

  const service = createStoreService({ ledger, index: dicom, blobs, audit, clock, limits, isResult, log });
  const storeService: StoreService = {
    async store(request) {
      const outcome = await service.store(request);
      // So that a quiet study need not wait for the next look.
      if (outcome.stored.some(({ duplicate }) => !duplicate)) wakeUps.nudge('quiet-studies');
      return outcome;
    },
  };
  const decoder = new ThreadFrameDecoder();
  const archive = createArchive({ index: dicom, blobs, audit, decoder, publicUrl });
  const records = createRecords({
    reader: store.resources,
    ledger,
    audit,
    auditLog: store.audit,
    clock,
    ids,
    publicUrl,
  });
  const shared = { runs, ledger, dicom, outbox, blobs, audit, clock, ids, tracing, log, metrics, changes, timers };
  const runService = createRunService({
    ...shared,
    analystFingerprint: analyst.fingerprint,
    limits: { queue: config.analysis.queuedRuns, pollMilliseconds: POLL_SECONDS * 1000 },
    onQueued: () => wakeUps.nudge('claim-runs'),
  });
  const executor = createRunExecutor({
    ...shared,
    analyst,
    records,
    results: { prepareInstances: (...args) => prepareInstances({ index: dicom, blobs, clock, isResult }, ...args) },
    destinations: peers.destinations,
    limits: {
      maxAttempts: config.analysis.attempts,
      backoffSeconds: BACKOFF_SECONDS,
      leaseSeconds: config.analysis.leaseSeconds,
      runSeconds: RUN_SECONDS,
      progressMilliseconds: PROGRESS_MILLISECONDS,
    },
    onOutbox: () => wakeUps.nudge('deliver-outbox'),
  });
  const delivery = createOutboxDelivery({
    ...shared,
    clients,
    destinations: peers.destinations,
    random: Math.random,
    limits: { attempts: config.exchange.deliveryAttempts, leaseSeconds: config.exchange.deliveryLeaseSeconds },
  });
  const sweep = createSweep({ blobs, index: dicom, packs: store.packs, clock, orphanSeconds: ORPHAN_SECONDS });
  const work: Omit<JobsDeps, 'roles'> = {
    jobs: store.jobs,
    executor,
    quiet: (signal) =>
      queueQuietStudies(
        {
          ...shared,
          analystFingerprint: analyst.fingerprint,
          sites: SITES.map(({ name }) => name),
          limits: { quietSeconds: config.analysis.quietSeconds, queue: config.analysis.queuedRuns },
          onQueued: () => wakeUps.nudge('claim-runs'),
        },
        signal,
      ),
    deliver: (signal) => delivery.deliverDue(signal),
    pull: (source, signal) =>
      pullOnce(
        source,
        { clients, archive: storeService, seen: store.seen, ledger, audit, clock, log, metrics },
        signal,
      ),
    sources: peers.sources,
    sweep: (signal) => sweep.run(signal),
    upkeep: upkeepJobs(foundation),
    wakeUps,
    timers,
    log,
    limits: {
      runsAtOnce: config.analysis.runsAtOnce,
      graceSeconds: config.server.graceSeconds,
      pollSeconds: POLL_SECONDS,
      sweepSeconds: SWEEP_SECONDS,
      quietSeconds: config.analysis.quietSeconds,
    },
  };
  registerGauges(foundation, analyst);
  const doors = composeDoors({
    foundation,
    config,
    publicUrl,
    version,
    archive,
    records,
    runService,
    limits,
    store: storeService,
    destinations: peers.destinations,
    sites: SITES,
    onOutbox: () => wakeUps.nudge('deliver-outbox'),
  });

  let jobs: Jobs | undefined;
  let admin: AdminSocket | undefined;
  return {
    async start() {
      admin = await openAdminSocket({
        dataDir: foundation.dataDir,
        execute: createExecutor(foundation, COMMANDS),
        log,
      });
      if (roles.includes('work')) analyst.prepare?.();
      jobs = await startJobs({ ...work, roles });
      if (!roles.includes('web')) return { url: undefined };
      await doors.listen();
      return { url: publicUrl };
    },
    createApiKey: ({ name, scopes, days }) => apiKeys.create({ site: SITES[0].name, name, scopes, days }),
    async close() {
      await doors.close(config.server.graceSeconds * 1000);
      await admin?.close();
      await jobs?.stop();
      await analyst.close();
      await decoder.close();
      await foundation.close();
    },
  };
}

/** The public URL is part of what is handed out before anything listens: a free port is chosen first. */
async function withPort(config: Config): Promise<Config> {
  if (config.server.port !== 0) return config;
  const probe = createServer().listen(0, config.server.host);
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { ...config, server: { ...config.server, port } };
}

/** As clients reach it; the Host header of a request is never believed. */
export function publicUrlOf({ server }: Config): string {
  const host = server.host.includes(':') ? `[${server.host}]` : server.host;
  return (server.publicUrl ?? `http://${host}:${server.port}`).replace(/\/+$/, '');
}

function storeLimitsOf({ server }: Config): StoreLimits {
  return {
    ...DEFAULT_STORE_LIMITS,
    maxInstanceBytes: server.instanceMiB * MEBIBYTE,
    maxRequestBytes: server.uploadMiB * MEBIBYTE,
    maxConcurrentRequests: server.storesAtOnce,
  };
}

function clientsOf({ tracing }: Foundation, config: Config): Clients {
  const limits = { instanceBytes: config.server.instanceMiB * MEBIBYTE };
  return {
    pacs: (peer) => createPacsClient(openPeerHttp(peer, tracing), limits),
    ehr: (destination) => createEhrClient(openPeerHttp(destination, tracing), destination.profile ?? 'transaction'),
  };
}

/** The model is verified at the start: a server whose model is damaged must not wait for the first study to say so. */
async function openAnalyst(
  { dataDir, packFiles }: Foundation,
  { analysis }: Config,
  version: string,
): Promise<Analyst> {
  const modelDir = modelFolder({ analysis });
  const { identity } = await loadModel(modelDir);
  const { threads, inferenceTimeoutSeconds, inferenceMemoryMiB } = analysis;
  return createThreadAnalyst({
    packAccess: packFiles.access,
    modelSha256: identity.sha256,
    data: {
      dataDir,
      modelDir,
      threads,
      inferenceTimeoutSeconds,
      inferenceMemoryMiB,
      softwareVersion: version,
      normsFile: packagedFile('norms/hippocampus-freesurfer-pooled.json'),
      fonts: {
        regular: packagedFile('fonts/DejaVuSansCondensed.ttf'),
        bold: packagedFile('fonts/DejaVuSansCondensed-Bold.ttf'),
      },
    },
  });
}
