import { describeResources } from '../../../test/contract/resources.contract.ts';
import { openMemoryStore } from './memory-store.ts';

describeResources('memory', (mostPageBytes) => openMemoryStore(mostPageBytes === undefined ? {} : { mostPageBytes }));
