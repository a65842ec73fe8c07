import { requireMetrics } from '../access/scopes.ts';
import type { Metrics } from '../ports/index.ts';
import { type AppRouter, createRouter } from './context.ts';

/** GET /metrics in the text format of Prometheus; for keys with neuroinsight/metrics.r or system/*.r. */
export function metricsRoutes(metrics: Metrics): AppRouter {
  return createRouter('').get('/metrics', async (ctx) => {
    requireMetrics(ctx.state.principal);
    ctx.body = await metrics.text();
    ctx.set('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
  });
}
