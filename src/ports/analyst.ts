import type { AnalysisResult } from '../domain/result.ts';
import type { InstanceRow } from './dicom-index.ts';

export interface AnalysisRequest {
  /** Every instance of the study that may be measured; the analyst reads their bytes from the blob store. */
  readonly instances: readonly InstanceRow[];
  /** Date of the results unless an equal analysis is known already. */
  readonly date: string;
  /** Date of an earlier run with equal inputs, so that a repetition changes no byte. */
  readonly dateOfEarlierRun: (analysisKey: string) => Promise<string | undefined>;
}

export interface AnalysisOutcome {
  readonly result: AnalysisResult;
  /** measurements.json, labels.nii.gz, parts.nii.gz, seg.dcm, sr.dcm, report.pdf, report.dcm, bundle.json, overlay.png, overlay/NN.dcm. */
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** Milliseconds by step. */
  readonly times: Readonly<Record<string, number>>;
}

/** Measures one study outside the event loop. Throws what `analyseStudy` throws; cancelled when the signal says so. */
export interface Analyst {
  analyse(
    request: AnalysisRequest,
    onProgress: (step: string, fraction: number) => void,
    signal: AbortSignal,
  ): Promise<AnalysisOutcome>;
  /** Loads what the first study would otherwise wait for. */
  prepare?(): void;
  /** Changes when a run of the same instances would give other results: model digest and software version. */
  readonly fingerprint: string;
  /** Resident bytes of the processes and threads that measure; undefined while there is none. */
  residentBytes(): number | undefined;
  close(): Promise<void>;
}
