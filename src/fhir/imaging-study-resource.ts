import type { Coding, ImagingStudy, ImagingStudySeries } from '@medplum/fhirtypes';
import { CODE_SYSTEM_URLS, CODES } from '../domain/codes.ts';
import type { AnalysisResult } from '../domain/result.ts';
import { HL7, PROFILES } from './canonicals.ts';
import { codingOf, dicomUid, RESEARCH_TAGS } from './concepts.ts';
import { fhirDateTime } from './dicom-time.ts';
import { narrativeOf } from './narrative.ts';
import type { BundleContext } from './result-context.ts';

const SOP_CLASSES = {
  segmentation: '1.2.840.10008.5.1.4.1.1.66.4',
  comprehensive3dSr: '1.2.840.10008.5.1.4.1.1.88.34',
  encapsulatedPdf: '1.2.840.10008.5.1.4.1.1.104.1',
  secondaryCapture: '1.2.840.10008.5.1.4.1.1.7',
} as const;

const MODALITIES: Readonly<Record<string, string>> = {
  MR: 'Magnetic Resonance',
  SEG: 'Segmentation',
  SR: 'Structured Report Document',
  DOC: 'Document',
  OT: 'Other',
};

const modalityOf = (code: string): Coding => ({
  system: CODE_SYSTEM_URLS.DCM,
  code,
  ...(MODALITIES[code] && { display: MODALITIES[code] }),
});

const sopClassOf = (uid: string): Coding => ({ system: 'urn:ietf:rfc:3986', code: `urn:oid:${uid}` });

interface Made {
  readonly modality: string;
  readonly seriesUid: string;
  readonly sopClassUid: string;
  readonly description: string;
  readonly instances: readonly string[];
}

function madeSeries({ identifiers }: AnalysisResult, secondaryCaptureUids: readonly string[]): Made[] {
  const made = [
    {
      modality: 'SEG',
      seriesUid: identifiers.segSeriesUid,
      sopClassUid: SOP_CLASSES.segmentation,
      description: 'Hippocampus segmentation',
      instances: [identifiers.segUid],
    },
    {
      modality: 'SR',
      seriesUid: identifiers.srSeriesUid,
      sopClassUid: SOP_CLASSES.comprehensive3dSr,
      description: 'Hippocampus measurements',
      instances: [identifiers.srUid],
    },
    {
      modality: 'DOC',
      seriesUid: identifiers.pdfSeriesUid,
      sopClassUid: SOP_CLASSES.encapsulatedPdf,
      description: 'Hippocampus report',
      instances: [identifiers.pdfUid],
    },
    {
      modality: 'OT',
      seriesUid: identifiers.scSeriesUid,
      sopClassUid: SOP_CLASSES.secondaryCapture,
      description: 'Hippocampus overlays',
      instances: secondaryCaptureUids,
    },
  ];
  return made.filter(({ instances }) => instances.length > 0);
}

function sourceSeries({ series, sourceImages }: AnalysisResult): ImagingStudySeries {
  // A multi-frame source is one instance however many of its frames are slices.
  const instances = new Map(sourceImages.map(({ sopInstanceUid, sopClassUid }) => [sopInstanceUid, sopClassUid]));
  return {
    uid: series.seriesInstanceUid,
    ...(series.seriesNumber !== undefined && series.seriesNumber >= 0 && { number: series.seriesNumber }),
    modality: modalityOf('MR'),
    ...(series.seriesDescription && { description: series.seriesDescription }),
    numberOfInstances: instances.size,
    bodySite: codingOf(CODES.brain),
    instance: [...instances].map(([uid, sopClassUid]) => ({ uid, sopClass: sopClassOf(sopClassUid) })),
  };
}

function derivedSeries(made: Made): ImagingStudySeries {
  return {
    uid: made.seriesUid,
    modality: modalityOf(made.modality),
    description: made.description,
    numberOfInstances: made.instances.length,
    instance: made.instances.map((uid) => ({ uid, sopClass: sopClassOf(made.sopClassUid) })),
  };
}

/**
 * The study as it was used: the measured series with its instances and the series made from it. Series that were not
 * measured are counted, not listed. A study time without a zone becomes a date.
 */
export function imagingStudyResource(context: BundleContext): ImagingStudy {
  const { result, references } = context;
  const { study } = result;
  const series = [sourceSeries(result), ...madeSeries(result, context.secondaryCaptureUids).map(derivedSeries)];
  const started = fhirDateTime(study.studyDate, study.studyTime, study.timezoneOffsetFromUtc);
  const modalities = [...new Set(series.map((one) => one.modality.code!))];
  const whole = result.rejectedSeries.length === 0;
  return {
    resourceType: 'ImagingStudy',
    meta: { profile: [PROFILES.imagingStudy], tag: RESEARCH_TAGS },
    text: narrativeOf(
      'Imaging study',
      series.map((one) => [one.modality.code!, `${one.numberOfInstances} instances`]),
      [],
    ),
    identifier: [
      dicomUid(study.studyInstanceUid),
      ...(study.accessionNumber ? [accessionIdentifier(study.accessionNumber)] : []),
    ],
    status: 'available',
    modality: modalities.map(modalityOf),
    subject: references.patient,
    ...(started && { started }),
    numberOfSeries: series.length + result.rejectedSeries.length,
    // The other series' instances were not all read: no count is better than a wrong one.
    ...(whole && { numberOfInstances: series.reduce((sum, one) => sum + one.numberOfInstances!, 0) }),
    ...(study.studyDescription && { description: study.studyDescription }),
    series,
  };
}

/** The accession number with its type; it has no system, because the header names none that could be trusted. */
export const accessionIdentifier = (accessionNumber: string) => ({
  type: { coding: [{ system: HL7.identifierType, code: 'ACSN', display: 'Accession ID' }] },
  value: accessionNumber,
});
