import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import {
  type Ellipsoid,
  FORMULA_GOLDEN,
  FORMULA_HIPPOCAMPI,
  formulaCard,
  formulaHead,
  formulaInference,
  MODEL_FOLDER,
} from '../../test/harness/formula-head.ts';
import { describeWith, sharedPath } from '../../test/harness/shared-data.ts';
import { HippocampusLabel, LATERALITIES, type Vec3, type Volume } from '../domain/geometry.ts';
import type { Segmentation } from '../domain/segmentation.ts';
import { applyAffine, invertAffine } from '../imaging/affine.ts';
import { toModelSpace, toSourceSpace } from '../imaging/model-space.ts';
import { readNifti } from '../imaging/nifti.ts';
import { measureHippocampi } from '../imaging/volumetry.ts';
import { createSegmenter, openSegmenter } from './onnx-segmenter.ts';

const identity = { name: 'formula', version: '1', sha256: '0'.repeat(64) };
const segmenter = createSegmenter(identity, formulaCard(), formulaInference);
const segment = (volume: Volume): Promise<Segmentation> => segmenter.segment(volume, new AbortController().signal);
const { left: leftBlob, right: rightBlob } = FORMULA_HIPPOCAMPI;

interface GoldenSide {
  readonly coarseCentre: readonly number[];
  readonly start: readonly number[];
  readonly voxels: number;
  readonly sums: readonly number[];
  readonly lines: readonly (readonly number[])[];
}

