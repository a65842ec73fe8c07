import { digestOf } from '../domain/identity.ts';
import { encodeMrSeries } from '../imaging/mr-series.ts';
import { readNifti } from '../imaging/nifti.ts';
import { refuseUnusable } from '../imaging/usable-volume.ts';
import type { ByteFile } from './byte-files.ts';

/** By its name, since a gzip stream says nothing about what is inside. */
export function isNifti(name: string): boolean {
  return /\.nii(\.gz)?$/i.test(name);
}

/** Says what the person who handed the file over stated: NIfTI keeps no sequence parameters. */
export const NIFTI_SERIES_DESCRIPTION = 'T1w (NIfTI import)';

/**
 * A NIfTI image as the DICOM MR series that it would have been, in memory: SEG and SR need source images to refer to,
 * and one road through the walk is enough. Identifiers derive from the bytes, so the same file is the same study.
 */
export function niftiAsMrSeries(bytes: Uint8Array): readonly ByteFile[] {
  const volume = readNifti(bytes);
  refuseUnusable(volume);
  const digest = digestOf([bytes]);
  const files = encodeMrSeries(volume, {
    identifiersFrom: digest,
    kind: 'classic',
    sliceOrder: 'ascending',
    patient: { patientId: `NIFTI-${digest.slice(0, 12).toUpperCase()}` },
    study: { studyDescription: 'NIfTI import' },
    series: { seriesDescription: NIFTI_SERIES_DESCRIPTION, seriesNumber: 1 },
    acquisition: { imageType: ['DERIVED', 'PRIMARY'], mrAcquisitionType: '3D' },
  });
  return files.map((file, index) => ({
    name: `slice-${String(index + 1).padStart(4, '0')}.dcm`,
    size: file.byteLength,
    read: async () => file,
  }));
}
