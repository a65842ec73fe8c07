/** The two networks of the pipeline: `coarse` finds the hippocampi in the head, `fine` outlines one of them. */
export type StageName = 'coarse' | 'fine';

/** A dense float tensor; the LAST dimension is fastest in memory, as in ONNX. */
export interface Tensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** Runs one network on one tensor. Implementations: the child process, and the fakes of the tests. */
export interface Inference {
  /** Throws inference-failed, inference-timeout, cancelled. The caller keeps the ownership of `input`. */
  run(stage: StageName, input: Tensor, signal: AbortSignal): Promise<Tensor>;
  /** Begins to load the networks, which the first run otherwise waits for. */
  prepare?(): void;
  close(): Promise<void>;
}

/** What the child needs before the first tensor: bytes that the parent has already verified. */
export interface LoadMessage {
  readonly kind: 'load';
  readonly models: Readonly<Record<StageName, Uint8Array>>;
  /** Threads inside one operator. */
  readonly threads: number;
}

export interface RunMessage {
  readonly kind: 'run';
  readonly id: number;
  readonly stage: StageName;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export type ParentMessage = LoadMessage | RunMessage;

export type ChildMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly id: number; readonly dims: readonly number[]; readonly data: Float32Array }
  /** The networks could not be loaded, or one run failed; the words are for the server's log. */
  | { readonly kind: 'failed'; readonly id?: number; readonly message: string };
