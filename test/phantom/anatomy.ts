import type { AnatomyParameters, TissueSignals } from './anatomy-parameters.ts';
import { brainSignal } from './brain.ts';
import { deepSignal, type Ventricles, ventriclesOf } from './deep-structures.ts';
import { type Envelope, envelopeAt, skinDistance } from './envelope.ts';
import { type HippocampusPoint, type HippocampusShape, hippocampusLocator } from './hippocampus.ts';
import { outerSignal } from './outer-head.ts';
import { coverage } from './shapes.ts';
import { temporalSignal } from './temporal-lobe.ts';

// Taken out once: every look-up of a global is slow in the realm that tests run in.
const { abs } = Math;

/**
 * A head that can be asked at one point after another (template mm, x to the left, y to the back, z up):
 * `moveTo` first, then what is wanted there.
 */
export interface AnatomyField {
  moveTo(x: number, y: number, z: number): void;
  /** Signal of a sample of width `width` mm around the point, white matter = 1. */
  signal(width: number): number;
  /** 0 outside, 1 to 4 a hippocampal part, 5 elsewhere inside the skull. */
  label(): number;
  /** Distance to the inner table of the skull, mm, negative inside. */
  intracranialDistance(): number;
  /** Distance to the surface of the nearer hippocampus, mm; large far away. */
  hippocampusDistance(): number;
  /** About the distance to the skin, mm, at any point; `moveTo` is not needed. */
  skinDistance(x: number, y: number, z: number): number;
}

/** Half of the box, mirrored to both sides, in which a hippocampus is looked for. */
const BOX = { x: 25, y: 22, z: -12, a: 20, b: 36, c: 24 };

/** @param mirrored The patient is the template's mirror image: what lies at positive template x is a right part. */
export function anatomyField(
  parameters: AnatomyParameters,
  signals: TissueSignals,
  leftShape: HippocampusShape,
  rightShape: HippocampusShape,
  mirrored = false,
): AnatomyField {
  const e: Envelope = { intracranial: 0, cerebrum: 0, cerebellum: 0, stem: 0 };
  const h: HippocampusPoint = { t: 0, level: 99, distance: 99, lateral: 0, up: 0 };
  const locateLeft = hippocampusLocator(leftShape);
  const locateRight = hippocampusLocator(rightShape);
  const ventricles: Ventricles = ventriclesOf(parameters);
  // An array, since numbers of the enclosing scope would be allocated anew at every move.
  const at = new Float64Array(3);

  return {
    moveTo(x, y, z) {
      at[0] = x;
      at[1] = y;
      at[2] = z;
      envelopeAt(parameters, x, y, z, e);
      h.distance = 99;
      h.level = 99;
      if (abs(y - BOX.y) > BOX.b || abs(z - BOX.z) > BOX.c || abs(abs(x) - BOX.x) > BOX.a) return;
      if (x > 0) locateLeft(x, y, z, h);
      else locateRight(-x, y, z, h);
    },
    signal(width) {
      const x = at[0]!;
      const y = at[1]!;
      const z = at[2]!;
      const inside = coverage(e.intracranial, width);
      const outer = inside < 1 ? outerSignal(parameters, signals, x, y, z, e.intracranial, width) : 0;
      if (inside === 0) return outer;
      let inner = brainSignal(parameters, signals, x, y, z, e, h.distance, width);
      inner = deepSignal(ventricles, signals, x, y, z, width, inner);
      if (h.level < 99) {
        const side = x > 0 ? parameters.left : parameters.right;
        inner = temporalSignal(side, signals, abs(x), y, z, h, width, inner);
      }
      return outer + (inner - outer) * inside;
    },
    label() {
      const left = at[0]! > 0;
      if (h.level <= 1) return (left === mirrored ? 3 : 1) + (h.t < (left ? leftShape : rightShape).split ? 0 : 1);
      return e.intracranial <= 0 ? 5 : 0;
    },
    intracranialDistance: () => e.intracranial,
    hippocampusDistance: () => h.distance,
    skinDistance: (px, py, pz) => skinDistance(parameters, px, py, pz),
  };
}
