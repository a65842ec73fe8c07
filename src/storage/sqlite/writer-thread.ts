import { startWriterThread } from './writer-loop.ts';

startWriterThread();
