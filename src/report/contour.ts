/** A straight piece of a contour in pixels; (0, 0) is the centre of the top left pixel. */
export type Segment = readonly [x0: number, y0: number, x1: number, y1: number];

/** A field of numbers, top row first. */
export interface Field {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/**
 * Marching squares: the line along which the field crosses `level`, to a fraction of a pixel. Saddles are split by the
 * mean of their corners, so that the pieces never cross.
 */
export function contourOf(field: Field, level: number): Segment[] {
  const segments: Segment[] = [];
  for (let y = 0; y + 1 < field.height; y++) {
    for (let x = 0; x + 1 < field.width; x++) cellContour(field, level, x, y, segments);
  }
  return segments;
}

function cellContour({ width, values }: Field, level: number, x: number, y: number, out: Segment[]): void {
  const at = x + width * y;
  const [a, b, c, d] = [values[at]!, values[at + 1]!, values[at + width + 1]!, values[at + width]!];
  const first = a >= level;
  if (b >= level === first && c >= level === first && d >= level === first) return;
  const corners = [a, b, c, d] as const;
  const inside = corners.map((value) => value >= level);
  const cut = (corner: number): readonly [number, number] => cutEdge(corners, corner, level, x, y);
  const crossed = [0, 1, 2, 3].filter((corner) => inside[corner] !== inside[(corner + 1) % 4]);
  if (crossed.length === 2) {
    out.push([...cut(crossed[0]!), ...cut(crossed[1]!)]);
    return;
  }
  const middleInside = corners.reduce((sum, value) => sum + value, 0) / 4 >= level;
  // Each piece goes round the two corners that the middle is not joined to.
  if (inside[0] === middleInside) out.push([...cut(0), ...cut(1)], [...cut(2), ...cut(3)]);
  else out.push([...cut(3), ...cut(0)], [...cut(1), ...cut(2)]);
}

const CORNERS = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
] as const;

/** Where the level is crossed on the edge from `corner` to the next one, clockwise. */
function cutEdge(
  corners: readonly number[],
  corner: number,
  level: number,
  x: number,
  y: number,
): readonly [number, number] {
  const next = (corner + 1) % 4;
  const [ax, ay] = CORNERS[corner]!;
  const [bx, by] = CORNERS[next]!;
  const along = (level - corners[corner]!) / (corners[next]! - corners[corner]!);
  return [x + ax + along * (bx - ax), y + ay + along * (by - ay)];
}

/**
 * Anti-aliased strokes: how much of each pixel the line covers, 0 to 1. Overlapping pieces do not add up, so that
 * joints are as even as the rest.
 *
 * @param thickness Pixels.
 */
export function strokeMask(
  segments: readonly Segment[],
  width: number,
  height: number,
  thickness: number,
): Float32Array {
  const mask = new Float32Array(width * height);
  const reach = thickness / 2 + 0.5;
  for (const [x0, y0, x1, y1] of segments) {
    const [left, right] = [Math.max(0, Math.floor(Math.min(x0, x1) - reach)), Math.ceil(Math.max(x0, x1) + reach)];
    const [top, bottom] = [Math.max(0, Math.floor(Math.min(y0, y1) - reach)), Math.ceil(Math.max(y0, y1) + reach)];
    for (let y = top; y <= Math.min(height - 1, bottom); y++) {
      for (let x = left; x <= Math.min(width - 1, right); x++) {
        const cover = Math.min(1, reach - distanceToSegment(x, y, [x0, y0, x1, y1]));
        if (cover > mask[x + width * y]!) mask[x + width * y] = cover;
      }
    }
  }
  return mask;
}

function distanceToSegment(x: number, y: number, [x0, y0, x1, y1]: Segment): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const squared = dx * dx + dy * dy;
  const along = squared === 0 ? 0 : Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / squared));
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}
