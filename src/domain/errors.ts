/**
 * Everything foreseen that can go wrong, one kind each. A kind without a row below does not compile.
 * The kind is also the "named reason" that the command line and the run log print.
 */
export type ErrorKind =
  // bytes
  | 'not-dicom'
  | 'truncated'
  | 'malformed-dicom'
  | 'limit-exceeded'
  | 'unsupported-transfer-syntax'
  | 'malformed-pixels'
  | 'not-nifti'
  | 'malformed-nifti'
  | 'malformed-archive'
  // studies
  | 'nothing-to-read'
  | 'no-usable-series'
  | 'mixed-patients'
  | 'mixed-studies'
  | 'no-pixel-data'
  // volumes
  | 'missing-geometry'
  | 'mixed-orientation'
  | 'mixed-frames-of-reference'
  | 'mixed-spacing'
  | 'gantry-tilt'
  | 'slice-gap'
  | 'duplicate-slice'
  | 'too-few-slices'
  | 'non-finite-pixels'
  | 'empty-image'
  | 'poor-geometry'
  // measurement
  | 'no-hippocampus'
  | 'model-integrity'
  | 'inference-failed'
  | 'inference-timeout'
  | 'cancelled'
  // requests
  | 'invalid-request'
  | 'malformed-json'
  | 'invalid-configuration'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'gone'
  | 'method-not-allowed'
  | 'not-acceptable'
  | 'unsupported-media-type'
  | 'too-slow'
  | 'uri-too-long'
  | 'invalid-resource'
  | 'conflict'
  | 'duplicate-instance'
  | 'study-mismatch'
  | 'version-conflict'
  | 'multiple-matches'
  | 'output-exists'
  // resources of the machine and of others
  | 'overloaded'
  | 'storage-full'
  | 'damaged'
  | 'wrong-key'
  | 'in-use'
  | 'on-hold'
  | 'recalling'
  | 'upstream-unavailable'
  | 'upstream-refused';

/** How one kind is told to each world. */
export interface ErrorRow {
  /** HTTP status. */
  readonly status: number;
  /** FHIR R4 OperationOutcome.issue.code (http://hl7.org/fhir/issue-type). */
  readonly issue: string;
  /** DICOM Failure Reason (0008,1197), PS3.18 annex I table I.2-2. */
  readonly failureReason: number;
}

const CANNOT_UNDERSTAND = 0xc000;
const PROCESSING_FAILURE = 0x0110;
const NOT_AUTHORISED = 0x0124;
const OUT_OF_RESOURCES = 0xa700;
const bytes: ErrorRow = { status: 400, issue: 'structure', failureReason: CANNOT_UNDERSTAND };
const study: ErrorRow = { status: 422, issue: 'business-rule', failureReason: PROCESSING_FAILURE };
const ours: ErrorRow = { status: 500, issue: 'exception', failureReason: PROCESSING_FAILURE };

