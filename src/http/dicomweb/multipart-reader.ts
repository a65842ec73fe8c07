export * from '../../dicom/multipart-reader.ts';
