import { describeDicomIndex } from '../../../test/contract/dicom-index.contract.ts';
import { openMemoryStore } from './memory-store.ts';

describeDicomIndex('memory', () => openMemoryStore());
