import { z } from 'zod';
import { AUDIT_MINIMUM_DAYS } from './retention/rules.ts';

/** The sections of the configuration about what is kept, for how long, and under which key. */

const path = (meaning: string) => z.string().min(1).nullable().describe(meaning);
const days = (what: string) => z.int().min(0).max(36_500).describe(`days that ${what} are kept; 0: for ever`);

export const Storage = z.strictObject({
  dataDir: z.string().min(1).describe('folder of the database and the stored instances; one server works on it'),
  minimumFreeMiB: z
    .int()
    .min(0)
    .max(2 ** 30)
    .describe('free space below which stores are refused with 507'),
  quotaMiB: z
    .int()
    .min(0)
    .max(2 ** 40)
    .describe('most that the stored instances of a site may take; beyond it stores are refused with 507; 0: no limit'),
  witnessFile: path('file outside the data folder that remembers how far the log was, so that old data is noticed'),
  archiveDir: path('folder of the slow store, where the packs of old studies go; unset: none'),
  archiveAfterDays: z.int().min(1).max(36_500).describe('a study goes to the slow store when nothing came for so long'),
  scrubMiBPerSecond: z.int().min(1).max(10_000).describe('how fast the scrub reads what is stored'),
  scrubDays: z.int().min(1).max(3650).describe('every stored byte is read and checked once in so many days'),
});

/** One KEK at most; the key itself is never in a setting. */
export const Keys = z.strictObject({
  kekFile: path('file of mode 0600 with the key-encryption key (KEK): base64 of 32 bytes; not in the data folder'),
  kekEnvironment: path('name of the environment variable that holds the KEK, base64 of 32 bytes'),
  kekCommand: path('program, with arguments separated by blanks, that prints the KEK, base64 of 32 bytes'),
  vaultUrl: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .describe('address of a HashiCorp Vault whose Transit engine wraps the KEK'),
  vaultMount: z.string().min(1).describe('where the Transit engine is mounted'),
  vaultKey: path('name of the Transit key'),
  vaultTokenFile: path('file of mode 0600 with the Vault token'),
  awsKmsKeyId: path('id or ARN of the AWS KMS key that wraps the KEK'),
  awsRegion: path('AWS region of the key'),
  awsKmsUrl: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .describe('address of AWS KMS; unset: that of the region'),
  awsCredentialsFile: path('file of mode 0600: JSON of accessKeyId, secretAccessKey and perhaps sessionToken'),
  previousKekFile: path('while a rotation lasts: file of the KEK before'),
  previousKekEnvironment: path('while a rotation lasts: name of the environment variable of the KEK before'),
});

/** See retention/rules.ts, which these are checked by. */
export const Retention = z.strictObject({
  sourceDays: days('source instances, counted from the last that came and the last run'),
  resultDays: days('results, in DICOM and FHIR, with their runs'),
  runDays: days('runs without a result'),
  auditDays: days('rows of the audit, at least 2192').refine(
    (value) => value === 0 || value >= AUDIT_MINIMUM_DAYS,
    `0 (for ever) or at least ${AUDIT_MINIMUM_DAYS}`,
  ),
  deletedResourceDays: days('deleted resources, with their history,'),
});

export const Backup = z.strictObject({
  repository: path('folder of the backups, on another disk; unset: none is made by itself'),
  everyHours: z.int().min(1).max(8760).describe('time between two backups'),
  keep: z.int().min(1).max(100_000).describe('backups that are kept; older ones are removed after each new one'),
});
