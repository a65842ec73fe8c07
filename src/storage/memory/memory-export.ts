import type { ExportReader, Sited } from '../transfer/export-reader.ts';
import { keyOf, type Table, type Tables } from './tables.ts';

/** Everything in the memory store as it is now: tables are copied, their rows never change. */
export function openMemoryExportReader(tables: Tables): ExportReader {
  const copied = <Row>(table: Table<Row>): readonly Sited<Row>[] => [...table.values()];
  const { sequence = 0, chain = '' } = tables.log.at(-1) ?? {};
  const runs = copied(tables.runs);
  const [log, outbox, instances] = [copied(tables.runLog), copied(tables.outbox), copied(tables.instances)];
  const known = new Set(runs.map(({ site, row }) => keyOf(site, row.id)));
  const [versions, studies] = [copied(tables.versions), copied(tables.studies)];
  const [apiKeys, seen, documents] = [copied(tables.apiKeys), copied(tables.seen), copied(tables.documents)];
  const audit = copied(tables.audit);
  return {
    log: { sequence, chain },
    resources: () => listed(versions),
    studies: () =>
      listed(
        studies.map(({ site, row }) => {
          const { studyInstanceUid, sourceReceivedAt, consideredAt } = row;
          return { site, row: { studyInstanceUid, sourceReceivedAt, consideredAt } };
        }),
      ),
    async *instancesOf(site, studyInstanceUid) {
      for (const entry of instances) {
        if (entry.site === site && entry.row.studyInstanceUid === studyInstanceUid) yield entry.row;
      }
    },
    runs: () =>
      listed(
        runs.map(({ site, row: run }) => ({
          site,
          row: {
            run,
            log: log.filter((line) => line.site === site && line.row.runId === run.id).map(({ row }) => row),
            outbox: outbox.filter((entry) => entry.site === site && entry.row.runId === run.id).map(({ row }) => row),
          },
        })),
      ),
    looseOutbox: () => listed(outbox.filter(({ site, row }) => !known.has(keyOf(site, row.runId)))),
    apiKeys: () => listed(apiKeys),
    seen: () => listed(seen),
    documents: () => listed(documents),
    audit: () => listed(audit),
    release: async () => undefined,
  };
}

async function* listed<Row>(rows: readonly Sited<Row>[]): AsyncGenerator<Sited<Row>> {
  yield* rows;
}