const ROWS: Record<ErrorKind, ErrorRow> = {
  'not-dicom': bytes,
  truncated: bytes,
  'malformed-dicom': bytes,
  'limit-exceeded': { status: 413, issue: 'too-costly', failureReason: OUT_OF_RESOURCES },
  'unsupported-transfer-syntax': { status: 415, issue: 'not-supported', failureReason: 0xc122 },
  'malformed-pixels': bytes,
  'not-nifti': bytes,
  'malformed-nifti': bytes,
  'malformed-archive': bytes,
  'nothing-to-read': { status: 404, issue: 'not-found', failureReason: PROCESSING_FAILURE },
  'no-usable-series': study,
  'mixed-patients': study,
  'mixed-studies': study,
  'no-pixel-data': study,
  'missing-geometry': study,
  'mixed-orientation': study,
  'mixed-frames-of-reference': study,
  'mixed-spacing': study,
  'gantry-tilt': study,
  'slice-gap': study,
  'duplicate-slice': study,
  'too-few-slices': study,
  'non-finite-pixels': study,
  'empty-image': study,
  'poor-geometry': study,
  'no-hippocampus': study,
  'model-integrity': ours,
  'inference-failed': ours,
  'inference-timeout': { status: 504, issue: 'timeout', failureReason: PROCESSING_FAILURE },
  cancelled: { status: 409, issue: 'suppressed', failureReason: PROCESSING_FAILURE },
  'invalid-request': { status: 400, issue: 'invalid', failureReason: CANNOT_UNDERSTAND },
  'malformed-json': bytes,
  'invalid-configuration': ours,
  unauthenticated: { status: 401, issue: 'login', failureReason: NOT_AUTHORISED },
  forbidden: { status: 403, issue: 'forbidden', failureReason: NOT_AUTHORISED },
  'not-found': { status: 404, issue: 'not-found', failureReason: PROCESSING_FAILURE },
  gone: { status: 410, issue: 'deleted', failureReason: PROCESSING_FAILURE },
  'method-not-allowed': { status: 405, issue: 'not-supported', failureReason: PROCESSING_FAILURE },
  'not-acceptable': { status: 406, issue: 'not-supported', failureReason: PROCESSING_FAILURE },
  'unsupported-media-type': { status: 415, issue: 'not-supported', failureReason: CANNOT_UNDERSTAND },
  'uri-too-long': { status: 414, issue: 'too-long', failureReason: CANNOT_UNDERSTAND },
  'too-slow': { status: 408, issue: 'timeout', failureReason: PROCESSING_FAILURE },
  'invalid-resource': { status: 422, issue: 'invariant', failureReason: CANNOT_UNDERSTAND },
  'duplicate-instance': { status: 409, issue: 'duplicate', failureReason: 0x0111 },
  'study-mismatch': { status: 409, issue: 'conflict', failureReason: 0xa901 },
  'version-conflict': { status: 412, issue: 'conflict', failureReason: PROCESSING_FAILURE },
  'multiple-matches': { status: 412, issue: 'multiple-matches', failureReason: PROCESSING_FAILURE },
  conflict: { status: 409, issue: 'conflict', failureReason: 0x0111 },
  'output-exists': { status: 409, issue: 'conflict', failureReason: PROCESSING_FAILURE },
  overloaded: { status: 503, issue: 'throttled', failureReason: OUT_OF_RESOURCES },
  'storage-full': { status: 507, issue: 'no-store', failureReason: OUT_OF_RESOURCES },
  // Bytes or rows that are not what was written: told, never answered.
  damaged: ours,
  'wrong-key': ours,
  // Another server works on the data folder.
  'in-use': { status: 503, issue: 'transient', failureReason: OUT_OF_RESOURCES },
  // A legal hold forbids the deletion.
  'on-hold': { status: 409, issue: 'business-rule', failureReason: PROCESSING_FAILURE },
  // The bytes are being fetched from the archive: ask again.
  recalling: { status: 503, issue: 'transient', failureReason: OUT_OF_RESOURCES },
  'upstream-refused': { status: 502, issue: 'processing', failureReason: PROCESSING_FAILURE },
  'upstream-unavailable': { status: 503, issue: 'transient', failureReason: PROCESSING_FAILURE },
};

/** A foreseen error. The message is written for the caller: one line, no PHI, no path inside the server. */
export class NeuroInsightError extends Error {
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NeuroInsightError';
    this.kind = kind;
  }
}

/** The row of a foreseen error; anything else is a defect and says nothing about itself. */
export function rowFor(error: unknown): ErrorRow {
  return error instanceof NeuroInsightError ? ROWS[error.kind] : ours;
}

/** What a status of somebody else's server means for us: worth another try, or not until somebody changes something. */
export function upstreamError(peer: string, status: number, detail = ''): NeuroInsightError {
  const passing = status === 408 || status === 425 || status === 429 || status >= 500;
  return new NeuroInsightError(
    passing ? 'upstream-unavailable' : 'upstream-refused',
    `${peer} answered ${status}${detail === '' ? '' : `: ${detail}`}`,
  );
}
