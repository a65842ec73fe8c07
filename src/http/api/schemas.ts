import { z } from 'zod';

const Instant = z.iso.datetime({ precision: 3 }).describe('FHIR instant in UTC');
const Uuid = z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'a UUID in lower case');
const Uid = z
  .string()
  .max(64)
  .regex(/^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+$/, 'a DICOM UID')
  .describe('DICOM UID (PS3.5 chapter 9)');
const Name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens');

export const RUN_STATES = ['queued', 'running', 'built', 'completed', 'refused', 'dead', 'cancelled'] as const;
export const DELIVERY_STATES = ['pending', 'delivered', 'dead'] as const;
const LONGEST_PAGE = 1000;
const DEFAULT_PAGE = 50;

const wholeNumber = (text: string) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'a whole number')
    .transform(Number)
    .describe(text);

const paging = {
  limit: wholeNumber(`rows a page, at most ${LONGEST_PAGE}`)
    .refine((limit) => limit >= 1 && limit <= LONGEST_PAGE, `1 to ${LONGEST_PAGE}`)
    .prefault(String(DEFAULT_PAGE)),
  offset: wholeNumber('rows to pass over').prefault('0'),
};

export const RunRequest = z.strictObject({ studyInstanceUid: Uid });
export const RunParams = z.strictObject({ id: Uuid });
export const FileParams = z.strictObject({
  id: Uuid,
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'the name of a file')
    .describe('as in links.files'),
});
export const RunListQuery = z.strictObject({
  state: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(RUN_STATES)))
    .optional()
    .describe(`one or more of ${RUN_STATES.join(', ')}, separated by commas`),
  studyInstanceUid: Uid.optional(),
  ...paging,
});

const Failure = z.strictObject({
  kind: z.string().describe('named reason'),
  message: z.string().describe('one line for people, about no patient'),
});
const RunResult = z.strictObject({
  analysisKey: z.string(),
  segSopInstanceUid: Uid,
  srSopInstanceUid: Uid,
  pdfSopInstanceUid: Uid,
  diagnosticReport: z.string().describe('DiagnosticReport/ID'),
  patient: z.string().describe('Patient/ID'),
  leftVolumeMm3: z.number(),
  rightVolumeMm3: z.number(),
  qualityVerdict: z.string(),
});
const Link = z.strictObject({ name: z.string(), href: z.url(), contentType: z.string() });

export const Run = z.strictObject({
  id: Uuid,
  studyInstanceUid: Uid,
  state: z.enum(RUN_STATES),
  cause: z.enum(['quiet', 'request']),
  step: z.string().nullable(),
  percent: z.number().min(0).max(100),
  attempt: z.int().min(0),
  cancelRequested: z.boolean(),
  createdAt: Instant,
  notBefore: Instant,
  startedAt: Instant.nullable(),
  finishedAt: Instant.nullable(),
  failure: Failure.nullable(),
  result: RunResult.nullable(),
  links: z.strictObject({
    self: z.url(),
    log: z.url(),
    events: z.url(),
    study: z.url(),
    report: z.url().nullable(),
    files: z.array(Link),
  }),
});
export const RunList = z.strictObject({ total: z.int(), runs: z.array(Run) });
export const RunLog = z.strictObject({
  lines: z.array(z.strictObject({ at: Instant, level: z.enum(['info', 'warn', 'error']), message: z.string() })),
});

export const DestinationParams = z.strictObject({ name: Name });
export const DestinationView = z.strictObject({
  name: Name,
  kind: z.enum(['dicomweb', 'fhir']),
  url: z.url().describe('without credentials'),
  profile: z.enum(['transaction', 'conditional-creates']).nullable(),
  pending: z.int().describe('deliveries that wait; at most 1000 are counted'),
  dead: z.int().describe('deliveries that were given up; at most 1000 are counted'),
});
export const DestinationList = z.strictObject({ destinations: z.array(DestinationView) });

export const DeliveryParams = z.strictObject({ id: Uuid });
export const DeliveryListQuery = z.strictObject({
  destination: Name.optional(),
  state: z.enum(DELIVERY_STATES).optional(),
  ...paging,
});
export const Delivery = z.strictObject({
  id: Uuid,
  destination: Name,
  runId: Uuid,
  kind: z.enum(['dicom', 'fhir']),
  state: z.enum(DELIVERY_STATES),
  attempt: z.int(),
  createdAt: Instant,
  notBefore: Instant,
  deliveredAt: Instant.nullable(),
  lastError: z.string().nullable(),
});
export const DeliveryList = z.strictObject({ deliveries: z.array(Delivery) });

export const SiteList = z.strictObject({
  sites: z.array(z.strictObject({ name: z.string(), title: z.string() })),
});
export const WhoAmI = z.strictObject({
  kind: z.enum(['api-key', 'administrator', 'job', 'anonymous']),
  id: z.string(),
  name: z.string(),
  site: z.string(),
  scopes: z.array(z.string()),
});
export const HealthDetail = z.strictObject({
  ready: z.boolean(),
  at: Instant,
  checks: z.record(
    z.string(),
    z.object({
      ok: z.boolean(),
      detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    }),
  ),
});
export const OpenApiDocument = z.looseObject({ openapi: z.string() });

export const ProblemDetails = z
  .strictObject({
    type: z.string().describe('urn:neuroinsight:problem:KIND'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().optional(),
    traceId: z.string().describe('under which the log of the server knows more'),
  })
  .describe('RFC 9457');

/** The schemas that the OpenAPI document names. */
export const NAMED: Readonly<Record<string, z.ZodType>> = {
  Delivery,
  DeliveryList,
  Destination: DestinationView,
  DestinationList,
  Health: HealthDetail,
  Problem: ProblemDetails,
  Run,
  RunList,
  RunLog,
  RunRequest,
  SiteList,
  WhoAmI,
};
