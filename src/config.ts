import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve, sep } from 'node:path';
import { z } from 'zod';
import { Backup, Keys, Retention, Storage } from './config-sections.ts';
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
  keys: Keys,
  retention: Retention,
  backup: Backup,
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
  NEUROINSIGHT_QUOTA_MIB: ['storage', 'quotaMiB'],
  NEUROINSIGHT_WITNESS_FILE: ['storage', 'witnessFile'],
  NEUROINSIGHT_ARCHIVE_DIR: ['storage', 'archiveDir'],
  NEUROINSIGHT_ARCHIVE_AFTER_DAYS: ['storage', 'archiveAfterDays'],
  NEUROINSIGHT_SCRUB_MIB_PER_SECOND: ['storage', 'scrubMiBPerSecond'],
  NEUROINSIGHT_SCRUB_DAYS: ['storage', 'scrubDays'],
  NEUROINSIGHT_KEK_FILE: ['keys', 'kekFile'],
  NEUROINSIGHT_KEK_ENVIRONMENT: ['keys', 'kekEnvironment'],
  NEUROINSIGHT_KEK_COMMAND: ['keys', 'kekCommand'],
  NEUROINSIGHT_VAULT_URL: ['keys', 'vaultUrl'],
  NEUROINSIGHT_VAULT_MOUNT: ['keys', 'vaultMount'],
  NEUROINSIGHT_VAULT_KEY: ['keys', 'vaultKey'],
  NEUROINSIGHT_VAULT_TOKEN_FILE: ['keys', 'vaultTokenFile'],
  NEUROINSIGHT_AWS_KMS_KEY_ID: ['keys', 'awsKmsKeyId'],
  NEUROINSIGHT_AWS_REGION: ['keys', 'awsRegion'],
  NEUROINSIGHT_AWS_KMS_URL: ['keys', 'awsKmsUrl'],
  NEUROINSIGHT_AWS_CREDENTIALS_FILE: ['keys', 'awsCredentialsFile'],
  NEUROINSIGHT_PREVIOUS_KEK_FILE: ['keys', 'previousKekFile'],
  NEUROINSIGHT_PREVIOUS_KEK_ENVIRONMENT: ['keys', 'previousKekEnvironment'],
  NEUROINSIGHT_RETENTION_SOURCE_DAYS: ['retention', 'sourceDays'],
  NEUROINSIGHT_RETENTION_RESULT_DAYS: ['retention', 'resultDays'],
  NEUROINSIGHT_RETENTION_RUN_DAYS: ['retention', 'runDays'],
  NEUROINSIGHT_RETENTION_AUDIT_DAYS: ['retention', 'auditDays'],
  NEUROINSIGHT_RETENTION_DELETED_RESOURCE_DAYS: ['retention', 'deletedResourceDays'],
  NEUROINSIGHT_BACKUP_REPOSITORY: ['backup', 'repository'],
  NEUROINSIGHT_BACKUP_EVERY_HOURS: ['backup', 'everyHours'],
  NEUROINSIGHT_BACKUP_KEEP: ['backup', 'keep'],
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
  if (parsed.success) return checked(parsed.data, environment);
  const [issue] = parsed.error.issues;
  throw new NeuroInsightError('invalid-configuration', `setting ${issue?.path.join('.')}: ${issue?.message}`);
}

function settingOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return NUMERIC.test(text) ? Number(text) : text;
}

/** What people leave in a setting that they meant to fill in. */
const PLACEHOLDER =
  /^(<.*>|\$\{.*\}|change[-_ ]?(me|it).*|replace[-_ ]?(me|this|with).*|your[-_ ].*|todo|x{3,}|example)$/i;

