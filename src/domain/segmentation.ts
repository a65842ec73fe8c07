import type { Grid, Vec3 } from './geometry.ts';

/** Who segmented: a result says exactly which weights made it. */
export interface ModelIdentity {
  readonly name: string;
  readonly version: string;
  /** sha256 over the sorted lines of SHA256SUMS: one digest for all files of the model. */
  readonly sha256: string;
}

/** Probabilities of one hippocampus in a box of whole voxels of the model grid; i fastest. */
export interface SideProbabilities {
  /** Index of the box's first voxel in the model grid; may be negative where the box leaves the volume. */
  readonly origin: Vec3;
  readonly shape: Vec3;
  readonly anterior: Float32Array;
  readonly posterior: Float32Array;
}

export interface SegmentationDiagnostics {
  /** LPS x of the mid-sagittal plane, mm. */
  readonly midlineX: number;
  /** Highest whole-hippocampus probability of the fine stage, a side. */
  readonly peakProbability: Readonly<Record<'left' | 'right', number>>;
  /** Mean probability inside the thresholded hippocampus, a side; low means unsure. */
  readonly meanProbability: Readonly<Record<'left' | 'right', number>>;
  /** True where the segmented component touches the face of its crop: the volume may be cut. */
  readonly touchesCropEdge: Readonly<Record<'left' | 'right', boolean>>;
  /** Share of the segmented probability mass outside the largest component, a side. */
  readonly fragmentation: Readonly<Record<'left' | 'right', number>>;
}

/** What the segmenter says about one volume in model space (1 mm isotropic, axes exactly R->L, A->P, I->S = LPS). */
export interface Segmentation {
  readonly model: ModelIdentity;
  /** Whole-hippocampus probability at and above which a voxel belongs to it; calibrated, from the model card. */
  readonly threshold: number;
  readonly modelGrid: Grid;
  readonly left: SideProbabilities;
  readonly right: SideProbabilities;
  /** Probability of being inside the skull, on a coarser grid of its own. */
  readonly intracranial: Grid & { readonly probability: Float32Array };
  readonly intracranialVolumeMm3: number;
  readonly diagnostics: SegmentationDiagnostics;
}
