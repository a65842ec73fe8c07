import { LATERALITIES, type Laterality } from '../domain/geometry.ts';
import type { NormCurves } from '../domain/norm-curves.ts';
import { type AnalysisResult, isMeasured, type Measured } from '../domain/result.ts';
import type { ImageEncoder } from '../ports/index.ts';
import {
  bilateralEntries,
  methodEntries,
  normEntries,
  patientEntries,
  plotText,
  qualityRows,
  RESEARCH_STATEMENT,
  rejectedEntries,
  STATUS_STATEMENT,
  sideRows,
  studyEntries,
} from './pdf-content.ts';
import { drawPercentilePlot, rangesOf } from './pdf-plot.ts';
import { A4, CONTENT_WIDTH, FAINT_INK, INK, type ReportFonts, Sheet } from './pdf-sheet.ts';
import { drawEntries, drawEntryPairs, drawTable } from './pdf-table.ts';
import { raisedUnits } from './pdf-text.ts';
import { type Picture, SIDE_COLOURS } from './picture.ts';

export type { ReportFonts } from './pdf-sheet.ts';

export interface ReportOptions {
  readonly encoder: ImageEncoder;
  readonly fonts: ReportFonts;
  /** Percentile curves around the person; where they are withheld the plot is replaced by the reason. */
  readonly curves?: Measured<NormCurves>;
}

/**
 * The report that a radiologist files: two A4 pages, tagged, PDF/A-2a (ISO 19005-2) and PDF/UA-1 (ISO 14289-1), all fonts
 * embedded. Equal arguments give equal bytes; the only date in it is the result's.
 *
 * @param pictures Of `renderOverlays`.
 */
export async function buildReportPdf(
  result: AnalysisResult,
  pictures: readonly Picture[],
  { encoder, fonts, curves }: ReportOptions,
): Promise<Uint8Array> {
  const encoded = await Promise.all(
    pictures.map(async (picture) => ({ picture, png: await encoder.png(picture.rgb, picture.width, picture.height) })),
  );
  const sheet = new Sheet({
    title: 'Hippocampal volume report',
    subject: RESEARCH_STATEMENT,
    keywords: `run ${result.runKey}`,
    created: new Date(result.createdAt),
    fonts,
  });
  drawHead(sheet, result);
  drawVolumes(sheet, result);
  drawPlots(sheet, result, curves);
  drawPictures(sheet, encoded);
  drawQuality(sheet, result);
  drawMethod(sheet, result);
  return await sheet.finish((page, pages) => drawFooter(sheet, result, page, pages));
}

function drawHead(sheet: Sheet, result: AnalysisResult): void {
  sheet.heading(1, 'Hippocampal volume report');
  sheet.tag(sheet.root, 'P', () => {
    sheet.use('regular', 7.5, FAINT_INK);
    sheet.write(`${result.software.name} ${result.software.version}`, sheet.left, sheet.y - 16, CONTENT_WIDTH, 'right');
  });
  const height = 25;
  sheet.artifact(() => {
    sheet.doc.rect(sheet.left, sheet.y, CONTENT_WIDTH, height).lineWidth(1).strokeColor(INK).stroke();
  });
  sheet.tag(sheet.root, 'P', () => {
    sheet.use('bold', 8.5);
    sheet.write(RESEARCH_STATEMENT, sheet.left, sheet.y + 2.5, CONTENT_WIDTH, 'center');
  });
  sheet.tag(sheet.root, 'P', () => {
    sheet.use('regular', 7.5);
    sheet.write(STATUS_STATEMENT, sheet.left, sheet.y + 13.5, CONTENT_WIDTH, 'center');
  });
  sheet.y += height + 6;
  drawEntryPairs(sheet, patientEntries(result), studyEntries(result));
}

