import { type InstanceRow, MATCHABLE } from '../../ports/index.ts';
import type { Value } from './database.ts';
import { columnOf } from './dicom-columns.ts';
import type { Operation } from './operation.ts';

/**
 * Adds instances with the study and series they need. Study and series keep the attributes of their first instance.
 * An instance that is stored with the same bytes changes nothing, not even a count.
 */
export function planInstances(site: string, instances: readonly InstanceRow[]): Operation[] {
  const operations: Operation[] = [];
  const studies = new Set<string>();
  const series = new Set<string>();
  for (const row of instances) {
    const { studyInstanceUid, seriesInstanceUid } = row;
    if (!studies.has(studyInstanceUid)) operations.push(addStudy(site, row));
    studies.add(studyInstanceUid);
    const seriesKey = `${studyInstanceUid}/${seriesInstanceUid}`;
    if (!series.has(seriesKey)) operations.push(addSeries(site, row));
    series.add(seriesKey);
    operations.push(...addInstance(site, row));
  }
  for (const study of studies) operations.push(['summarise study', [site, study]]);
  return operations;
}

function addStudy(site: string, { studyInstanceUid, attributes }: InstanceRow): Operation {
  const columns = MATCHABLE.study
    .filter((keyword) => keyword !== 'StudyInstanceUID' && keyword !== 'ModalitiesInStudy')
    .map((keyword) => columnOf(keyword, attributes.study));
  return ['add study', [site, studyInstanceUid, ...columns, JSON.stringify(attributes.study)]];
}

function addSeries(site: string, { studyInstanceUid, seriesInstanceUid, attributes }: InstanceRow): Operation {
  const columns = MATCHABLE.series
    .filter((keyword) => keyword !== 'SeriesInstanceUID')
    .map((keyword) => columnOf(keyword, attributes.series));
  return ['add series', [site, studyInstanceUid, seriesInstanceUid, ...columns, JSON.stringify(attributes.series)]];
}

function addInstance(site: string, row: InstanceRow): Operation[] {
  const { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: uid, blob, metadata } = row;
  const params: Value[] = [
    site,
    study,
    series,
    uid,
    row.sopClassUid,
    row.instanceNumber ?? null,
    columnOf('ContentDate', row.attributes.instance),
    columnOf('ContentTime', row.attributes.instance),
    columnOf('NumberOfFrames', row.attributes.instance),
    row.transferSyntaxUid,
    blob.pack,
    blob.offset,
    blob.length,
    metadata.pack,
    metadata.offset,
    metadata.length,
    JSON.stringify(row.frames),
    row.receivedSha256,
    row.storedSha256,
    row.receivedAt,
    row.receivedFrom,
    row.isSource ? 1 : 0,
    JSON.stringify(row.attributes.instance),
  ];
  const afterwards: Operation[] = [
    ['count in series', [site, study, series], 'one'],
    ['count in study', [site, study, row.isSource ? row.receivedAt : null], 'one'],
  ];
  if (metadata.pack !== blob.pack) afterwards.push(['refer to pack', [site, `metadata/${uid}`, metadata.pack]]);
  return [
    ['find other instance', [site, uid, row.receivedSha256], 'no-other-bytes'],
    ['add instance', params, { elsePass: afterwards.length }],
    ...afterwards,
  ];
}
