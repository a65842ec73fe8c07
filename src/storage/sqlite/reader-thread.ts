import { startReaderThread } from './reader-loop.ts';

startReaderThread();
