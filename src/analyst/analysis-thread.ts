import { parentPort, workerData } from 'node:worker_threads';
import { type MainChannel, serveAnalyses } from './analysis-service.ts';

serveAnalyses(parentPort as MainChannel, workerData);
