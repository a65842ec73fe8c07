import { createHash, timingSafeEqual } from 'node:crypto';
import { malformedScope } from '../access/scopes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { ApiKeyReader, ApiKeyRow, AuditTrail, Clock, Ids, Ledger, Principal } from '../ports/index.ts';

export interface ApiKeysDeps {
  readonly ledger: Ledger;
  readonly reader: ApiKeyReader;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Unpredictable bytes. */
  readonly random: (bytes: number) => Uint8Array;
  /** Where making and revoking keys is written down. */
  readonly audit?: Pick<AuditTrail, 'rowOf'>;
}

export interface NewApiKey {
  readonly site: string;
  /** Unique among the keys of the site that are not revoked. */
  readonly name: string;
  /** Separated by blanks. */
  readonly scopes: string;
  /** Days until it expires, 1 to 3650. */
  readonly days: number;
}

export interface ApiKeys {
  /**
   * @param authorization value of the Authorization header, '' when there was none. A key in a URL is never looked at:
   * addresses end up in logs and histories.
   * @throws unauthenticated: no key, an unknown, an expired or a revoked one.
   */
  authenticate(authorization: string, address: string | undefined): Promise<Principal>;
  /** The secret is in the answer and nowhere else. @throws invalid-request, conflict for a name that is in use. */
  create(key: NewApiKey): Promise<{ readonly row: ApiKeyRow; readonly secret: string }>;
  /** Newest last. */
  list(site: string): Promise<readonly ApiKeyRow[]>;
  /** Works in this process at once, in others as soon as their memory of the key ends. @throws not-found */
  revoke(key: { readonly site: string; readonly name: string }): Promise<ApiKeyRow>;
}

const PREFIX = 'ni_';
const SECRET_BYTES = 32;
const BEARER = /^Bearer +(ni_[A-Za-z0-9_-]{43})$/i;
const NAME = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;
const MOST_DAYS = 3650;
const LONGEST_SCOPES = 2000;
const DAY_MS = 86_400_000;
/** A key that another process revokes must be refused within five seconds. */
const REMEMBER_MS = 2000;
const REMEMBER_KEYS = 1000;

const SOFTWARE: Omit<Principal, 'site'> = {
  kind: 'job',
  id: 'api-keys',
  name: 'command line',
  scopes: '',
  address: undefined,
};

interface Known {
  readonly site: string;
  readonly row: ApiKeyRow;
}

export function createApiKeys(deps: ApiKeysDeps): ApiKeys {
  const { reader, clock } = deps;
  const memory = createMemory(() => clock.now().getTime());
  return {
    authenticate: async (authorization, address) => {
      const digest = digestOf(secretIn(authorization));
      const known = memory.get(digest) ?? (await lookUp(reader, digest));
      if (known === undefined) throw unauthenticated('the key is not valid');
      refuseEnded(known.row, clock.now());
      memory.put(digest, known);
      const { id, name, scopes } = known.row;
      return { kind: 'api-key', id, name, site: known.site, scopes, address };
    },
    create: (key) => createKey(deps, key),
    list: (site) => reader.list(site),
    revoke: async ({ site, name }) => {
      const row = await revokeKey(deps, site, name);
      memory.drop(row.secretSha256);
      return row;
    },
  };
}

function secretIn(authorization: string): string {
  if (authorization === '') throw unauthenticated('a key is needed: Authorization: Bearer KEY');
  const secret = BEARER.exec(authorization)?.[1];
  if (secret === undefined) throw unauthenticated('the key is not valid');
  return secret;
}

const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

async function lookUp(reader: ApiKeyReader, digest: string): Promise<Known | undefined> {
  const found = await reader.findBySecret(digest);
  if (found === undefined) return undefined;
  // The store compares byte by byte and may tell how far it got, though only about a digest; this comparison does not.
  const expected = Buffer.from(found.row.secretSha256);
  const given = Buffer.from(digest);
  return expected.length === given.length && timingSafeEqual(expected, given) ? found : undefined;
}

