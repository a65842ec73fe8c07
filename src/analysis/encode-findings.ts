import { HippocampusLabel, type LabelVolume, type Volume } from '../domain/geometry.ts';
import type { NormCurves } from '../domain/norm-curves.ts';
import type { AnalysisResult, Measured } from '../domain/result.ts';
import { buildResultBundle } from '../fhir/result-bundle.ts';
import { compressNifti } from '../imaging/nifti.ts';
import type { ImageEncoder } from '../ports/index.ts';
import { buildEncapsulatedPdf } from '../report/encapsulated-pdf.ts';
import { renderMontage, renderOverlays, sceneOf } from '../report/overlay.ts';
import { buildReportPdf, type ReportFonts, type ReportOptions } from '../report/pdf.ts';
import { buildSecondaryCaptures, secondaryCaptureUid } from '../report/secondary-capture.ts';
import { buildSegmentation } from '../report/seg.ts';
import type { Scene } from '../report/slice-picture.ts';
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
  const data = new Uint8Array(labels.data.length);
  const { data: from, shape, affine } = labels;
  // A plain loop: a call for each of millions of voxels takes ten times as long.
  for (let at = 0; at < data.length; at++) if (from[at] !== 0) data[at] = side[from[at]!]!;
  return { shape, affine, data };
}

/** Every form of one result, built from the one value; nothing is published before all of them stand. */
export async function encodeFindings(
  result: AnalysisResult,
  volume: Volume,
  labels: LabelVolume,
  curves: Measured<NormCurves>,
  { encoder, fonts }: EncodingPorts,
): Promise<readonly FindingsFile[]> {
  const scene = sceneOf(volume, labels);
  const montage = renderMontage(volume, labels, scene);
  // Other threads compress the pictures and label volumes, the largest first, while this one builds the documents.
  const [overlay, whole, parts, documents] = await Promise.all([
    encoder.png(montage.rgb, montage.width, montage.height),
    compressNifti(wholeLabels(labels)),
    compressNifti(labels),
    encodeDocuments(result, labels, scene, { encoder, fonts, curves }),
  ]);
  return [
    { name: 'measurements.json', bytes: text(measurementsJson(result)) },
    { name: 'labels.nii.gz', bytes: whole },
    { name: 'parts.nii.gz', bytes: parts },
    ...documents.main,
    { name: 'overlay.png', bytes: overlay },
    ...documents.captures,
  ];
}

const text = (value: string): Uint8Array => Buffer.from(value, 'utf8');

/** The DICOM objects, the PDF and the bundle that carries it. */
async function encodeDocuments(
  result: AnalysisResult,
  labels: LabelVolume,
  scene: Scene,
  options: ReportOptions,
): Promise<{ readonly main: readonly FindingsFile[]; readonly captures: readonly FindingsFile[] }> {
  const pictures = renderOverlays(scene.volume, labels, scene);
  const [pdf, { seg, sr, captures }] = await Promise.all([
    buildReportPdf(result, pictures, options),
    // Asynchronous only so that what it throws is the failure of both, and the PDF's pictures are not left alone.
    (async () => ({
      seg: buildSegmentation(result, labels),
      sr: buildStructuredReport(result),
      captures: buildSecondaryCaptures(result, pictures),
    }))(),
  ]);
  const secondaryCaptureUids = captures.map((_, index) => secondaryCaptureUid(result, index + 1));
  const bundle = buildResultBundle(result, pdf, { secondaryCaptureUids });
  return {
    main: [
      { name: 'seg.dcm', bytes: seg },
      { name: 'sr.dcm', bytes: sr },
      { name: 'report.pdf', bytes: pdf },
      { name: 'report.dcm', bytes: buildEncapsulatedPdf(result, pdf) },
      { name: 'bundle.json', bytes: text(`${JSON.stringify(bundle, null, 2)}\n`) },
    ],
    captures: captures.map((bytes, index) => ({ name: `overlay/${String(index + 1).padStart(2, '0')}.dcm`, bytes })),
  };
}
