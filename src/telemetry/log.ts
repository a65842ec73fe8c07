import { types } from 'node:util';
import { type DestinationStream, pino } from 'pino';
import type { Log, LogFields, Tracing } from '../ports/index.ts';

/**
 * The fields that a line may carry; whatever else is handed in is dropped. None of them can be about a patient: no
 * names, no identifiers of DICOM or FHIR, no addresses of requests, no file names, no texts of others.
 */
const FIELDS: ReadonlySet<string> = new Set([
  // requests
  'method',
  'route',
  'status',
  'seconds',
  'aborted',
  'refusals',
  // runs, jobs, deliveries, pulls
  'runId',
  'job',
  'step',
  'percent',
  'state',
  'attempt',
  'destination',
  'deliveryId',
  'source',
  'instances',
  'refused',
  'expected',
  'kind',
  // the server itself
  'version',
  'host',
  'port',
  'publicUrl',
  'roles',
  'signal',
  'site',
  'count',
  'bytes',
  'packs',
  'migration',
  'reason',
  'check',
]);

const LONGEST_VALUE = 200;
const MOST_FRAMES = 6;
/** `at f (file:///a/b/c.ts:1:2)`: of the place only the file's name and the line are kept, and no function's name. */
const FRAME = /^ {4}at .*?([\w.-]{1,80}:\d{1,7}):\d{1,7}\)?$/;

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly tracing: Pick<Tracing, 'current'>;
  /** Standard output when absent. */
  readonly destination?: DestinationStream;
}

/** One JSON object a line: time, level, traceId, msg, and the fields of the allow-list. */
export function createLog({ level, tracing, destination }: LogOptions): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    mixin: () => ({ traceId: tracing.current().traceId }),
  };
  const logger = destination === undefined ? pino(options) : pino(options, destination);
  return {
    info: (message, fields) => logger.info(permitted(fields), message),
    warn: (message, fields) => logger.warn(permitted(fields), message),
    error: (message, fields) => logger.error(permitted(fields), message),
  };
}

function permitted(fields: LogFields = {}): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (isError(value)) Object.assign(kept, ofError(value));
    else if (FIELDS.has(name) && isPlain(value)) kept[name] = typeof value === 'string' ? short(value) : value;
  }
  return kept;
}

/** An abort is a DOMException, which is no native error. */
const isError = (value: unknown): value is Error => types.isNativeError(value) || value instanceof Error;
const isPlain = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);
const short = (text: string): string => (text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}...` : text);

/**
 * What an error was and where it came from. Its text is left out: others wrote it, and it may repeat what it was
 * thrown about. So is a `code` or `name` that does not look like one.
 */
function ofError(error: Error): Record<string, unknown> {
  const kind = 'kind' in error ? error.kind : undefined;
  const code = 'code' in error ? error.code : undefined;
  return {
    error: nameLike(kind) ?? nameLike(error.name) ?? 'Error',
    ...(nameLike(code) === undefined ? {} : { code }),
    ...(isError(error.cause) ? { cause: nameLike(error.cause.name) ?? 'Error' } : {}),
    at: framesOf(error),
  };
}

const nameLike = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_-]{0,47}$/.test(value) ? value : undefined;

/** The message stands in front of the frames and may have lines that look like one: it is cut off by its length. */
function framesOf(error: Error): readonly string[] {
  const { stack, message } = error;
  if (typeof stack !== 'string') return [];
  const start = message === '' ? 0 : stack.indexOf(message);
  if (start < 0) return [];
  const frames = stack.slice(start + message.length).split('\n');
  return frames.flatMap((line) => FRAME.exec(line)?.[1] ?? []).slice(0, MOST_FRAMES);
}
