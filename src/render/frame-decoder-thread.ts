import { parentPort } from 'node:worker_threads';
import { type FrameChannel, serveFrames } from './frame-service.ts';

serveFrames(parentPort as FrameChannel);
