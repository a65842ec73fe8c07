import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { NeuroInsightError } from './domain/errors.ts';

const Analysis = z.strictObject({
  /** Folder of the model; null means the one that comes with the software. */
  modelDir: z.string().min(1).nullable(),
  /** Threads of the inference child. */
  threads: z.int().min(1).max(64),
  inferenceTimeoutSeconds: z.int().min(1).max(3600),
  inferenceMemoryMiB: z.int().min(256).max(65_536),
});

const Schema = z.strictObject({ analysis: Analysis });
export type Config = z.infer<typeof Schema>;

/** Environment variable -> place in the configuration. The only names that are read. */
export const ENVIRONMENT = {
  NEUROINSIGHT_MODEL_DIR: ['analysis', 'modelDir'],
  NEUROINSIGHT_THREADS: ['analysis', 'threads'],
  NEUROINSIGHT_INFERENCE_TIMEOUT_SECONDS: ['analysis', 'inferenceTimeoutSeconds'],
  NEUROINSIGHT_INFERENCE_MEMORY_MIB: ['analysis', 'inferenceMemoryMiB'],
} as const satisfies Record<string, readonly [keyof Config, string]>;

const NUMERIC = /^\d+$/;

/**
 * config/default.json, then the NEUROINSIGHT_* variables over it.
 * Throws invalid-configuration for an unknown key or variable and for a value outside its bounds: a misspelt
 * setting that is silently ignored is worse than a start that is refused.
 */
export function loadConfig(defaults: URL, environment: NodeJS.ProcessEnv): Config {
  const value: Record<string, Record<string, unknown>> = JSON.parse(readFileSync(defaults, 'utf8'));
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('NEUROINSIGHT_') || text === undefined) continue;
    if (!Object.hasOwn(ENVIRONMENT, name)) {
      throw new NeuroInsightError('invalid-configuration', `unknown setting ${name}`);
    }
    const [section, key] = ENVIRONMENT[name as keyof typeof ENVIRONMENT];
    value[section] = { ...value[section], [key]: NUMERIC.test(text) ? Number(text) : text };
  }
  const parsed = Schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new NeuroInsightError('invalid-configuration', `setting ${issue?.path.join('.')}: ${issue?.message}`);
}
