import { systemClock } from '../../src/compose.ts';
import { composeServer, ROLES } from '../../src/compose-server.ts';
import { loadConfig } from '../../src/config.ts';
import { SharpImageEncoder } from '../../src/render/sharp-image-encoder.ts';
import { openRecordedAnalyst } from './recorded-analyst.ts';

/** A server that is real in everything but the measuring. Settings come from the environment; SIGTERM stops it. */
const config = loadConfig(new URL('../../config/default.json', import.meta.url), process.env);
const analyst = await openRecordedAnalyst({ encoder: new SharpImageEncoder() });
const server = await composeServer(config, {
  roles: ROLES,
  logStream: process.stderr,
  analyst,
  // As `serve` does it.
  onFailure: () => void server.close().finally(() => process.exit(1)),
});
const { url } = await server.start();
process.stdout.write(`${url} ${systemClock.now().toISOString()}\n`);
process.once('SIGTERM', () => void server.close().then(() => process.exit(0)));
