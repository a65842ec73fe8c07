import { startSnapshotThread } from './snapshot-loop.ts';

startSnapshotThread();
