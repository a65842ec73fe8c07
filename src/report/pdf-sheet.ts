import PDFDocument from 'pdfkit';
import { type PrintableText, printable } from './pdf-text.ts';
import { PDF_UA_IDENTIFICATION } from './pdf-ua.ts';

/** TrueType bytes of the two weights; they are embedded as subsets. */
export interface ReportFonts {
  readonly regular: Uint8Array;
  readonly bold: Uint8Array;
}

export type Weight = 'regular' | 'bold';

/** Points. The content also fits a US Letter sheet (792 high) when an A4 page is printed on it unscaled and centred. */
export const A4 = { width: 595.28, height: 841.89 } as const;
const MARGIN = { left: 45, right: 45, top: 42, bottom: 66 } as const;
export const CONTENT_WIDTH = A4.width - MARGIN.left - MARGIN.right;
export const INK = '#111111';
export const FAINT_INK = '#4d4d4d';
export const RULE = '#b8b8b8';

type StructureElement = PDFKit.PDFStructureElement;

export interface SheetOptions {
  readonly title: string;
  readonly subject: string;
  /** Goes into the document's ID: two results never share one. */
  readonly keywords: string;
  readonly created: Date;
  readonly fonts: ReportFonts;
}

/**
 * A tagged PDF that is written from top to bottom. Whatever carries meaning is put under a structure element (PDF
 * 32000-1 14.8); rules, boxes and page furniture are artifacts. Nothing here depends on the clock or on chance.
 */
export class Sheet {
  readonly doc: PDFKit.PDFDocument;
  readonly root: StructureElement;
  /** Where the next block begins, points from the top of the page. */
  y: number = MARGIN.top;
  readonly left = MARGIN.left;
  /** True once a character had to be written as its code point. */
  showsCodePoints = false;

  constructor({ title, subject, keywords, created, fonts }: SheetOptions) {
    this.doc = new PDFDocument({
      size: 'A4',
      // The sheet breaks pages itself; a bottom margin would make pdfkit break them inside a structure element.
      margins: { ...MARGIN, bottom: 0 },
      // Without this pdfkit would add Helvetica, which PDF/A forbids because it is not embedded.
      font: '',
      bufferPages: true,
      tagged: true,
      subset: 'PDF/A-2a',
      pdfVersion: '1.7',
      lang: 'en-US',
      displayTitle: true,
      info: {
        Title: title,
        Author: 'NeuroInsight',
        Subject: subject,
        Keywords: keywords,
        Creator: 'NeuroInsight',
        CreationDate: created,
      },
    });
    this.doc.registerFont('regular', fonts.regular as Buffer);
    this.doc.registerFont('bold', fonts.bold as Buffer);
    this.doc.appendXML(PDF_UA_IDENTIFICATION);
    this.root = this.doc.struct('Document');
    this.doc.addStructure(this.root);
    this.use('regular', 8);
  }

  /** Lowest point that content may reach. */
  get floor(): number {
    return A4.height - MARGIN.bottom;
  }

  /** Begins a new page unless `height` points are left on this one. */
  ensure(height: number): void {
    if (this.y + height <= this.floor) return;
    this.doc.addPage();
    this.y = MARGIN.top;
  }

  use(weight: Weight, size: number, colour: string = INK): void {
    this.doc.font(weight).fontSize(size).fillColor(colour);
  }

  /** The printable form of a text in the current font. */
  printable(text: string): PrintableText {
    const { font } = (this.doc as unknown as { readonly _font: { readonly font: GlyphTable } })._font;
    const result = printable(text, (codePoint) => font.hasGlyphForCodePoint(codePoint));
    if (result.actual !== undefined) this.showsCodePoints = true;
    return result;
  }

  /** Height of a wrapped text in the current font, points. */
  heightOf(text: string, width: number): number {
    return this.doc.heightOfString(this.printable(text).shown, { width });
  }

  /** Writes a wrapped text; call inside the closure of a structure element or of an artifact. */
  write(text: string, x: number, y: number, width: number, align: 'left' | 'center' | 'right' = 'left'): void {
    const { shown, actual } = this.printable(text);
    if (actual !== undefined) this.doc.markContent('Span', { actual });
    this.doc.text(shown, x, y, { width, align });
    if (actual !== undefined) this.doc.endMarkedContent();
  }

  /** Adds a structure element with content drawn by `draw`. */
  tag(parent: StructureElement, type: string, draw: () => void, options: { alt?: string; scope?: string } = {}): void {
    parent.add(this.doc.struct(type, options, draw));
  }

  /** Draws what carries no meaning. */
  artifact(draw: () => void, type: 'Layout' | 'Pagination' = 'Layout'): void {
    this.doc.markContent('Artifact', { type });
    draw();
    this.doc.endMarkedContent();
  }

  /** A heading of level 1 or 2 that stays with at least `following` points of what comes after it. */
  heading(level: 1 | 2, text: string, following = 60): void {
    const size = level === 1 ? 15 : 9.5;
    this.ensure(size + 8 + following);
    this.tag(this.root, `H${level}`, () => {
      this.use('bold', size);
      this.write(text, this.left, this.y, CONTENT_WIDTH);
    });
    this.y += size * 1.16 + (level === 1 ? 3 : 2.5);
  }

  /** A paragraph across the page. */
  paragraph(text: string, { size = 7.5, colour = INK, weight = 'regular' as Weight, after = 4 } = {}): void {
    this.use(weight, size, colour);
    const height = this.heightOf(text, CONTENT_WIDTH);
    this.ensure(height);
    this.tag(this.root, 'P', () => {
      this.use(weight, size, colour);
      this.write(text, this.left, this.y, CONTENT_WIDTH);
    });
    this.y += height + after;
  }

  /** Draws `footer` on every page, then ends the document. */
  async finish(footer: (page: number, pages: number) => void): Promise<Uint8Array> {
    const { start, count } = this.doc.bufferedPageRange();
    for (let page = 0; page < count; page++) {
      this.doc.switchToPage(start + page);
      this.artifact(() => footer(page + 1, count), 'Pagination');
    }
    const chunks: Uint8Array[] = [];
    this.doc.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    const ended = new Promise<void>((resolve, reject) => {
      this.doc.on('end', resolve).on('error', reject);
    });
    this.doc.end();
    await ended;
    return joined(chunks);
  }
}

interface GlyphTable {
  hasGlyphForCodePoint(codePoint: number): boolean;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
