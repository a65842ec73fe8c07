import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { makeResultFixture } from '../../test/harness/result-fixture.ts';
import { describeWith } from '../../test/harness/shared-data.ts';
import type { NormCurves, PercentileCurves } from '../domain/norm-curves.ts';
import type { AnalysisResult, Measured } from '../domain/result.ts';
import { SharpImageEncoder } from '../render/sharp-image-encoder.ts';
import { renderOverlays } from './overlay.ts';
import { buildReportPdf } from './pdf.ts';

const font = (name: string) => new Uint8Array(readFileSync(new URL(`../../config/fonts/${name}.ttf`, import.meta.url)));
const fonts = { regular: font('DejaVuSansCondensed'), bold: font('DejaVuSansCondensed-Bold') };
const fixture = makeResultFixture();
const withheld = makeResultFixture({ withheld: true });
const pictures = renderOverlays(fixture.volume, fixture.labels);

function makeCurves(): Measured<NormCurves> {
  const ageYears = Array.from({ length: 61 }, (_, n) => 20 + n);
  const at = (z: number) => ageYears.map((age) => 3900 - 8 * Math.max(0, age - 40) + 330 * z);
  const side: PercentileCurves = { p5: at(-1.645), p25: at(-0.674), p50: at(0), p75: at(0.674), p95: at(1.645) };
  return { value: { ageYears, left: side, right: side, sex: 'F', basis: 'women, intracranial volume 1433 cm³' } };
}

