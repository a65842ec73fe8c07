import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';
import { NeuroInsightError } from './domain/errors.ts';

/** Each setting says in its description what docs/operations/configuration.md prints of it. */
const Server = z.strictObject({
  host: z.string().min(1).describe('address to listen on'),
  port: z.int().min(0).max(65_535).describe('port to listen on; 0 takes a free one'),
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .describe('base of every URL that is handed out; unset: http://HOST:PORT'),
  trustProxy: z.boolean().describe('a proxy in front ends TLS and sets X-Forwarded-For'),
  corsOrigins: z.string().describe('origins that a browser may call from, separated by blanks'),
  requestsAtOnce: z.int().min(1).max(10_000).describe('requests worked on at once; more are answered 503'),
  storesAtOnce: z.int().min(1).max(1000).describe('STOW-RS requests worked on at once; more are answered 503'),
  uploadMiB: z.int().min(1).max(1_048_576).describe('largest STOW-RS request'),
  instanceMiB: z.int().min(1).max(2047).describe('largest DICOM instance'),
  fhirMiB: z.int().min(1).max(512).describe('largest FHIR request'),
  graceSeconds: z.int().min(0).max(600).describe('how long a stop waits for work in progress'),
});

const Storage = z.strictObject({
  dataDir: z.string().min(1).describe('folder of the database and the stored instances'),
  minimumFreeMiB: z
    .int()
    .min(0)
    .max(2 ** 30)
    .describe('free space below which stores are refused with 507'),
});

const Analysis = z.strictObject({
  modelDir: z.string().min(1).nullable().describe('folder of the model; unset: the one that comes with the software'),
  threads: z.int().min(1).max(64).describe('threads of the inference child'),
  inferenceTimeoutSeconds: z.int().min(1).max(3600).describe('limit of one run of one network'),
  inferenceMemoryMiB: z.int().min(256).max(65_536).describe('resident memory above which the inference child is ended'),
  quietSeconds: z.int().min(0).max(86_400).describe('a study is measured when no source instance came for so long'),
  runsAtOnce: z.int().min(1).max(16).describe('studies measured at once'),
  queuedRuns: z.int().min(1).max(1_000_000).describe('runs that may wait; a further request is answered 503'),
  attempts: z.int().min(1).max(20).describe('attempts before a run is dead'),
  leaseSeconds: z.int().min(5).max(3600).describe('a run whose worker has been silent for so long is taken over'),
});

const Exchange = z.strictObject({
  peersFile: z.string().min(1).nullable().describe('JSON file of the destinations and sources'),
  deliveryAttempts: z.int().min(1).max(1000).describe('attempts before a delivery is dead'),
  deliveryLeaseSeconds: z.int().min(10).max(3600).describe('limit of one delivery'),
});

const Log = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).describe('least severe line that is written'),
});

export const ConfigSchema = z.strictObject({
  server: Server,
  storage: Storage,
  analysis: Analysis,
  exchange: Exchange,
  log: Log,
});
export type Config = z.infer<typeof ConfigSchema>;

/** Environment variable -> place in the configuration. The only names that are read. */
export const ENVIRONMENT = {
  NEUROINSIGHT_HOST: ['server', 'host'],
  NEUROINSIGHT_PORT: ['server', 'port'],
  NEUROINSIGHT_PUBLIC_URL: ['server', 'publicUrl'],
  NEUROINSIGHT_TRUST_PROXY: ['server', 'trustProxy'],
  NEUROINSIGHT_CORS_ORIGINS: ['server', 'corsOrigins'],
  NEUROINSIGHT_REQUESTS_AT_ONCE: ['server', 'requestsAtOnce'],
  NEUROINSIGHT_STORES_AT_ONCE: ['server', 'storesAtOnce'],
  NEUROINSIGHT_UPLOAD_MIB: ['server', 'uploadMiB'],
  NEUROINSIGHT_INSTANCE_MIB: ['server', 'instanceMiB'],
  NEUROINSIGHT_FHIR_MIB: ['server', 'fhirMiB'],
  NEUROINSIGHT_GRACE_SECONDS: ['server', 'graceSeconds'],
  NEUROINSIGHT_DATA_DIR: ['storage', 'dataDir'],
  NEUROINSIGHT_MINIMUM_FREE_MIB: ['storage', 'minimumFreeMiB'],
  NEUROINSIGHT_MODEL_DIR: ['analysis', 'modelDir'],
  NEUROINSIGHT_THREADS: ['analysis', 'threads'],
  NEUROINSIGHT_INFERENCE_TIMEOUT_SECONDS: ['analysis', 'inferenceTimeoutSeconds'],
  NEUROINSIGHT_INFERENCE_MEMORY_MIB: ['analysis', 'inferenceMemoryMiB'],
  NEUROINSIGHT_QUIET_SECONDS: ['analysis', 'quietSeconds'],
  NEUROINSIGHT_RUNS_AT_ONCE: ['analysis', 'runsAtOnce'],
  NEUROINSIGHT_QUEUED_RUNS: ['analysis', 'queuedRuns'],
  NEUROINSIGHT_RUN_ATTEMPTS: ['analysis', 'attempts'],
  NEUROINSIGHT_RUN_LEASE_SECONDS: ['analysis', 'leaseSeconds'],
  NEUROINSIGHT_PEERS_FILE: ['exchange', 'peersFile'],
  NEUROINSIGHT_DELIVERY_ATTEMPTS: ['exchange', 'deliveryAttempts'],
  NEUROINSIGHT_DELIVERY_LEASE_SECONDS: ['exchange', 'deliveryLeaseSeconds'],
  NEUROINSIGHT_LOG_LEVEL: ['log', 'level'],
} as const satisfies Record<string, readonly [keyof Config, string]>;

const NUMERIC = /^\d+$/;

/**
 * config/default.json, then the NEUROINSIGHT_* variables over it.
 * Throws invalid-configuration for an unknown key or variable and for a value outside its bounds: a misspelt
 * setting that is silently ignored is worse than a start that is refused.
 */
export function loadConfig(defaults: URL, environment: NodeJS.ProcessEnv): Config {
  const value: Record<string, Record<string, unknown>> = JSON.parse(readFileSync(defaults, 'utf8'));
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('NEUROINSIGHT_') || text === undefined) continue;
    if (!Object.hasOwn(ENVIRONMENT, name)) {
      throw new NeuroInsightError('invalid-configuration', `unknown setting ${name}`);
    }
    const [section, key] = ENVIRONMENT[name as keyof typeof ENVIRONMENT];
    value[section] = { ...value[section], [key]: settingOf(text) };
  }
  const parsed = ConfigSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new NeuroInsightError('invalid-configuration', `setting ${issue?.path.join('.')}: ${issue?.message}`);
}

function settingOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return NUMERIC.test(text) ? Number(text) : text;
}

/**
 * What a server may be started with. This version keeps its data in clear and speaks no TLS itself, so it is for one
 * machine: anything that others reach is refused.
 * @throws invalid-configuration
 */
export function refuseProduction({ server }: Config, environment: NodeJS.ProcessEnv): void {
  const refuse = (why: string): never => {
    throw new NeuroInsightError(
      'invalid-configuration',
      `${why}: this version does not yet encrypt what it stores and serves`,
    );
  };
  if (environment.NODE_ENV === 'production') refuse('NODE_ENV is production');
  if (server.publicUrl !== null && !isLoopback(new URL(server.publicUrl).hostname))
    refuse('the public URL is not loopback');
  if (!isLoopback(server.host) && !server.trustProxy) refuse('the server would listen beyond loopback without a proxy');
}

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}
