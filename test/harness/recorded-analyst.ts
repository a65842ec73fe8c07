import { readFile } from 'node:fs/promises';
import { measurementsJson } from '../../src/analysis/measurements-json.ts';
import { identifiersOf, runKeyOf } from '../../src/analysis/run-key.ts';
import { WALK_STEPS } from '../../src/analysis/steps.ts';
import { NeuroInsightError } from '../../src/domain/errors.ts';
import { digestOf } from '../../src/domain/identity.ts';
import type { InstanceHeader, PatientHeader, StudyHeader } from '../../src/domain/instance.ts';
import type { AnalysisResult } from '../../src/domain/result.ts';
import { buildResultBundle } from '../../src/fhir/result-bundle.ts';
import { writeNifti } from '../../src/imaging/nifti.ts';
import type { AnalysisOutcome, Analyst, ImageEncoder, InstanceRow, JsonDataset } from '../../src/ports/index.ts';
import { buildEncapsulatedPdf } from '../../src/report/encapsulated-pdf.ts';
import { renderMontage, renderOverlays } from '../../src/report/overlay.ts';
import { buildReportPdf, type ReportFonts } from '../../src/report/pdf.ts';
import { buildSecondaryCaptures, secondaryCaptureUid } from '../../src/report/secondary-capture.ts';
import { buildSegmentation } from '../../src/report/seg.ts';
import { buildStructuredReport } from '../../src/report/sr.ts';
import { makeResultFixture } from './result-fixture.ts';

export interface RecordedAnalystOptions {
  readonly encoder: ImageEncoder;
  /** Overlay pictures a result; each is a DICOM file. */
  readonly pictures?: number;
  /** Awaited before each step: lets a test hold the work where it wants, or make it take its time. */
  readonly beforeStep?: (step: string, signal: AbortSignal) => Promise<void>;
}

const FONTS = new URL('../../config/fonts/', import.meta.url);

/**
 * An analyst that measures nothing: for any study it gives the one recorded result, written for the patient and the
 * instances that it was handed. Run key and identifiers derive from the instances as those of the real walk do, so equal
 * input gives equal bytes; pictures and the segmentation's shape are made once.
 */
export async function openRecordedAnalyst(options: RecordedAnalystOptions): Promise<Analyst> {
  const { labels, volume, result: recorded } = makeResultFixture();
  const [regular, bold] = await Promise.all([
    readFile(new URL('DejaVuSansCondensed.ttf', FONTS)),
    readFile(new URL('DejaVuSansCondensed-Bold.ttf', FONTS)),
  ]);
  const fonts: ReportFonts = { regular, bold };
  const pictures = renderOverlays(volume, labels).slice(0, options.pictures ?? 1);
  const montage = renderMontage(volume, labels);
  const png = await options.encoder.png(montage.rgb, montage.width, montage.height);
  const nifti = writeNifti(labels);

  const filesOf = async (result: AnalysisResult): Promise<AnalysisOutcome['files']> => {
    const curves = { withheld: 'the result is recorded' };
    const pdf = await buildReportPdf(result, pictures, { encoder: options.encoder, fonts, curves });
    const captures = buildSecondaryCaptures(result, pictures);
    const secondaryCaptureUids = captures.map((_, index) => secondaryCaptureUid(result, index + 1));
    const bundle = buildResultBundle(result, pdf, { secondaryCaptureUids });
    return [
      { name: 'measurements.json', bytes: Buffer.from(measurementsJson(result)) },
      { name: 'labels.nii.gz', bytes: nifti },
      { name: 'parts.nii.gz', bytes: nifti },
      { name: 'seg.dcm', bytes: buildSegmentation(result, labels) },
      { name: 'sr.dcm', bytes: buildStructuredReport(result) },
      { name: 'report.pdf', bytes: pdf },
      { name: 'report.dcm', bytes: buildEncapsulatedPdf(result, pdf) },
      { name: 'bundle.json', bytes: Buffer.from(`${JSON.stringify(bundle, null, 2)}\n`) },
      { name: 'overlay.png', bytes: png },
      ...captures.map((bytes, index) => ({ name: `overlay/${String(index + 1).padStart(2, '0')}.dcm`, bytes })),
    ];
  };

  return {
    fingerprint: 'recorded-1',
    async analyse({ instances, date, dateOfEarlierRun }, onProgress, signal) {
      const times: Record<string, number> = {};
      let fraction = 0;
      for (const { name, share } of WALK_STEPS) {
        if (signal.aborted) throw new NeuroInsightError('cancelled', 'the analysis was stopped on request');
        const started = performance.now();
        onProgress(name, fraction);
        await options.beforeStep?.(name, signal);
        times[name] = performance.now() - started;
        fraction += share;
      }
      const result = await resultFor(recorded, instances, date, dateOfEarlierRun);
      return { result, files: await filesOf(result), times };
    },
    residentBytes: () => undefined,
    close: async () => {},
  };
}