function refuseEnded(row: ApiKeyRow, now: Date): void {
  if (row.revokedAt !== undefined) throw unauthenticated('the key was revoked');
  const expires = Date.parse(row.expiresAt);
  // Written so that a date that cannot be read has passed.
  if (!(now.getTime() < expires)) throw unauthenticated('the key has expired');
}

/** Keys that were good a moment ago, so that a busy client costs no query a request. Only good ones: nothing to flood. */
function createMemory(now: () => number) {
  const entries = new Map<string, { readonly known: Known; readonly until: number }>();
  return {
    get: (digest: string): Known | undefined => {
      const entry = entries.get(digest);
      if (entry === undefined) return undefined;
      // `until` is compared on both sides: a clock that was set back must not keep a revoked key alive.
      if (now() < entry.until && entry.until - now() <= REMEMBER_MS) return entry.known;
      entries.delete(digest);
      return undefined;
    },
    put: (digest: string, known: Known): void => {
      if (entries.has(digest)) return;
      const [oldest] = entries.keys();
      if (entries.size >= REMEMBER_KEYS && oldest !== undefined) entries.delete(oldest);
      entries.set(digest, { known, until: now() + REMEMBER_MS });
    },
    drop: (digest: string): void => void entries.delete(digest),
  };
}

async function createKey(deps: ApiKeysDeps, key: NewApiKey): Promise<{ row: ApiKeyRow; secret: string }> {
  refuseMalformed(key);
  const { site, name, scopes, days } = key;
  if ((await liveKey(deps.reader, site, name)) !== undefined) throw nameInUse();
  const now = deps.clock.now();
  const secret = PREFIX + Buffer.from(deps.random(SECRET_BYTES)).toString('base64url');
  const row: ApiKeyRow = {
    id: deps.ids.uuid(),
    version: 1,
    name,
    secretSha256: digestOf(secret),
    scopes,
    createdAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + days * DAY_MS).toISOString(),
    revokedAt: undefined,
  };
  await commit(deps, site, 0, row, 'C');
  return { row, secret };
}

async function revokeKey(deps: ApiKeysDeps, site: string, name: string): Promise<ApiKeyRow> {
  const row = await liveKey(deps.reader, site, name);
  if (row === undefined) throw new NeuroInsightError('not-found', 'there is no key of this name');
  const revoked = { ...row, version: row.version + 1, revokedAt: deps.clock.now().toISOString() };
  await commit(deps, site, row.version, revoked, 'D');
  return revoked;
}

async function commit(deps: ApiKeysDeps, site: string, expected: number, row: ApiKeyRow, action: 'C' | 'D') {
  const principal = { ...SOFTWARE, site };
  const interaction = action === 'C' ? 'api-key/create' : 'api-key/revoke';
  const entities = [`urn:uuid:${row.id}`];
  const audit = deps.audit === undefined ? [] : [deps.audit.rowOf({ principal, action, interaction, entities })];
  await deps.ledger.commit({ site, apiKeys: [{ expected, row }], audit });
}

async function liveKey(reader: ApiKeyReader, site: string, name: string): Promise<ApiKeyRow | undefined> {
  return (await reader.list(site)).find((row) => row.name === name && row.revokedAt === undefined);
}

function refuseMalformed({ name, scopes, days }: NewApiKey): void {
  if (!NAME.test(name)) {
    throw invalid('the name of a key is 1 to 64 letters, digits, blanks, dots, hyphens or underscores');
  }
  if (!(Number.isInteger(days) && days >= 1 && days <= MOST_DAYS)) throw invalid(`days is 1 to ${MOST_DAYS}`);
  if (scopes.trim() === '' || scopes.length > LONGEST_SCOPES) {
    throw invalid(`scopes are needed, at most ${LONGEST_SCOPES} characters`);
  }
  if (malformedScope(scopes) !== undefined) {
    throw invalid('a scope is written like system/Patient.rs, system/*.cruds or neuroinsight/metrics.r');
  }
}

const unauthenticated = (message: string): NeuroInsightError => new NeuroInsightError('unauthenticated', message);
const invalid = (message: string): NeuroInsightError => new NeuroInsightError('invalid-request', message);
const nameInUse = (): NeuroInsightError => new NeuroInsightError('conflict', 'a key of this name is in use');
