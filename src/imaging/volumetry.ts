import type { LabelVolume, Laterality } from '../domain/geometry.ts';
import { HippocampusLabel } from '../domain/geometry.ts';
import { voxelVolumeOf } from './affine.ts';

export interface HippocampusVolume {
  readonly voxelCount: number;
  /** Voxel count times voxel volume on the grid of the labels (DCM 126030), mm3; anterior plus posterior. */
  readonly volumeMm3: number;
  readonly anteriorVolumeMm3: number;
  readonly posteriorVolumeMm3: number;
}

export type HippocampalVolumes = Readonly<Record<Laterality, HippocampusVolume>>;

/** Volume of each hippocampus and its parts, by the patient's side. A side without voxels measures 0. */
export function measureHippocampi(labels: LabelVolume): HippocampalVolumes {
  const counts = new Uint32Array(256);
  for (let at = 0; at < labels.data.length; at++) counts[labels.data[at]!]!++;
  const voxelMm3 = voxelVolumeOf(labels.affine);
  const side = (anterior: number, posterior: number): HippocampusVolume => ({
    voxelCount: counts[anterior]! + counts[posterior]!,
    volumeMm3: (counts[anterior]! + counts[posterior]!) * voxelMm3,
    anteriorVolumeMm3: counts[anterior]! * voxelMm3,
    posteriorVolumeMm3: counts[posterior]! * voxelMm3,
  });
  return {
    left: side(HippocampusLabel.leftAnterior, HippocampusLabel.leftPosterior),
    right: side(HippocampusLabel.rightAnterior, HippocampusLabel.rightPosterior),
  };
}
