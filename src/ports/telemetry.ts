/** Fields that may stand in a log line; anything else is dropped by the logger. No PHI among them. */
export interface LogFields {
  readonly [name: string]: string | number | boolean | undefined | Error;
}

export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** W3C Trace Context, level 1. */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** For the next hop. */
  readonly traceparent: string;
}

/** The trace of what is being done now, carried over awaits. */
export interface Tracing {
  current(): Trace;
  /** Runs `work` under a child of the given traceparent, or under a new trace when there is none or it is malformed. */
  run<T>(traceparent: string | undefined, work: () => Promise<T>): Promise<T>;
}

/** One number, or one for each state. */
export type GaugeValue = number | Readonly<Record<string, number>>;

/** What the parts of the server count; names and labels are the telemetry room's. */
export interface Metrics {
  httpRequest(route: string, method: string, status: number, seconds: number): void;
  runStep(step: string, seconds: number): void;
  runFinished(state: string): void;
  delivery(destination: string, outcome: 'delivered' | 'failed' | 'dead', seconds: number): void;
  pulled(source: string, instances: number, refused: number): void;
  commit(seconds: number, grouped: number): void;
  /** Something stored is not what was written; `kind` names the table, or `pack`. */
  damage(kind: string): void;
  /** Asked for at each scrape. */
  gauge(name: string, help: string, read: () => GaugeValue | Promise<GaugeValue>): void;
  /** Prometheus text. */
  text(): Promise<string>;
}
