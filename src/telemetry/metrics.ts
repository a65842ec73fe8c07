import { readdir } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { GaugeValue, Metrics } from '../ports/index.ts';

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const STEP_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const COMMIT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const GROUP_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const NANOSECONDS = 1e9;
const RESOLUTION_MS = 10;

/** Counts of one server in a registry of its own, so that two in one process do not add up. */
export function createMetrics(): Metrics & { close(): void } {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const counted = createCounters(registers);
  const close = observeProcess(registry);
  return {
    ...counted,
    gauge: (name, help, read) => addGauge(registry, name, help, read),
    text: () => registry.metrics(),
    close,
  };
}

function createCounters(registers: Registry[]): Omit<Metrics, 'gauge' | 'text'> {
  const http = new Histogram({
    name: 'neuroinsight_http_request_duration_seconds',
    help: 'HTTP requests by route, method and status',
    labelNames: ['route', 'method', 'status'],
    buckets: REQUEST_SECONDS,
    registers,
  });
  const steps = new Histogram({
    name: 'neuroinsight_run_step_duration_seconds',
    help: 'Steps of runs',
    labelNames: ['step'],
    buckets: STEP_SECONDS,
    registers,
  });
  const runs = new Counter({
    name: 'neuroinsight_runs_finished_total',
    help: 'Runs that ended, by state',
    labelNames: ['state'],
    registers,
  });
  const commits = createCommitHistograms(registers);
  const damages = new Counter({
    name: 'neuroinsight_damage_total',
    help: 'Stored rows and packs found not to be what was written, by kind',
    labelNames: ['kind'],
    registers,
  });
  return {
    httpRequest: (route, method, status, seconds) =>
      http.observe({ route, method: METHODS.has(method) ? method : 'other', status: String(status) }, seconds),
    runStep: (step, seconds) => steps.observe({ step }, seconds),
    runFinished: (state) => runs.inc({ state }),
    commit: (seconds, grouped) => {
      commits.seconds.observe(seconds);
      commits.group.observe(grouped);
    },
    damage: (kind) => damages.inc({ kind }),
    ...createExchangeCounters(registers),
  };
}

function createCommitHistograms(registers: Registry[]) {
  const seconds = new Histogram({
    name: 'neuroinsight_commit_duration_seconds',
    help: 'From handing a commit in until it is durable',
    buckets: COMMIT_SECONDS,
    registers,
  });
  const group = new Histogram({
    name: 'neuroinsight_commit_group_size',
    help: 'Commits that shared one sync of the disk',
    buckets: GROUP_SIZES,
    registers,
  });
  return { seconds, group };
}

function createExchangeCounters(registers: Registry[]): Pick<Metrics, 'delivery' | 'pulled'> {
  const deliveries = new Histogram({
    name: 'neuroinsight_delivery_duration_seconds',
    help: 'Deliveries to destinations by outcome',
    labelNames: ['destination', 'outcome'],
    buckets: STEP_SECONDS,
    registers,
  });
  const pulled = new Counter({
    name: 'neuroinsight_pulled_instances_total',
    help: 'Instances pulled from sources, stored or refused',
    labelNames: ['source', 'outcome'],
    registers,
  });
  return {
    delivery: (destination, outcome, seconds) => deliveries.observe({ destination, outcome }, seconds),
    pulled: (source, instances, refused) => {
      pulled.inc({ source, outcome: 'stored' }, instances);
      pulled.inc({ source, outcome: 'refused' }, refused);
    },
  };
}

/** A gauge that is read at each scrape. One that cannot be read is left out of it: the others must not suffer. */
function addGauge(registry: Registry, name: string, help: string, read: Read): void {
  const plain = new Gauge({
    name,
    help,
    labelNames: ['state'],
    registers: [registry],
    collect: async () => {
      plain.reset();
      const value = await settled(read);
      if (typeof value === 'number') plain.set(value);
      else for (const [state, count] of Object.entries(value ?? {})) plain.set({ state }, count);
    },
  });
}

type Read = Parameters<Metrics['gauge']>[2];

async function settled(read: Read): Promise<GaugeValue | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}

/** Event-loop delay, memory, processor time and open files of this process. */
function observeProcess(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  addGauge(registry, 'neuroinsight_event_loop_delay_seconds', 'Delay of the event loop since the last scrape', () => {
    const quantiles = { p50: delay.percentile(50), p99: delay.percentile(99), max: delay.max };
    delay.reset();
    return secondsOf(quantiles);
  });
  addGauge(registry, 'neuroinsight_process_memory_bytes', 'Memory of the server process by kind', () => {
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    return Promise.resolve({ rss, heapUsed, external, arrayBuffers });
  });
  addGauge(registry, 'neuroinsight_process_cpu_seconds', 'Processor time of the server process', () => {
    const { user, system } = process.cpuUsage();
    return Promise.resolve({ user: user / 1e6, system: system / 1e6 });
  });
  addGauge(registry, 'neuroinsight_process_uptime_seconds', 'Seconds since the start', () => process.uptime());
  addGauge(registry, 'neuroinsight_process_open_files', 'Open file descriptors, where the system tells', async () => {
    return (await readdir('/proc/self/fd')).length;
  });
  return () => delay.disable();
}

const secondsOf = async (values: Readonly<Record<string, number>>): Promise<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(values).map(([name, nanoseconds]) => [name, Math.max(0, nanoseconds / NANOSECONDS)]),
  );
