import type { Volume } from '../domain/geometry.ts';
import type { InstanceHeader, SeriesOfInstances, SliceRef } from '../domain/instance.ts';
import type { ModelIdentity, Segmentation } from '../domain/segmentation.ts';

/** Where a study comes from: a folder, a zip, later the archive or a PACS. The source owns the bytes. */
export interface StudySource {
  /** Headers of every readable instance, by series. Throws nothing-to-read, or what the first bad file deserves. */
  listSeries(): Promise<readonly SeriesOfInstances[]>;
  /** Pixels of one frame after the rescale of its header, rows * columns numbers, row by row. */
  readFrame(slice: SliceRef): Promise<Float32Array>;
  /** Files that were not DICOM, with the reason each; for the log. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  close(): Promise<void>;
}

/** Segments both hippocampi of one head in model space. The implementation owns its process and its limits. */
export interface Segmenter {
  readonly model: ModelIdentity;
  /** Throws no-hippocampus, inference-timeout, inference-failed, cancelled. */
  segment(volume: Volume, signal: AbortSignal): Promise<Segmentation>;
  /** Begins to load what `segment` needs, so that it is there when the volume is. Never throws; may be left out. */
  prepare?(): void;
  close(): Promise<void>;
}

/** Encodes 8-bit pictures. `rgb` is width * height * 3 bytes, top row first. */
export interface ImageEncoder {
  png(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array>;
}

/** An 8-bit grey picture: width * height bytes, top row first. */
export interface GreyPicture {
  readonly grey: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface PictureOptions {
  /** JPEG only, 1 to 100. */
  readonly quality: number;
  /** The picture is scaled to fit into so many pixels, its proportions kept; absent: as it is. */
  readonly fitInto?: { readonly width: number; readonly height: number };
}

/** Encodes pictures for viewing: quickly rather than small, off the event loop. */
export interface PictureEncoder {
  encode(picture: GreyPicture, type: 'image/png' | 'image/jpeg', options: PictureOptions): Promise<Uint8Array>;
}

export interface Clock {
  now(): Date;
}

export * from './analyst.ts';
export * from './api-keys.ts';
export * from './audit-log.ts';
export * from './blobs.ts';
export * from './changes.ts';
export * from './commit.ts';
export * from './destinations.ts';
export * from './dicom-index.ts';
export * from './documents.ts';
export * from './frame-decoder.ts';
export * from './identity.ts';
export * from './keys.ts';
export * from './outbox.ts';
export * from './peer-http.ts';
export * from './resources.ts';
export * from './retention.ts';
export * from './runs.ts';
export * from './telemetry.ts';
export * from './watch.ts';
export type { InstanceHeader, SeriesOfInstances, SliceRef };
