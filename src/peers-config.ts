import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { isLoopback } from './config.ts';
import { NeuroInsightError } from './domain/errors.ts';
import type { Destination, PullSource } from './ports/index.ts';

const Name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens');

const common = {
  name: Name.describe('what logs, audit and the API call it'),
  url: z.url({ protocol: /^https?$/ }).describe('base URL of the service'),
  authorizationFile: z.string().min(1).optional().describe('file of mode 0600 with the whole Authorization header'),
  timeoutSeconds: z.int().min(1).max(3600).default(60).describe('how long it may be silent'),
  plainHttp: z.boolean().default(false).describe('http:// to another machine is meant'),
};

const DicomwebDestination = z.strictObject({ ...common, kind: z.literal('dicomweb') });
const FhirDestination = z.strictObject({
  ...common,
  kind: z.literal('fhir'),
  profile: z
    .enum(['transaction', 'conditional-creates'])
    .default('transaction')
    .describe('one transaction, or one conditional create for each resource'),
});
const Source = z.strictObject({
  ...common,
  windowDays: z.int().min(0).max(36_500).default(7).describe('how many days of StudyDate it looks back'),
  pollSeconds: z.int().min(1).max(86_400).default(60).describe('time between two looks'),
  site: Name.default('main').describe('site that the studies belong to'),
});

export const PeersSchema = z.strictObject({
  destinations: z.array(z.discriminatedUnion('kind', [DicomwebDestination, FhirDestination])).default([]),
  sources: z.array(Source).default([]),
});

export interface Peers {
  readonly destinations: readonly Destination[];
  readonly sources: readonly PullSource[];
}

type Entry = z.infer<typeof Source> | z.infer<typeof DicomwebDestination> | z.infer<typeof FhirDestination>;

/** The systems that are configured; none without a file. @throws invalid-configuration */
export function loadPeers(file: string | null): Peers {
  if (file === null) return { destinations: [], sources: [] };
  const parsed = PeersSchema.safeParse(readJson(file));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refused(`peers file, ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const { destinations, sources } = parsed.data;
  for (const list of [destinations, sources]) requireDistinct(list.map(({ name }) => name));
  return {
    destinations: destinations.map((entry) => ({
      ...peerOf(entry, file),
      kind: entry.kind,
      profile: entry.kind === 'fhir' ? entry.profile : undefined,
    })),
    sources: sources.map((entry) => {
      const { windowDays, pollSeconds, site } = entry;
      return { ...peerOf(entry, file), windowDays, pollSeconds, site };
    }),
  };
}

function peerOf(entry: Entry, file: string) {
  const { name, url, authorizationFile, timeoutSeconds, plainHttp } = entry;
  const { protocol, hostname, username } = new URL(url);
  if (username !== '') throw refused(`${name}: credentials belong into authorizationFile, not into the URL`);
  if (protocol === 'http:' && !isLoopback(hostname) && !plainHttp) {
    throw refused(`${name}: http:// to another machine is refused unless plainHttp says that it is meant`);
  }
  const authorization =
    authorizationFile === undefined ? undefined : readSecret(resolve(dirname(file), authorizationFile), name);
  return { name, url, authorization, timeoutSeconds };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw refused('the peers file cannot be read as JSON', error);
  }
}

/** A secret that others on the machine can read is none. */
function readSecret(file: string, name: string): string {
  try {
    if ((statSync(file).mode & 0o077) !== 0) throw refused(`${name}: authorizationFile must have mode 0600`);
    const text = readFileSync(file, 'utf8').trim();
    if (!/^[\x21-\x7e][\x20-\x7e]*$/.test(text)) throw refused(`${name}: authorizationFile holds no header value`);
    return text;
  } catch (error) {
    if (error instanceof NeuroInsightError) throw error;
    throw refused(`${name}: authorizationFile cannot be read`, error);
  }
}

function requireDistinct(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw refused(`peers file: two entries are called ${twice}`);
}

function refused(message: string, cause?: unknown): NeuroInsightError {
  return new NeuroInsightError('invalid-configuration', message, { cause });
}
