import { NeuroInsightError } from '../domain/errors.ts';
import type { Vec3 } from '../domain/geometry.ts';
import type { Tensor } from './inference.ts';
import type { RasBox } from './ras-space.ts';

/** A RAS box as the networks take it: [1, 1, x, y, z] with z fastest in memory. */
export function toTensor({ shape: [nx, ny, nz], data }: RasBox): Tensor {
  const out = new Float32Array(data.length);
  let at = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) for (let x = 0; x < nx; x++) out[z + nz * (y + ny * x)] = data[at++]!;
  }
  return { dims: [1, 1, nx, ny, nz], data: out };
}

/**
 * One channel of a network's answer [1, channels, x, y, z], cut to `shape` from `offset` on.
 *
 * @throws NeuroInsightError model-integrity where the answer does not have the promised shape
 */
export function channelOf(
  answer: Tensor,
  channel: number,
  full: Vec3,
  offset: Vec3 = [0, 0, 0],
  shape: Vec3 = full,
): RasBox {
  const [nx, ny, nz] = full;
  const isAsPromised = answer.dims.join() === [1, 3, ...full].join() && answer.data.length === 3 * nx * ny * nz;
  if (!isAsPromised) {
    throw new NeuroInsightError('model-integrity', `the network answers ${answer.dims.join(' x ')} numbers`);
  }
  const data = new Float32Array(shape[0] * shape[1] * shape[2]);
  const start = channel * nx * ny * nz;
  let at = 0;
  for (let z = 0; z < shape[2]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let x = 0; x < shape[0]; x++) {
        data[at++] = answer.data[start + z + offset[2] + nz * (y + offset[1] + ny * (x + offset[0]))]!;
      }
    }
  }
  return { shape, data };
}