function drawVolumes(sheet: Sheet, result: AnalysisResult): void {
  sheet.heading(2, 'Volumes');
  const side = (CONTENT_WIDTH - 135) / 2;
  drawTable(sheet, ['', 'Left', 'Right'], sideRows(result), { widths: [135, side, side], boldRow: 0, size: 8 });
  drawEntries(sheet, bilateralEntries(result), 135, 8);
}

const PLOT = { height: 84, labels: 30, names: 20, title: 11, feet: 20 } as const;

function drawPlots(sheet: Sheet, result: AnalysisResult, curves: Measured<NormCurves> | undefined): void {
  sheet.heading(2, 'Volume over age', PLOT.height + 40);
  const age = result.demographics.ageYears;
  const reason = plotWithheldBecause(result, curves);
  if (reason !== undefined || !curves || !isMeasured(curves) || !isMeasured(age)) {
    sheet.paragraph(`Plot withheld: ${reason}`);
    return;
  }
  const points = { left: pointOf(result, 'left', age.value), right: pointOf(result, 'right', age.value) };
  const ranges = rangesOf(curves.value, [points.left, points.right]);
  const half = CONTENT_WIDTH / 2;
  LATERALITIES.forEach((side, n) => {
    const x = sheet.left + n * half + PLOT.labels;
    const frame = {
      x,
      y: sheet.y + PLOT.title,
      width: half - PLOT.labels - PLOT.names,
      height: PLOT.height,
      ...ranges,
    };
    const draw = () => {
      sheet.use('bold', 7.5, SIDE_COLOURS[side].onWhite);
      sheet.doc.text(`${side === 'left' ? 'Left' : 'Right'}, mm³`, x, sheet.y, { lineBreak: false });
      drawPercentilePlot(sheet, frame, side, curves.value, points[side]);
      sheet.use('regular', 5.8, FAINT_INK);
      sheet.doc.text('age, years', x, frame.y + PLOT.height + 10, { width: frame.width, align: 'center' });
    };
    sheet.tag(sheet.root, 'Figure', draw, { alt: plotText(result[side], side, age.value) });
  });
  sheet.y += PLOT.title + PLOT.height + PLOT.feet;
  sheet.paragraph(`Curves: ${raisedUnits(curves.value.basis)}. Norms: ${normName(result)}.`, {
    size: 6.5,
    colour: FAINT_INK,
  });
}

function pointOf(result: AnalysisResult, side: Laterality, ageYears: number) {
  return { ageYears, volumeMm3: result[side].volumeMm3 };
}

function normName({ normSet }: AnalysisResult): string {
  return isMeasured(normSet) ? `${normSet.value.name} ${normSet.value.version}` : 'withheld';
}

/** A withheld percentile withholds the plot too: the curves would give it away. */
function plotWithheldBecause(result: AnalysisResult, curves: Measured<NormCurves> | undefined): string | undefined {
  const needed: readonly Measured<unknown>[] = [
    result.normSet,
    result.left.norm,
    result.right.norm,
    result.demographics.ageYears,
    curves ?? { withheld: 'no percentile curves are available for this norm set.' },
  ];
  for (const measured of needed) if ('withheld' in measured) return measured.withheld;
  return undefined;
}

interface EncodedPicture {
  readonly picture: Picture;
  readonly png: Uint8Array;
}

const PICTURE_GAP = 6;
const PICTURES_A_ROW = 4;