const build = (result: AnalysisResult, curves: Measured<NormCurves> | undefined = makeCurves()) =>
  buildReportPdf(result, pictures, { encoder: new SharpImageEncoder(), fonts, ...(curves ? { curves } : {}) });

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** Runs a program of poppler on a PDF. */
function poppler(program: string, pdf: Uint8Array, options: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-pdf-'));
  try {
    const path = join(folder, 'report.pdf');
    writeFileSync(path, pdf);
    const { stdout, stderr, status } = spawnSync(program, [
      ...options,
      path,
      ...(program === 'pdftotext' ? ['-'] : []),
    ]);
    expect([stderr.toString(), status]).toEqual(['', 0]);
    return stdout.toString('utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('buildReportPdf', () => {
  it('gives the same bytes for the same result, and another document ID for another one', async () => {
    const [first, second] = [await build(fixture.result), await build(fixture.result)];
    expect(Buffer.compare(first, second)).toBe(0);
    const idOf = (bytes: Uint8Array) => /\/ID \[<([0-9a-f]+)>/.exec(latin1(bytes))![1];
    expect(idOf(await build({ ...fixture.result, runKey: 'f'.repeat(64) }))).not.toBe(idOf(first));
  });

  it('is tagged, names its language and claims PDF/A-2a and PDF/UA-1', async () => {
    const text = latin1(await build(fixture.result));
    expect(text).toMatch(/^%PDF-1\.7/);
    for (const part of [
      '/StructTreeRoot',
      '/Marked true',
      '/Lang (en-US)',
      '/DisplayDocTitle true',
      '<pdfaid:part>2<',
      '<pdfaid:conformance>A<',
      '<pdfuaid:part>1<',
    ]) {
      expect(text).toContain(part);
    }
    for (const type of ['Document', 'H1', 'H2', 'Table', 'TR', 'TH', 'TD', 'Figure', 'Caption', 'P']) {
      expect(text).toMatch(new RegExp(`/S /${type}\\b`));
    }
  });

  it('tells what every figure shows: two plots and eight pictures', async () => {
    const text = latin1(await build(fixture.result));
    expect(text.match(/\/S \/Figure\s+\/Alt /g)).toHaveLength(10);
  });

  it('takes its date from the result, not from the clock', async () => {
    const text = latin1(await build(fixture.result));
    expect(text).toContain('(D:20240612094107Z)');
    expect(text).toContain('<xmp:CreateDate>2024-06-12T09:41:07Z<');
  });

  it('keeps names out of the document information, which travels in clear even where pages do not', async () => {
    expect(latin1(await build(fixture.result))).not.toMatch(/M.{0,2}ller|NI-0042/);
  });

  it('embeds its fonts and nothing else', async () => {
    const text = latin1(await build(fixture.result));
    const names = [...text.matchAll(/\/BaseFont \/(\S+)/g)].map(([, name]) => name!.replace(/^[A-Z]+\+/, ''));
    expect([...new Set(names)].sort()).toEqual(['DejaVuSansCondensed', 'DejaVuSansCondensed-Bold']);
    expect(text.match(/\/FontFile2 /g)).toHaveLength(2);
  });

  it('can be made without pictures', async () => {
    const pdf = await buildReportPdf(fixture.result, [], { encoder: new SharpImageEncoder(), fonts });
    expect(latin1(pdf)).not.toContain('/Figure');
  });
});

describeWith(
  [{ program: 'pdftotext' }, { program: 'pdffonts' }, { program: 'pdfinfo' }],
  'the text of the report',
  () => {
    const textOf = async (result: AnalysisResult, curves?: Measured<NormCurves>) =>
      poppler('pdftotext', await build(result, curves ?? makeCurves()), ['-layout']);

    it('reads from top to bottom: who, what, volumes, plot, pictures, method', async () => {
      const text = poppler('pdftotext', await build(fixture.result), ['-raw']);
      const order = [
        'Hippocampal volume report',
        'RESEARCH USE ONLY',
        'Müller, Dr Änne',
        '3491 mm³',
        'Asymmetry index',
        'Not called:',
        'Volume over age',
        'Contours on the images',
        'Verdict',
        'Norm set',
        fixture.result.model.sha256,
        'localizer',
      ];
      const places = order.map((part) => text.indexOf(part));
      expect(places).not.toContain(-1);
      expect(places).toEqual([...places].sort((a, b) => a - b));
    });

    it('says on every page what it is not for, and which page it is', async () => {
      const pages = (await textOf(fixture.result)).split('\f').slice(0, -1);
      expect(pages).toHaveLength(2);
      pages.forEach((page, n) => {
        expect(page).toContain('RESEARCH USE ONLY - not for diagnosis. Preliminary, not verified.');
        expect(page).toContain(`page ${n + 1} of 2`);
      });
    });

    it('withholds the plot with the percentiles, also where curves are at hand', async () => {
      const text = await textOf(withheld.result);
      expect(text).toContain('Plot withheld: The age of the patient is not known.');
      expect(text).not.toMatch(/p50|z-score/);
      expect(await textOf(fixture.result, { withheld: 'no curves for this set' })).toContain(
        'Plot withheld: no curves for this set',
      );
    });

    it('stays readable with the longest names a header can hold', async () => {
      const patient = {
        ...fixture.result.patient,
        patientName: `${'W'.repeat(64)}^${'m'.repeat(64)}`,
        patientId: '9'.repeat(64),
      };
      const rejectedSeries = Array.from({ length: 40 }, (_, n) => ({
        seriesInstanceUid: `1.${n}`,
        seriesDescription: 'x'.repeat(64),
        reasons: ['y '.repeat(200)],
      }));
      const pdf = await build({ ...fixture.result, patient, rejectedSeries });
      const text = poppler('pdftotext', pdf, ['-raw']).replace(/\s+/g, '');
      for (const part of [`${'W'.repeat(64)},${'m'.repeat(64)}`, '9'.repeat(64)]) expect(text).toContain(part);
      // Nothing may leave the page: every word lies between its edges.
      const boxes = poppler('pdftotext', pdf, ['-bbox']);
      const edges = [...boxes.matchAll(/xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.]+)" yMax="([\d.]+)"/g)];
      expect(edges.length).toBeGreaterThan(200);
      expect(
        edges.filter(
          ([, x0, y0, x1, y1]) => Number(x0) < 30 || Number(y0) < 30 || Number(x1) > 565 || Number(y1) > 812,
        ),
      ).toEqual([]);
    });

    it.each([
      ['Greek', 'Παπαδόπουλος^Νίκος', 'Παπαδόπουλος, Νίκος'],
      ['Cyrillic', 'Щербакова^Ёлка', 'Щербакова, Ёлка'],
      ['Vietnamese', 'Nguyễn^Ấn', 'Nguyễn, Ấn'],
    ])('prints %s names', async (_, patientName, shown) => {
      expect(await textOf({ ...fixture.result, patient: { patientName } })).toContain(shown);
    });

    it('prints names in other scripts as code points, says so, and keeps the name for readers', async () => {
      const pdf = await build({ ...fixture.result, patient: { patientName: '=山田^太郎' } });
      const text = poppler('pdftotext', pdf);
      expect(text).toMatch(/山田, 太郎|\[U\+5C71\]/);
      expect(text).toContain('shown as Unicode code points');
    });

    it('is a sound PDF on A4', async () => {
      const info = poppler('pdfinfo', await build(fixture.result));
      expect(info).toMatch(/Title:\s+Hippocampal volume report/);
      expect(info).toMatch(/Tagged:\s+yes/);
      expect(info).toMatch(/Page size:.*A4/);
      expect(poppler('pdffonts', await build(fixture.result)).match(/yes yes yes/g)).toHaveLength(2);
    });
  },
);
