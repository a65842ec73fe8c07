import type { ErrorKind } from '../domain/errors.ts';
import type { PixelHeader } from '../domain/instance.ts';

/** To the thread that decodes; the next one when this one is answered. */
export interface FrameToDecode {
  readonly frame: Uint8Array;
  readonly transferSyntaxUid: string;
  readonly pixels: PixelHeader;
}

/** From the thread: the samples, or what was wrong; without a kind it is a defect. */
export type DecodedFrame =
  | { readonly samples: Uint8Array<ArrayBuffer> }
  | { readonly errorKind: ErrorKind | undefined; readonly message: string };
