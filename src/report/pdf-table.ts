import type { Entry } from './pdf-content.ts';
import { CONTENT_WIDTH, FAINT_INK, INK, RULE, type Sheet } from './pdf-sheet.ts';

export interface TableLook {
  readonly size?: number;
  /** Widths of the columns, points; together the width of the page. */
  readonly widths: readonly number[];
  /** Which columns are row headings; the first one when absent. */
  readonly headings?: readonly number[];
  /** Which row's values are printed bold. */
  readonly boldRow?: number;
}

const PADDING = { x: 3, y: 1.6 } as const;

/** A tagged table: a row of column headings where there is one, then rows; every row stays whole. */
export function drawTable(
  sheet: Sheet,
  columns: readonly string[] | undefined,
  rows: readonly (readonly string[])[],
  look: TableLook,
): void {
  const table = sheet.doc.struct('Table');
  sheet.root.add(table);
  rule(sheet);
  if (columns) drawRow(sheet, table, columns, look, 'columns');
  for (const [index, row] of rows.entries()) {
    drawRow(sheet, table, row, look, look.boldRow === index ? 'bold' : 'plain');
  }
  sheet.y += 6;
}

function rule(sheet: Sheet): void {
  sheet.artifact(() => {
    const right = sheet.left + CONTENT_WIDTH;
    sheet.doc.moveTo(sheet.left, sheet.y).lineTo(right, sheet.y).lineWidth(0.4).strokeColor(RULE).stroke();
  });
}

function drawRow(
  sheet: Sheet,
  table: PDFKit.PDFStructureElement,
  cells: readonly string[],
  { widths, size = 7.5, headings = [0] }: TableLook,
  kind: 'columns' | 'bold' | 'plain',
): void {
  const isHeading = (column: number) => kind === 'columns' || headings.includes(column);
  const use = (column: number) => {
    const bold = kind === 'columns' || (kind === 'bold' && !headings.includes(column));
    const faint = kind === 'plain' && headings.includes(column);
    sheet.use(bold ? 'bold' : 'regular', size, faint ? FAINT_INK : INK);
  };
  const indent = (text: string) => (text.startsWith('  ') ? 8 : 0);
  const textWidth = (column: number) => widths[column]! - 2 * PADDING.x - indent(cells[column]!);
  const heights = cells.map((text, column) => {
    use(column);
    return sheet.heightOf(text, textWidth(column));
  });
  const height = Math.max(...heights) + 2 * PADDING.y;
  sheet.ensure(height);
  const row = sheet.doc.struct('TR');
  table.add(row);
  let x = sheet.left;
  cells.forEach((text, column) => {
    const left = x + PADDING.x + indent(text);
    const draw = () => {
      use(column);
      sheet.write(text, left, sheet.y + PADDING.y, textWidth(column));
    };
    const scope = kind === 'columns' ? 'Column' : 'Row';
    if (isHeading(column)) sheet.tag(row, 'TH', draw, { scope });
    else sheet.tag(row, 'TD', draw);
    x += widths[column]!;
  });
  sheet.y += height;
  rule(sheet);
}

/** Labels and texts, one pair a row. */
export function drawEntries(sheet: Sheet, entries: readonly Entry[], labelWidth = 130, size = 7.5): void {
  drawTable(sheet, undefined, entries, { widths: [labelWidth, CONTENT_WIDTH - labelWidth], size });
}

/** Two lists of labels and texts beside each other. */
export function drawEntryPairs(sheet: Sheet, left: readonly Entry[], right: readonly Entry[]): void {
  const rows = Array.from({ length: Math.max(left.length, right.length) }, (_, n) => [
    ...(left[n] ?? ['', '']),
    ...(right[n] ?? ['', '']),
  ]);
  const label = 72;
  const text = CONTENT_WIDTH / 2 - label;
  drawTable(sheet, undefined, rows, { widths: [label, text, label, text], headings: [0, 2], size: 7.8 });
}