function checked(config: Config, environment: NodeJS.ProcessEnv): Config {
  const refuse = (message: string): never => {
    throw new NeuroInsightError('invalid-configuration', message);
  };
  for (const [section, values] of Object.entries(config)) {
    for (const [key, value] of Object.entries(values)) {
      if (typeof value === 'string' && PLACEHOLDER.test(value)) refuse(`setting ${section}.${key} is a placeholder`);
    }
  }
  const { keys, storage } = config;
  if (kekSourcesOf(config).length > 1) refuse(`the KEK has more than one source: ${kekSourcesOf(config).join(', ')}`);
  if ((keys.vaultUrl === null) !== (keys.vaultKey === null)) refuse('Vault needs both vaultUrl and vaultKey');
  if (keys.vaultUrl !== null && keys.vaultTokenFile === null) refuse('Vault needs vaultTokenFile');
  if (keys.awsKmsKeyId !== null && (keys.awsRegion === null || keys.awsCredentialsFile === null)) {
    refuse('AWS KMS needs awsRegion and awsCredentialsFile');
  }
  for (const name of [keys.kekEnvironment, keys.previousKekEnvironment]) {
    // Such a name would have been refused as an unknown setting, or be a setting itself.
    if (name?.startsWith('NEUROINSIGHT_'))
      refuse('the variable of a KEK has a name that does not begin with NEUROINSIGHT_');
    if (name !== null && environment[name] === undefined) refuse('the environment variable of a KEK is not set');
  }
  const outside = { kekFile: keys.kekFile, previousKekFile: keys.previousKekFile, witnessFile: storage.witnessFile };
  for (const [name, file] of Object.entries({ ...outside, repository: config.backup.repository })) {
    if (file !== null && isInside(file, storage.dataDir)) refuse(`${name} lies in the data folder: it must not`);
  }
  return config;
}

function isInside(path: string, folder: string): boolean {
  return `${resolve(path)}${sep}`.startsWith(`${resolve(folder)}${sep}`);
}

/** Where the configuration says that the key-encryption key comes from: none or one, once it is checked. */
export function kekSourcesOf({ keys }: Pick<Config, 'keys'>): readonly string[] {
  const { kekFile, kekEnvironment, kekCommand, vaultUrl, awsKmsKeyId } = keys;
  const sources = { kekFile, kekEnvironment, kekCommand, vaultUrl, awsKmsKeyId };
  return Object.entries(sources)
    .filter(([, value]) => value !== null)
    .map(([name]) => name);
}

/** The KEK that development makes by itself: beside the data folder, never in it. */
export const developmentKekFile = (dataDir: string): string => `${resolve(dataDir)}.kek`;

/** Whether others than the machine's own users are served. */
export function isProduction({ server }: Pick<Config, 'server'>, environment: NodeJS.ProcessEnv): boolean {
  const isPublic = server.publicUrl !== null && !isLoopback(new URL(server.publicUrl).hostname);
  return environment.NODE_ENV === 'production' || isPublic;
}

/**
 * What a server may be started with. In production (NODE_ENV, or a public URL beyond loopback) a KEK must be
 * configured that does not lie beside the data. This version speaks no TLS itself: what is reached from other machines
 * stands behind a proxy that does.
 * @throws invalid-configuration
 */
export function refuseProduction(config: Config, environment: NodeJS.ProcessEnv): void {
  const { server, keys, storage } = config;
  const refuse = (message: string): never => {
    throw new NeuroInsightError('invalid-configuration', message);
  };
  const why = environment.NODE_ENV === 'production' ? 'NODE_ENV is production' : 'the public URL is not loopback';
  if (isProduction(config, environment)) {
    if (kekSourcesOf(config).length === 0) refuse(`${why}: a key-encryption key must be configured`);
    if (keys.kekFile !== null && resolve(keys.kekFile) === developmentKekFile(storage.dataDir)) {
      refuse(`${why}: the key-encryption key lies beside the data; keep it elsewhere`);
    }
  }
  const url = server.publicUrl === null ? undefined : new URL(server.publicUrl);
  if (url && !isLoopback(url.hostname)) {
    if (url.protocol !== 'https:') refuse('the public URL is not loopback and not https');
    if (!server.trustProxy) refuse('the public URL is not loopback: this version needs a proxy in front that ends TLS');
  }
  if (!isLoopback(server.host) && !server.trustProxy) refuse('the server would listen beyond loopback without a proxy');
}

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}