async function resultFor(
  recorded: AnalysisResult,
  instances: readonly InstanceRow[],
  date: string,
  dateOfEarlierRun: (analysisKey: string) => Promise<string | undefined>,
): Promise<AnalysisResult> {
  const sources = [...instances].sort((a, b) => (a.sopInstanceUid < b.sopInstanceUid ? -1 : 1));
  const first = sources[0];
  if (first === undefined) throw new NeuroInsightError('no-usable-series', 'there is no image to measure');
  const header = headerOf(recorded.sourceHeader, first);
  const pixelDigest = digestOf(sources.map(({ storedSha256 }) => storedSha256));
  const runKey = runKeyOf({
    instances: sources.map(({ sopInstanceUid }) => ({ ...header, sopInstanceUid })),
    pixelDigest,
    model: recorded.model,
    parameters: {},
    normSet: 'recorded',
    softwareVersion: recorded.software.version,
  });
  return {
    ...recorded,
    runKey,
    createdAt: (await dateOfEarlierRun(runKey)) ?? date,
    patient: header.patient,
    study: header.study,
    series: header.series,
    sourceHeader: header,
    // The recorded grid has its own number of slices: each points to the source image at its share of the series.
    sourceImages: recorded.sourceImages.map((_, slice) => {
      const source = sources[Math.floor((slice * sources.length) / recorded.sourceImages.length)]!;
      return { sopClassUid: source.sopClassUid, sopInstanceUid: source.sopInstanceUid };
    }),
    pixelDigest,
    identifiers: identifiersOf(runKey),
  };
}

function headerOf(recorded: InstanceHeader, row: InstanceRow): InstanceHeader {
  const { study: attributes } = row.attributes;
  const patient: PatientHeader = {
    patientName: textOf(attributes, '00100010'),
    patientId: textOf(attributes, '00100020'),
    issuerOfPatientId: textOf(attributes, '00100021'),
    patientBirthDate: textOf(attributes, '00100030'),
    patientSex: recorded.patient.patientSex,
  };
  const study: StudyHeader = {
    studyInstanceUid: row.studyInstanceUid,
    studyDate: textOf(attributes, '00080020'),
    studyTime: textOf(attributes, '00080030'),
    studyId: textOf(attributes, '00200010'),
    accessionNumber: textOf(attributes, '00080050'),
  };
  return {
    ...recorded,
    sopClassUid: row.sopClassUid,
    sopInstanceUid: row.sopInstanceUid,
    patient,
    study,
    series: { ...recorded.series, seriesInstanceUid: row.seriesInstanceUid },
  };
}

/** The first value of an attribute of the DICOM JSON Model, of a name its alphabetic form; undefined where there is none. */
function textOf(attributes: JsonDataset, tag: string): string | undefined {
  const value = attributes[tag]?.Value?.[0];
  if (typeof value === 'string' && value !== '') return value;
  const name = (value as { readonly Alphabetic?: unknown } | undefined | null)?.Alphabetic;
  return typeof name === 'string' && name !== '' ? name : undefined;
}
