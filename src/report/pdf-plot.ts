import type { Laterality } from '../domain/geometry.ts';
import type { NormCurves, PercentileCurves } from '../domain/norm-curves.ts';
import { FAINT_INK, INK, RULE, type Sheet } from './pdf-sheet.ts';
import { SIDE_COLOURS } from './picture.ts';

/** A plot's box and what its axes span. */
export interface PlotFrame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly ages: readonly [number, number];
  readonly volumes: readonly [number, number];
}

export interface PatientPoint {
  readonly ageYears: number;
  readonly volumeMm3: number;
}

const CURVES = ['p5', 'p25', 'p50', 'p75', 'p95'] as const;

/** Axis ranges that hold the curves and the patient on both sides, so that the sides can be compared by eye. */
export function rangesOf(curves: NormCurves, points: readonly PatientPoint[]): Pick<PlotFrame, 'ages' | 'volumes'> {
  const ages = [...curves.ageYears, ...points.map(({ ageYears }) => ageYears)];
  const volumes = [
    ...(['left', 'right'] as const).flatMap((side) => [...curves[side].p5, ...curves[side].p95]),
    ...points.map(({ volumeMm3 }) => volumeMm3),
  ];
  return {
    ages: [Math.floor(Math.min(...ages)), Math.ceil(Math.max(...ages))],
    volumes: [
      Math.floor((Math.min(...volumes) - 100) / 500) * 500,
      Math.ceil((Math.max(...volumes) + 100) / 500) * 500,
    ],
  };
}

/** Draws one side: bands between percentiles, the curves with their names, the patient. Call inside a Figure. */
export function drawPercentilePlot(
  sheet: Sheet,
  frame: PlotFrame,
  side: Laterality,
  curves: NormCurves,
  point: PatientPoint,
): void {
  const { doc } = sheet;
  const toX = (age: number) => frame.x + ((age - frame.ages[0]) / (frame.ages[1] - frame.ages[0])) * frame.width;
  const toY = (mm3: number) =>
    frame.y + frame.height - ((mm3 - frame.volumes[0]) / (frame.volumes[1] - frame.volumes[0])) * frame.height;
  const across = curves.ageYears.map(toX);
  const path = (name: keyof PercentileCurves) => curves[side][name].map((mm3, n) => [across[n]!, toY(mm3)] as const);
  for (const [low, high, shade] of [
    ['p5', 'p95', '#ececec'],
    ['p25', 'p75', '#dadada'],
  ] as const) {
    doc.polygon(...([...path(low), ...[...path(high)].reverse()] as [number, number][])).fill(shade);
  }
  drawAxes(sheet, frame, toX, toY);
  for (const name of CURVES) {
    const points = path(name);
    doc.moveTo(...points[0]!);
    for (const [x, y] of points.slice(1)) doc.lineTo(x, y);
    doc
      .lineWidth(name === 'p50' ? 1 : 0.5)
      .strokeColor('#555555')
      .stroke();
    const end = points.at(-1)!;
    sheet.use('regular', 5.5, FAINT_INK);
    doc.text(name, end[0] + 2, end[1] - 3.3, { lineBreak: false });
  }
  drawPatient(sheet, frame, side, [toX(point.ageYears), toY(point.volumeMm3)], point);
}

function drawAxes(sheet: Sheet, frame: PlotFrame, toX: (n: number) => number, toY: (n: number) => number): void {
  const { doc } = sheet;
  const { x, y, width, height, ages, volumes } = frame;
  doc.lineWidth(0.3).strokeColor(RULE);
  for (const mm3 of ticks(volumes, volumes[1] - volumes[0] > 2500 ? 1000 : 500)) {
    doc
      .moveTo(x, toY(mm3))
      .lineTo(x + width, toY(mm3))
      .stroke();
    sheet.use('regular', 5.8, FAINT_INK);
    doc.text(String(mm3), x - 26, toY(mm3) - 3.5, { width: 23, align: 'right', lineBreak: false });
  }
  for (const age of ticks(ages, ages[1] - ages[0] > 50 ? 20 : 10)) {
    doc
      .moveTo(toX(age), y + height)
      .lineTo(toX(age), y + height + 2)
      .stroke();
    sheet.use('regular', 5.8, FAINT_INK);
    doc.text(String(age), toX(age) - 10, y + height + 3, { width: 20, align: 'center', lineBreak: false });
  }
  doc.rect(x, y, width, height).lineWidth(0.5).strokeColor('#777777').stroke();
}

/** Whole multiples of `step` inside a range. */
function ticks([low, high]: readonly [number, number], step: number): number[] {
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, n) => (first + n) * step);
}

/** A square stands for left and a disc for right, so that the sides differ without their colours too. */
function drawPatient(
  sheet: Sheet,
  frame: PlotFrame,
  side: Laterality,
  [x, y]: readonly [number, number],
  { volumeMm3 }: PatientPoint,
): void {
  const { doc } = sheet;
  if (side === 'left') doc.rect(x - 3.2, y - 3.2, 6.4, 6.4);
  else doc.circle(x, y, 3.6);
  doc.lineWidth(1).fillAndStroke(SIDE_COLOURS[side].onWhite, '#ffffff');
  sheet.use('bold', 6.5, INK);
  const text = `${volumeMm3.toFixed(0)} mm³`;
  const wide = doc.widthOfString(text);
  const textX = x + 6 + wide > frame.x + frame.width ? x - 6 - wide : x + 6;
  doc.rect(textX - 1, y - 4, wide + 2, 8).fill('#f6f6f6');
  sheet.use('bold', 6.5, INK);
  doc.text(text, textX, y - 4, { lineBreak: false });
}
