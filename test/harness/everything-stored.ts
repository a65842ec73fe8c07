import type { Commit } from '../../src/ports/index.ts';
import { packRow, studyKeyRow } from '../contract/packs.contract.ts';
import {
  AT,
  apiKeyRow,
  auditRow,
  instanceRow,
  outboxRow,
  patientVersion,
  runRow,
  sha256Of,
} from '../contract/store-rows.ts';

/** One row of everything that a store keeps, for a or for b, so that one can be put in the place of the other. */
export function everythingOf(name: 'a' | 'b', other: 'a' | 'b'): Omit<Commit, 'site'> {
  const study = name === 'a' ? '1.2.1' : '1.2.2';
  return {
    resources: [{ expected: 0, row: patientVersion(name, 1, `Family of ${name}`) }],
    instances: [
      instanceRow({ study, series: `${study}.1`, uid: `${study}.1.1` }, { ...inPack(name), receivedFrom: name }),
    ],
    runs: [{ expected: 0, row: runRow(name, { studyInstanceUid: study }) }],
    runLog: [{ runId: name, at: AT, level: 'info', message: `said of ${name}` }],
    outbox: [{ expected: 0, row: outboxRow(name, { runId: name, destination: `to ${name}` }) }],
    apiKeys: [{ expected: 0, row: apiKeyRow(name, { secretSha256: sha256Of(`secret ${name}`) }) }],
    seen: [
      {
        source: 'pacs',
        studyInstanceUid: study,
        numberOfInstances: 1,
        pulledInstances: undefined,
        refusedInstances: 0,
        attempt: 1,
        seenAt: AT,
      },
    ],
    audit: [auditRow(name, { patients: [`Patient/${name}`], entities: [`Observation/${other}`] })],
    studyKeys: [studyKeyRow(study, 'kek')],
    packs: [packRow(`pack ${name}`, { studyInstanceUid: study })],
    documents: [{ expected: 0, row: { kind: 'scrub', id: name, version: 1, content: { of: name } } }],
  };
}

const inPack = (name: string) => ({
  blob: { pack: `pack ${name}`, offset: 0, length: 100 },
  metadata: { pack: `pack ${name}`, offset: 100, length: 20 },
});
