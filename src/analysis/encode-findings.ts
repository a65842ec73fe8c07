import { HippocampusLabel, type LabelVolume, type Volume } from '../domain/geometry.ts';
import type { NormCurves } from '../domain/norm-curves.ts';
import type { AnalysisResult, Measured } from '../domain/result.ts';
import { buildResultBundle } from '../fhir/result-bundle.ts';
import { writeNifti } from '../imaging/nifti.ts';
import type { ImageEncoder } from '../ports/index.ts';
import { buildEncapsulatedPdf } from '../report/encapsulated-pdf.ts';
import { renderMontage, renderOverlays } from '../report/overlay.ts';
import { buildReportPdf, type ReportFonts } from '../report/pdf.ts';
import { buildSecondaryCaptures, secondaryCaptureUid } from '../report/secondary-capture.ts';
import { buildSegmentation } from '../report/seg.ts';
import { buildStructuredReport } from '../report/sr.ts';
import { measurementsJson } from './measurements-json.ts';

export interface FindingsFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface EncodingPorts {
  readonly encoder: ImageEncoder;
  readonly fonts: ReportFonts;
}

/** Whole hippocampi for everybody's viewer: 1 left, 2 right. */
function wholeLabels(labels: LabelVolume): LabelVolume {
  const side = new Uint8Array(5);
  side[HippocampusLabel.leftAnterior] = 1;
  side[HippocampusLabel.leftPosterior] = 1;
  side[HippocampusLabel.rightAnterior] = 2;
  side[HippocampusLabel.rightPosterior] = 2;
  return { shape: labels.shape, affine: labels.affine, data: labels.data.map((label) => side[label]!) };
}

/** Every form of one result, built from the one value; nothing is published before all of them stand. */
export async function encodeFindings(
  result: AnalysisResult,
  volume: Volume,
  labels: LabelVolume,
  curves: Measured<NormCurves>,
  { encoder, fonts }: EncodingPorts,
): Promise<readonly FindingsFile[]> {
  const pictures = renderOverlays(volume, labels);
  const pdf = await buildReportPdf(result, pictures, { encoder, fonts, curves });
  const montage = renderMontage(volume, labels);
  const captures = buildSecondaryCaptures(result, pictures);
  const secondaryCaptureUids = captures.map((_, index) => secondaryCaptureUid(result, index + 1));
  const bundle = buildResultBundle(result, pdf, { secondaryCaptureUids });
  const text = (value: string): Uint8Array => Buffer.from(value, 'utf8');
  return [
    { name: 'measurements.json', bytes: text(measurementsJson(result)) },
    { name: 'labels.nii.gz', bytes: writeNifti(wholeLabels(labels)) },
    { name: 'parts.nii.gz', bytes: writeNifti(labels) },
    { name: 'seg.dcm', bytes: buildSegmentation(result, labels) },
    { name: 'sr.dcm', bytes: buildStructuredReport(result) },
    { name: 'report.pdf', bytes: pdf },
    { name: 'report.dcm', bytes: buildEncapsulatedPdf(result, pdf) },
    { name: 'bundle.json', bytes: text(`${JSON.stringify(bundle, null, 2)}\n`) },
    { name: 'overlay.png', bytes: await encoder.png(montage.rgb, montage.width, montage.height) },
    ...captures.map((bytes, index) => ({ name: `overlay/${String(index + 1).padStart(2, '0')}.dcm`, bytes })),
  ];
}
