import type { ErrorKind } from '../domain/errors.ts';

/**
 * queued -> running -> built -> completed; built: everything stands here, destinations still wait.
 * refused: the input cannot be measured (a named reason, never tried again); dead: three attempts failed;
 * cancelled: on request. A failed attempt goes back to queued with `notBefore`.
 */
export type RunState = 'queued' | 'running' | 'built' | 'completed' | 'refused' | 'dead' | 'cancelled';

export interface RunFailure {
  readonly kind: ErrorKind | 'defect';
  /** One line without PHI. */
  readonly message: string;
}

/** What a finished run made, by the identifiers that others find it with. */
export interface RunResult {
  /** Key of the analysis: equal inputs have one, whatever run made them. */
  readonly analysisKey: string;
  readonly segSopInstanceUid: string;
  readonly srSopInstanceUid: string;
  readonly pdfSopInstanceUid: string;
  /** Relative references: DiagnosticReport/ID. */
  readonly diagnosticReport: string;
  readonly patient: string;
  readonly leftVolumeMm3: number;
  readonly rightVolumeMm3: number;
  readonly qualityVerdict: string;
}

export interface RunRow {
  /** UUID. */
  readonly id: string;
  /** Unique within the site: the same instances with the same model and software are one run. */
  readonly key: string;
  readonly studyInstanceUid: string;
  readonly state: RunState;
  readonly version: number;
  readonly cause: 'quiet' | 'request';
  /** Principal that asked, or `system`. */
  readonly requestedBy: string;
  /** traceparent of the request that made the run. */
  readonly traceparent: string | undefined;
  readonly createdAt: string;
  /** The date of the results; the same in every attempt. */
  readonly date: string;
  readonly notBefore: string;
  /** Raised before the work starts: an attempt that kills the process has been counted. */
  readonly attempt: number;
  /** Fencing: a worker writes only while the row carries its token. */
  readonly leaseToken: string | undefined;
  readonly leaseUntil: string | undefined;
  readonly step: string | undefined;
  /** 0 to 100. */
  readonly percent: number;
  readonly cancelRequested: boolean;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  readonly failure: RunFailure | undefined;
  readonly result: RunResult | undefined;
  /** Where bundle.json, report.pdf and the other files that are no DICOM lie, by name. */
  readonly files: Readonly<Record<string, import('./dicom-index.ts').BlobLocation>>;
}

export interface RunLogLine {
  readonly runId: string;
  readonly at: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

export interface RunQuery {
  readonly state?: readonly RunState[];
  readonly studyInstanceUid?: string;
  readonly limit: number;
  readonly offset: number;
}

export interface RunReader {
  get(site: string, id: string): Promise<RunRow | undefined>;
  findByKey(site: string, key: string): Promise<RunRow | undefined>;
  /** The oldest finished run with this analysis key: it gives later ones its date. */
  findByAnalysisKey(site: string, analysisKey: string): Promise<RunRow | undefined>;
  /** Newest first. */
  list(site: string, query: RunQuery): Promise<{ readonly rows: readonly RunRow[]; readonly total: number }>;
  /** Queued rows whose notBefore has come, and running ones whose lease has run out, oldest first. */
  claimable(now: string, limit: number): Promise<readonly { readonly site: string; readonly row: RunRow }[]>;
  log(site: string, runId: string): Promise<readonly RunLogLine[]>;
  countByState(): Promise<Readonly<Record<RunState, number>>>;
}
