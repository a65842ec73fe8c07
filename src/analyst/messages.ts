import type { ErrorKind } from '../domain/errors.ts';
import type { AnalysisResult } from '../domain/result.ts';
import type { InstanceRow } from '../ports/index.ts';
import type { PackAccess } from '../storage/blobs/open-packs.ts';

/** What the thread is started with: plain data, since it opens everything itself but packs. */
export interface AnalysisThreadData {
  readonly dataDir: string;
  readonly modelDir: string;
  readonly normsFile: string;
  readonly fonts: { readonly regular: string; readonly bold: string };
  readonly threads: number;
  readonly inferenceTimeoutSeconds: number;
  readonly inferenceMemoryMiB: number;
  readonly softwareVersion: string;
}

export type ToThread =
  | {
      readonly kind: 'analyse';
      readonly id: number;
      readonly instances: readonly InstanceRow[];
      /** What opens the packs that these instances lie in, and nothing else. */
      readonly packs: readonly PackAccess[];
      readonly date: string;
    }
  | { readonly kind: 'earlier-date'; readonly id: number; readonly date: string | undefined }
  | { readonly kind: 'prepare' }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'close' };

export type FromThread =
  | { readonly kind: 'progress'; readonly id: number; readonly step: string; readonly fraction: number }
  | { readonly kind: 'ask-earlier-date'; readonly id: number; readonly analysisKey: string }
  | {
      readonly kind: 'done';
      readonly id: number;
      readonly result: AnalysisResult;
      readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
      readonly times: Readonly<Record<string, number>>;
    }
  /** `errorKind` is undefined for a defect: its words are for the log alone. */
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly errorKind: ErrorKind | undefined;
      readonly message: string;
    };
