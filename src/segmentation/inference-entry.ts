import { serveInference } from './inference-service.ts';

serveInference(process, process.exit);
