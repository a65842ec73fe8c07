import { type BlobLocation, type InstanceRow, MATCHABLE } from '../../ports/index.ts';
import type { Value } from './database.ts';
import { columnOf } from './dicom-columns.ts';
import type { Operation } from './operation.ts';
import type { MacKey } from './row-mac.ts';
import { type SealedValues, sealOf } from './sealed-rows.ts';

/**
 * Adds instances with the study and series they need. Study and series keep the attributes of their first instance.
 * An instance that is stored with the same bytes changes nothing, not even a count.
 *
 * @param key of the MACs of rows.
 */
export function planInstances(site: string, instances: readonly InstanceRow[], key: MacKey): Operation[] {
  const operations: Operation[] = [];
  const studies = new Set<string>();
  const series = new Set<string>();
  for (const row of instances) {
    const { studyInstanceUid, seriesInstanceUid } = row;
    if (!studies.has(studyInstanceUid)) operations.push(addStudy(site, row, key));
    studies.add(studyInstanceUid);
    const seriesKey = `${studyInstanceUid}/${seriesInstanceUid}`;
    if (!series.has(seriesKey)) operations.push(addSeries(site, row, key));
    series.add(seriesKey);
    operations.push(...addInstance(site, row, key));
  }
  for (const study of studies) operations.push(['summarise study', [site, study]]);
  return operations;
}

function addStudy(site: string, { studyInstanceUid: study, attributes }: InstanceRow, key: MacKey): Operation {
  const columns = MATCHABLE.study
    .filter((keyword) => keyword !== 'StudyInstanceUID' && keyword !== 'ModalitiesInStudy')
    .map((keyword) => columnOf(keyword, attributes.study));
  const json = JSON.stringify(attributes.study);
  const mac = sealOf(key, 'study', { site, StudyInstanceUID: study, attributes: json });
  return ['add study', [site, study, ...columns, json, mac], undefined, { study, part: 'begun' }];
}

function addSeries(site: string, row: InstanceRow, key: MacKey): Operation {
  const { studyInstanceUid: study, seriesInstanceUid: series, attributes } = row;
  const columns = MATCHABLE.series
    .filter((keyword) => keyword !== 'SeriesInstanceUID')
    .map((keyword) => columnOf(keyword, attributes.series));
  const json = JSON.stringify(attributes.series);
  const mac = sealOf(key, 'series', { site, StudyInstanceUID: study, SeriesInstanceUID: series, attributes: json });
  return ['add series', [site, study, series, ...columns, json, mac]];
}

function addInstance(site: string, row: InstanceRow, key: MacKey): Operation[] {
  const { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: uid, blob, metadata } = row;
  const content = contentColumns(site, row);
  const place = placeColumns(site, row);
  const mac = sealOf(key, 'instance', content);
  const { site: _, SOPInstanceUID: __, ...locations } = place;
  const params: Value[] = [
    ...Object.values(content),
    ...['ContentDate', 'ContentTime', 'NumberOfFrames'].map((keyword) => columnOf(keyword, row.attributes.instance)),
    ...Object.values(locations),
    mac,
    sealOf(key, 'place', place),
  ];
  const afterwards: Operation[] = [
    ['count in series', [site, study, series], 'one'],
    ['count in study', [site, study, row.isSource ? row.receivedAt : null], 'one'],
  ];
  if (metadata.pack !== blob.pack) afterwards.push(['refer to pack', [site, `metadata/${uid}`, metadata.pack]]);
  return [
    ['find other instance', [site, uid, row.receivedSha256], 'no-other-bytes'],
    ['add instance', params, { elsePass: afterwards.length }, { study, part: 'added', mac }],
    ...afterwards,
  ];
}

/** In the order of SEALED, which that of the statement is. */
function contentColumns(site: string, row: InstanceRow): SealedValues<'instance'> {
  return {
    site,
    StudyInstanceUID: row.studyInstanceUid,
    SeriesInstanceUID: row.seriesInstanceUid,
    SOPInstanceUID: row.sopInstanceUid,
    SOPClassUID: row.sopClassUid,
    InstanceNumber: row.instanceNumber ?? null,
    transfer_syntax: row.transferSyntaxUid,
    frames: JSON.stringify(row.frames),
    received_sha256: row.receivedSha256,
    stored_sha256: row.storedSha256,
    received_at: row.receivedAt,
    received_from: row.receivedFrom,
    is_source: row.isSource ? 1 : 0,
    attributes: JSON.stringify(row.attributes.instance),
  };
}

/** Where the bytes of an instance lie, in the order of SEALED. */
export function placeColumns(
  site: string,
  row: { readonly sopInstanceUid: string; readonly blob: BlobLocation; readonly metadata: BlobLocation },
): SealedValues<'place'> {
  return {
    site,
    SOPInstanceUID: row.sopInstanceUid,
    pack: row.blob.pack,
    blob_offset: row.blob.offset,
    blob_length: row.blob.length,
    metadata_pack: row.metadata.pack,
    metadata_offset: row.metadata.offset,
    metadata_length: row.metadata.length,
  };
}
