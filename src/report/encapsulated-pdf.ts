import { encodeDicom, type NaturalDataset } from '../dicom/encode.ts';
import { CODES } from '../domain/codes.ts';
import type { AnalysisResult } from '../domain/result.ts';
import {
  codeItem,
  equipmentModule,
  instanceReference,
  momentOf,
  patientModule,
  SOP_CLASSES,
  seriesModule,
  sopCommonModule,
  sourceInstancesOf,
  studyModule,
} from './object-modules.ts';

/**
 * The report as a DICOM file: Encapsulated PDF Storage (PS3.3 A.45.1), explicit little endian.
 *
 * @param pdf the page as written; its true length stays in Encapsulated Document Length when a byte of padding is added.
 */
export function buildEncapsulatedPdf(result: AnalysisResult, pdf: Uint8Array): Uint8Array {
  return encodeDicom(encapsulatedPdfDataset(result, pdf));
}

/** The dataset of `buildEncapsulatedPdf`, before it is written. */
export function encapsulatedPdfDataset(result: AnalysisResult, pdf: Uint8Array): NaturalDataset {
  const { identifiers } = result;
  return {
    ...sopCommonModule(result, SOP_CLASSES.encapsulatedPdf, identifiers.pdfUid),
    ...patientModule(result),
    ...studyModule(result),
    ...seriesModule(result, {
      modality: 'DOC',
      seriesInstanceUid: identifiers.pdfSeriesUid,
      description: 'Hippocampus report',
    }),
    ...equipmentModule(result),
    ...documentModule(result, pdf),
  };
}

/** SC Equipment and Encapsulated Document, PS3.3 C.8.6.1 and C.24.2. */
function documentModule(result: AnalysisResult, pdf: Uint8Array): NaturalDataset {
  const { date, time } = momentOf(result);
  const { identifiers } = result;
  return {
    ConversionType: 'WSD',
    InstanceNumber: 1,
    ContentDate: date,
    ContentTime: time,
    // When the pixels were acquired is not among what the result carries; the attribute may be empty.
    AcquisitionDateTime: '',
    // The page names the patient.
    BurnedInAnnotation: 'YES',
    SourceInstanceSequence: [
      ...sourceInstancesOf(result).map((image) => instanceReference(image.sopClassUid, image.sopInstanceUid)),
      instanceReference(SOP_CLASSES.segmentation, identifiers.segUid),
      instanceReference(SOP_CLASSES.comprehensive3dSr, identifiers.srUid),
    ],
    DocumentTitle: 'Hippocampal volumetry, research use only',
    ConceptNameCodeSequence: [codeItem(CODES.diagnosticImagingStudy)],
    VerificationFlag: 'UNVERIFIED',
    MIMETypeOfEncapsulatedDocument: 'application/pdf',
    EncapsulatedDocument: pdf,
    EncapsulatedDocumentLength: pdf.length,
  };
}
