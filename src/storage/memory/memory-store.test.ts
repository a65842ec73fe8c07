import { describeApiKeys } from '../../../test/contract/api-keys.contract.ts';
import { describeAuditLog } from '../../../test/contract/audit-log.contract.ts';
import { describeLedger } from '../../../test/contract/ledger.contract.ts';
import { describeOutbox } from '../../../test/contract/outbox.contract.ts';
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
