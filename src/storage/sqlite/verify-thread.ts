import { startVerifyThread } from './verify-loop.ts';

startVerifyThread();
