import type { Clock } from '../ports/index.ts';
import { type AppRouter, createRouter } from './context.ts';

/** One thing that must work. Details are plain words or numbers: no path, no address, no secret. */
export interface HealthCheck {
  readonly ok: boolean;
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
}

/** Looks; throws or answers `ok: false` when the thing does not work. */
export type Probe = () => Promise<HealthCheck>;

export interface HealthReport {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** When the checks were made. */
  readonly at: string;
}

export interface Health {
  /** The report of a moment ago at most; one set of probes runs at a time, however many ask. */
  report(): Promise<HealthReport>;
}

export interface HealthDeps {
  /** By name: storage, model, disk. */
  readonly probes: Readonly<Record<string, Probe>>;
  readonly clock: Clock;
  /** A probe that has not answered after so long has failed. */
  readonly timeoutMs?: number;
}

/** Probes write to the disk, and anybody may ask: they run at most this often. */
const FRESH_MS = 2000;
const TIMEOUT_MS = 5000;

export function createHealth({ probes, clock, timeoutMs = TIMEOUT_MS }: HealthDeps): Health {
  let latest: { readonly madeAt: number; readonly report: Promise<HealthReport> } | undefined;
  const look = async (): Promise<HealthReport> => {
    const entries = await Promise.all(
      Object.entries(probes).map(async ([name, probe]) => [name, await answered(probe, timeoutMs)] as const),
    );
    const ready = entries.every(([, { ok }]) => ok);
    return { ready, checks: Object.fromEntries(entries), at: clock.now().toISOString() };
  };
  return {
    report: () => {
      const now = clock.now().getTime();
      if (latest === undefined || Math.abs(now - latest.madeAt) >= FRESH_MS) latest = { madeAt: now, report: look() };
      return latest.report;
    },
  };
}

async function answered(probe: Probe, timeoutMs: number): Promise<HealthCheck> {
  const late = Promise.withResolvers<HealthCheck>();
  const timer = setTimeout(() => late.resolve({ ok: false, detail: { reason: 'no answer in time' } }), timeoutMs);
  try {
    return await Promise.race([probe(), late.promise]);
  } catch {
    return { ok: false };
  } finally {
    clearTimeout(timer);
  }
}

/** GET /health/live: the process answers. GET /health/ready: 200 when requests can be served, else 503. */
export function healthRoutes(health: Health): AppRouter {
  return createRouter('/health')
    .get('/live', (ctx) => {
      ctx.body = { status: 'live' };
    })
    .get('/ready', async (ctx) => {
      const { ready } = await health.report();
      ctx.status = ready ? 200 : 503;
      if (!ready) ctx.set('Retry-After', '1');
      ctx.body = { status: ready ? 'ready' : 'not ready' };
    });
}