/** Rows of pictures, the cropped ones first; those of a row share one width, so that the scale stays comparable. */
function drawPictures(sheet: Sheet, pictures: readonly EncodedPicture[]): void {
  const width = (CONTENT_WIDTH - (PICTURES_A_ROW - 1) * PICTURE_GAP) / PICTURES_A_ROW;
  const rows = (['detail', 'context'] as const)
    .map((view) => pictures.filter(({ picture }) => picture.view === view))
    .filter((row) => row.length > 0);
  for (const [n, row] of rows.entries()) {
    const height = Math.max(...row.map(({ picture }) => (picture.height / picture.width) * width));
    if (n === 0) {
      sheet.heading(2, 'Contours on the images', height + 30);
      drawLegend(sheet);
    }
    sheet.ensure(height + 12);
    for (const [place, { picture, png }] of row.entries()) {
      const x = sheet.left + place * (width + PICTURE_GAP);
      const size = { width, height: (picture.height / picture.width) * width };
      const draw = () => void sheet.doc.image(png as Buffer, x, sheet.y, size);
      sheet.tag(sheet.root, 'Figure', draw, { alt: picture.alternativeText });
      sheet.tag(sheet.root, 'Caption', () => {
        sheet.use('regular', 6.8, FAINT_INK);
        sheet.write(picture.caption, x, sheet.y + size.height + 1.5, width);
      });
    }
    sheet.y += height + 12;
  }
  sheet.y += 5;
}

function drawLegend(sheet: Sheet): void {
  LATERALITIES.forEach((side, n) => {
    const x = sheet.left + n * 120;
    sheet.artifact(() => {
      sheet.doc
        .moveTo(x, sheet.y + 4)
        .lineTo(x + 14, sheet.y + 4)
        .lineWidth(2);
      sheet.doc.strokeColor(SIDE_COLOURS[side].onWhite).stroke();
    });
    sheet.tag(sheet.root, 'P', () => {
      sheet.use('regular', 6.8);
      sheet.write(`${side} hippocampus, ${side === 'left' ? 'blue' : 'orange'}`, x + 18, sheet.y, 100);
    });
  });
  sheet.tag(sheet.root, 'P', () => {
    sheet.use('regular', 6.8, FAINT_INK);
    const text = "Radiological convention: the patient's right is on the left. Thin line: anterior / posterior.";
    sheet.write(text, sheet.left + 235, sheet.y, CONTENT_WIDTH - 235, 'right');
  });
  sheet.y += 11;
}

function drawQuality(sheet: Sheet, result: AnalysisResult): void {
  sheet.heading(2, 'Image and segmentation quality');
  const widths = [150, 60, 85, CONTENT_WIDTH - 295];
  drawTable(sheet, ['Check', 'Verdict', 'Value', 'Limit'], qualityRows(result), { widths, size: 7 });
}

function drawMethod(sheet: Sheet, result: AnalysisResult): void {
  sheet.heading(2, 'Norms');
  drawEntries(sheet, normEntries(result), 110, 7);
  sheet.heading(2, 'Method');
  drawEntries(sheet, methodEntries(result), 110, 7);
  const rejected = rejectedEntries(result);
  if (rejected.length > 0) {
    sheet.heading(2, 'Series of the study that were not measured');
    drawEntries(sheet, rejected, 150, 7);
  }
  if (sheet.showsCodePoints) {
    sheet.paragraph(
      'Characters that the font of this report lacks are shown as Unicode code points in brackets; the DICOM header holds the text.',
      { size: 6.5, colour: FAINT_INK },
    );
  }
}

function drawFooter(sheet: Sheet, result: AnalysisResult, page: number, pages: number): void {
  const y = A4.height - 55;
  const who = [result.patient.patientId, result.study.accessionNumber]
    .flatMap((id) => (id ? [shortened(id)] : []))
    .join(', ');
  sheet.use('bold', 6.8, INK);
  sheet.write(`${RESEARCH_STATEMENT}. Preliminary, not verified.`, sheet.left, y, 230);
  sheet.use('regular', 6.8, FAINT_INK);
  sheet.write(who, sheet.left + 230, y, CONTENT_WIDTH - 290, 'center');
  sheet.write(`page ${page} of ${pages}`, sheet.left + CONTENT_WIDTH - 60, y, 60, 'right');
}

/** The footer has one line. */
function shortened(text: string): string {
  const characters = [...text];
  return characters.length > 20 ? `${characters.slice(0, 19).join('')}…` : text;
}
