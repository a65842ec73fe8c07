import { describeApiKeys } from '../../../test/contract/api-keys.contract.ts';
import { describeAuditLog } from '../../../test/contract/audit-log.contract.ts';
import { describeChanges } from '../../../test/contract/changes.contract.ts';
import { describeDocuments } from '../../../test/contract/documents.contract.ts';
import { describeLedger } from '../../../test/contract/ledger.contract.ts';
import { describeOutbox } from '../../../test/contract/outbox.contract.ts';
import { describePacks } from '../../../test/contract/packs.contract.ts';
import { describeRemovals } from '../../../test/contract/removals.contract.ts';
import { describeRetentionReader } from '../../../test/contract/retention-reader.contract.ts';
import { describeRuns } from '../../../test/contract/runs.contract.ts';
import { describeSeen } from '../../../test/contract/seen.contract.ts';
import { openMemoryStore } from './memory-store.ts';

const open = async () => openMemoryStore();

describeLedger('memory', open);
describeRuns('memory', open);
describeOutbox('memory', open);
describeApiKeys('memory', open);
describeAuditLog('memory', open);
describeSeen('memory', open);
describePacks('memory', open);
describeDocuments('memory', open);
describeChanges('memory', open);
describeRemovals('memory', open);
describeRetentionReader('memory', open);