describe('the pipeline', () => {
  const golden = JSON.parse(readFileSync(FORMULA_GOLDEN, 'utf8')) as {
    midline: number;
    intracranialMm3: number;
    left: GoldenSide;
    right: GoldenSide;
  };

  it('comes to the numbers of the reference in src/training, box by box and voxel by voxel', async () => {
    const head = formulaHead();
    const answer = await segment(head);
    const [ni, nj] = head.shape;
    // LPS x of RAS voxel x: the volume's i runs the other way.
    expect(answer.diagnostics.midlineX).toBeCloseTo(head.affine[3] + ni - 1 - golden.midline, 4);
    expect(answer.intracranialVolumeMm3 / golden.intracranialMm3).toBeCloseTo(1, 5);
    for (const side of LATERALITIES) {
      const { origin, shape, anterior, posterior } = answer[side];
      const wanted = golden[side];
      const ras = [ni - shape[0] - origin[0], nj - shape[1] - origin[1], origin[2]];
      expect(ras).toEqual(wanted.start);
      const sums = [anterior, posterior].map((part) => part.reduce((sum, p) => sum + p, 0));
      for (const part of [0, 1]) expect(sums[part]! / wanted.sums[part]!).toBeCloseTo(1, 5);
      const line = (part: Float32Array, place: (n: number) => Vec3, length: number): number[] =>
        Array.from({ length }, (_, n) => {
          const [x, y, z] = place(n);
          return part[shape[0] - 1 - x + shape[0] * (shape[1] - 1 - y + shape[1] * z)]!;
        });
      const lines = [anterior, posterior].flatMap((part) => [
        line(part, (n) => [n, 26, 16], shape[0]),
        line(part, (n) => [16, n, 16], shape[1]),
        line(part, (n) => [16, 26, n], shape[2]),
      ]);
      const departure = lines.flatMap((values, row) => values.map((p, n) => Math.abs(p - wanted.lines[row]![n]!)));
      expect(Math.max(...departure)).toBeLessThan(2e-5);
    }
  });

  it('finds each label where its ellipsoid lies, front part in front', async () => {
    const head = formulaHead();
    const labels = toSourceSpace(await segment(head), head);
    const centreOf = (wanted: readonly number[]): Vec3 => {
      const sum = [0, 0, 0, 0];
      const [ni, nj] = labels.shape;
      labels.data.forEach((label, at) => {
        if (!wanted.includes(label)) return;
        const place = applyAffine(labels.affine, [at % ni, Math.floor(at / ni) % nj, Math.floor(at / (ni * nj))]);
        place.forEach((mm, axis) => {
          sum[axis]! += mm;
        });
        sum[3]!++;
      });
      return [sum[0]! / sum[3]!, sum[1]! / sum[3]!, sum[2]! / sum[3]!];
    };
    const lpsOf = ({ centre: [x, y, z] }: Ellipsoid): Vec3 =>
      applyAffine(head.affine, [head.shape[0] - 1 - x, head.shape[1] - 1 - y, z]);
    const { leftAnterior, leftPosterior, rightAnterior, rightPosterior } = HippocampusLabel;
    for (const [parts, blob] of [
      [[leftAnterior, leftPosterior], leftBlob],
      [[rightAnterior, rightPosterior], rightBlob],
    ] as const) {
      const centre = centreOf(parts);
      for (const axis of [0, 1, 2]) expect(Math.abs(centre[axis]! - lpsOf(blob)[axis]!)).toBeLessThan(0.5);
      // LPS y grows to the back.
      expect(centreOf([parts[0]])[1]).toBeLessThan(centreOf([parts[1]])[1]);
    }
  });

  it('describes a sure, whole segmentation', async () => {
    const { diagnostics, intracranial, threshold, model } = await segment(formulaHead());
    expect(model).toBe(identity);
    expect(threshold).toBe(0.7);
    expect(diagnostics.touchesCropEdge).toEqual({ left: false, right: false });
    expect(diagnostics.fragmentation).toEqual({ left: 0, right: 0 });
    for (const side of LATERALITIES) {
      expect(diagnostics.peakProbability[side]).toBeGreaterThan(0.9);
      expect(diagnostics.meanProbability[side]).toBeGreaterThan(0.9);
    }
    const inside = applyAffine(invertAffine(intracranial.affine), [-31.5 + 48, -70 + 56, 12.25 + 50]).map(Math.round);
    expect(intracranial.probability[inside[0]! + 32 * (inside[1]! + 32 * inside[2]!)]).toBeGreaterThan(0.9);
  });

  const axisOrders = [0, 1, 2].flatMap((a) =>
    [0, 1, 2].filter((b) => b !== a).flatMap((b) => [0, 1, 2, 3, 4, 5, 6, 7].map((flips) => ({ a, b, flips }))),
  );
  it('measures the same sides in all 48 axis orders of the source', async () => {
    const head = formulaHead();
    expect(axisOrders).toHaveLength(48);
    const answer = await segment(head);
    const expected = measureHippocampi(toSourceSpace(answer, head));
    expect(expected.left.volumeMm3).toBeGreaterThan(1.2 * expected.right.volumeMm3);
    for (const [n, { a, b, flips }] of axisOrders.entries()) {
      const stored = reordered(head, [a, b, 3 - a - b], flips);
      // The same model volume gives the same answer: it need not be asked for 48 times.
      const model = toModelSpace(stored);
      expect(model.affine).toEqual(head.affine);
      expect(Buffer.compare(Buffer.from(model.data.buffer), Buffer.from(head.data.buffer))).toBe(0);
      // Carrying labels back is promised, in every order, by the tests of that step; here every fifth shows the chain.
      if (n % 5 === 0) expect(measureHippocampi(toSourceSpace(answer, stored))).toEqual(expected);
    }
  });

  const moved = (blob: Ellipsoid, centre: Vec3, half: Vec3 = blob.half): Ellipsoid => ({ centre, half });
  it.each([
    ['one side is missing', [rightBlob], /no left hippocampus/],
    ['the other side is missing', [leftBlob], /no right hippocampus/],
    ['one lies at the midline', [moved(leftBlob, [39, 52, 44], [3, 14, 6]), rightBlob], /left.*mm from the midline/],
    ['one is far too small', [leftBlob, moved(rightBlob, [71, 54, 43], [4, 5, 4])], /right.*measures \d+ mm3/],
    ['one is far too large', [leftBlob, moved(rightBlob, [70, 54, 43], [11, 18, 11])], /right.*measures \d+ mm3/],
  ])('refuses by name when %s', async (_, blobs, message) => {
    await expect(segment(formulaHead(blobs))).rejects.toMatchObject({
      kind: 'no-hippocampus',
      message: expect.stringMatching(message),
    });
  });

  it('refuses an image of nothing', async () => {
    const head = formulaHead();
    await expect(segment({ ...head, data: new Float32Array(head.data.length) })).rejects.toMatchObject({
      kind: 'no-hippocampus',
      message: 'no head was found in the image',
    });
  });

  it('treats a volume outside model space as a defect of its caller', async () => {
    const head = formulaHead();
    const mirrored = { ...head, affine: [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] as const };
    await expect(segment(mirrored)).rejects.toThrow(TypeError);
  });

  it('hands an abort on to the networks', async () => {
    const seen: boolean[] = [];
    const watching = createSegmenter(identity, formulaCard(), {
      ...formulaInference,
      run: (stage, input, signal) => {
        seen.push(signal.aborted);
        return formulaInference.run(stage, input, signal);
      },
    });
    const controller = new AbortController();
    controller.abort();
    await watching.segment(formulaHead(), controller.signal);
    expect(seen.length).toBeGreaterThan(5);
    expect(seen.every(Boolean)).toBe(true);
  });

  it('refuses networks whose answers have another shape', async () => {
    const odd = createSegmenter(identity, formulaCard(), {
      ...formulaInference,
      run: async () => ({ dims: [1, 4, 8, 8, 8], data: new Float32Array(2048) }),
    });
    await expect(odd.segment(formulaHead(), new AbortController().signal)).rejects.toMatchObject({
      kind: 'model-integrity',
    });
  });
});

