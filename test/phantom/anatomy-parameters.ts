/** Everything about one head that is not a hippocampus. Template mm; `left` and `right` where the sides differ. */
export interface AnatomyParameters {
  readonly cranium: readonly [number, number, number];
  readonly temporal: readonly [number, number, number];
  /** CSF between the brain and the skull, and how far the ventricles are widened. */
  readonly gap: number;
  readonly ventricles: number;
  readonly greyThickness: number;
  readonly sulcusWidth: number;
  readonly sulcusDepth: number;
  /** Wave number (1/mm) and phases of the folding. */
  readonly folding: number;
  readonly phases: readonly [number, number, number, number];
  readonly skull: number;
  readonly scalp: number;
  /** Asymmetry: mm by which the left side is longer at the back and the right at the front. */
  readonly torque: number;
  readonly left: SideParameters;
  readonly right: SideParameters;
}

export interface SideParameters {
  /** Thickness of the temporal horn over the hippocampus, mm. */
  readonly horn: number;
  readonly fimbria: number;
  readonly amygdala: readonly [number, number, number];
  /** Depth of the grey bridge between hippocampus and parahippocampal gyrus (subiculum). */
  readonly subiculum: number;
  readonly collateral: number;
}

/** Signal of each tissue; white matter of a T1 image is 1. */
export interface TissueSignals {
  readonly air: number;
  readonly skin: number;
  readonly fat: number;
  readonly muscle: number;
  readonly bone: number;
  readonly marrow: number;
  readonly csf: number;
  readonly grey: number;
  readonly hippocampus: number;
  readonly amygdala: number;
  readonly white: number;
  readonly thalamus: number;
  readonly striatum: number;
  readonly pallidum: number;
  readonly stem: number;
  readonly vitreous: number;
}
