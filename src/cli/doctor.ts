import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, freemem, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { modelFolder } from '../compose.ts';
import type { Config } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { SharpImageEncoder } from '../render/sharp-image-encoder.ts';
import { openSegmenter } from '../segmentation/onnx-segmenter.ts';
import { DATA_CHECKS } from './doctor-data.ts';
import type { Terminal } from './main.ts';

const REQUIRED_NODE_MAJOR = 24;
const REQUIRED_MEMORY_MIB = 2048;

/** One thing that must hold; `check` resolves to what it found and throws a sentence that says what to do. */
export interface Check {
  readonly name: string;
  check(config: Config): Promise<string>;
}

const MACHINE_CHECKS: readonly Check[] = [
  { name: 'Node.js', check: checkNode },
  { name: 'processors', check: async () => `${availableParallelism()} usable` },
  { name: 'memory', check: checkMemory },
  { name: 'temporary folder', check: checkTemporaryFolder },
  { name: 'working folder', check: checkWorkingFolder },
  { name: 'picture encoder', check: checkPictures },
  { name: 'model', check: checkModel },
];

const CHECKS: readonly Check[] = [...MACHINE_CHECKS, ...DATA_CHECKS];

/** Checks the machine and the data folder, one line a check. Exit code 0 when all hold, 2 when one does not. */
export async function doctor(config: Config, terminal: Terminal): Promise<number> {
  let failures = 0;
  for (const { name, check } of CHECKS) {
    try {
      terminal.stdout.write(`ok      ${name}: ${await check(config)}\n`);
    } catch (error) {
      failures++;
      terminal.stdout.write(`FAILED  ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  terminal.stdout.write(
    failures === 0 ? 'this machine can run NeuroInsight\n' : `${failures} of ${CHECKS.length} checks failed\n`,
  );
  return failures === 0 ? 0 : 2;
}

async function checkNode(): Promise<string> {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < REQUIRED_NODE_MAJOR) {
    throw new NeuroInsightError(
      'invalid-configuration',
      `version ${process.versions.node}; run through npm or npx, which bring ${REQUIRED_NODE_MAJOR}`,
    );
  }
  return process.versions.node;
}

async function checkMemory(): Promise<string> {
  const total = Math.round(totalmem() / 1024 ** 2);
  if (total < REQUIRED_MEMORY_MIB) {
    throw new NeuroInsightError('invalid-configuration', `${total} MiB; ${REQUIRED_MEMORY_MIB} MiB are needed`);
  }
  return `${total} MiB, ${Math.round(freemem() / 1024 ** 2)} MiB free`;
}

async function checkTemporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'neuroinsight-doctor-'));
  try {
    await writeFile(join(folder, 'probe'), 'probe');
    return 'writable';
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkWorkingFolder(): Promise<string> {
  await access('.', constants.R_OK);
  return 'readable';
}

async function checkPictures(): Promise<string> {
  const png = await new SharpImageEncoder().png(new Uint8Array(12), 2, 2);
  return `a picture of 2 x 2 is ${png.byteLength} bytes of PNG`;
}

async function checkModel(config: Config): Promise<string> {
  const segmenter = await openSegmenter({ modelDir: modelFolder(config), threads: config.analysis.threads });
  try {
    const { name, version, sha256 } = segmenter.model;
    return `${name} ${version}, files agree with SHA256SUMS (${sha256.slice(0, 16)})`;
  } finally {
    await segmenter.close();
  }
}