/** The same head stored with other axes: axis n of the result runs along axis order[n], backwards where flips say so. */
function reordered(volume: Volume, order: readonly number[], flips: number): Volume {
  const [a, b, c] = order as [number, number, number];
  const shape: Vec3 = [volume.shape[a]!, volume.shape[b]!, volume.shape[c]!];
  const data = new Float32Array(volume.data.length);
  const affine = [...volume.affine];
  const source = [0, 0, 0];
  const last = shape.map((n, axis) => ((flips >> axis) & 1 ? n - 1 : 0));
  const sign = last.map((n) => (n > 0 ? -1 : 1));
  let at = 0;
  for (let k = 0; k < shape[2]; k++) {
    for (let j = 0; j < shape[1]; j++) {
      for (let i = 0; i < shape[0]; i++) {
        source[a] = last[0]! + sign[0]! * i;
        source[b] = last[1]! + sign[1]! * j;
        source[c] = last[2]! + sign[2]! * k;
        data[at++] = volume.data[source[0]! + volume.shape[0] * (source[1]! + volume.shape[1] * source[2]!)]!;
      }
    }
  }
  for (const row of [0, 4, 8]) {
    order.forEach((from, axis) => {
      affine[row + axis] = volume.affine[row + from]! * sign[axis]!;
      affine[row + 3]! += volume.affine[row + from]! * last[axis]!;
    });
  }
  return { shape, affine: affine as unknown as Volume['affine'], data };
}

describeWith([{ shared: 'data/heads/hippodeep_example_t1.nii.gz' }], 'the shipped model on a real head', () => {
  it('measures both hippocampi in a child process', async () => {
    const opened = await openSegmenter({ modelDir: fileURLToPath(MODEL_FOLDER), threads: 1 });
    try {
      const head = readNifti(readFileSync(sharedPath('data/heads/hippodeep_example_t1.nii.gz')!));
      const answer = await opened.segment(toModelSpace(head), new AbortController().signal);
      expect(answer.model.sha256).toMatch(/^[0-9a-f]{64}$/);
      const measured = measureHippocampi(toSourceSpace(answer, head));
      for (const side of LATERALITIES) {
        expect(measured[side].volumeMm3).toBeGreaterThan(2300);
        expect(measured[side].volumeMm3).toBeLessThan(4500);
      }
      expect(answer.intracranialVolumeMm3).toBeGreaterThan(1.1e6);
      expect(answer.intracranialVolumeMm3).toBeLessThan(2e6);
      // Left voxels lie on the patient's left, x of LPS above the midline.
      const { origin, shape } = answer.left;
      const [x] = applyAffine(answer.modelGrid.affine, [origin[0] + shape[0] / 2, 0, 0]);
      expect(x).toBeGreaterThan(answer.diagnostics.midlineX);
    } finally {
      await opened.close();
    }
  });
});
