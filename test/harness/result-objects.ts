import { readInstanceHeader } from '../../src/dicom/instance.ts';
import type { AnalysisResult } from '../../src/domain/result.ts';
import { encodeMrSeries } from '../../src/imaging/mr-series.ts';
import { buildEncapsulatedPdf } from '../../src/report/encapsulated-pdf.ts';
import { renderOverlays } from '../../src/report/overlay.ts';
import { buildSecondaryCaptures } from '../../src/report/secondary-capture.ts';
import { buildSegmentation } from '../../src/report/seg.ts';
import { buildStructuredReport } from '../../src/report/sr.ts';
import { type FixtureOptions, makeResultFixture } from './result-fixture.ts';

/** A made-up study and everything the server makes of it, as files. */
export interface ResultObjects {
  readonly result: AnalysisResult;
  readonly source: readonly Uint8Array[];
  readonly seg: Uint8Array;
  readonly sr: Uint8Array;
  readonly pdf: Uint8Array;
  readonly captures: readonly Uint8Array[];
}

/** Writes the fixture's head as a DICOM series and builds the result's objects from what that series says when read.
 * Pictures take most of the time; `withCaptures` leaves them out. */
export function makeResultObjects(options: FixtureOptions = {}, { withCaptures = true } = {}): ResultObjects {
  const { result: made, labels, volume } = makeResultFixture(options);
  const source = encodeMrSeries(volume, {
    identifiersFrom: made.runKey,
    kind: options.source ?? 'classic',
    sliceOrder: 'ascending',
    patient: made.patient,
    study: made.study,
    series: made.series,
    acquisition: made.acquisition,
  });
  const headers = source.map(readInstanceHeader);
  const first = headers[0]!;
  const result: AnalysisResult = {
    ...made,
    patient: first.patient,
    study: first.study,
    series: first.series,
    sourceHeader: first,
    sourceImages: headers.flatMap(({ sopClassUid, sopInstanceUid, frames }) =>
      frames.map(({ frameNumber }) => ({
        sopClassUid,
        sopInstanceUid,
        ...(frames.length > 1 ? { frameNumber } : {}),
      })),
    ),
  };
  return {
    result,
    source,
    seg: buildSegmentation(result, labels),
    sr: buildStructuredReport(result),
    pdf: buildEncapsulatedPdf(result, Buffer.from('%PDF-1.7\n%%EOF\n')),
    captures: withCaptures ? buildSecondaryCaptures(result, renderOverlays(volume, labels)) : [],
  };
}
