import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NeuroInsightError } from '../domain/errors.ts';
import type { ModelIdentity } from '../domain/segmentation.ts';
import type { StageName } from './inference.ts';
import { type ModelCard, parseModelCard } from './model-card.ts';
import { refuseUnsafeOnnx } from './onnx-inspection.ts';

const MAXIMUM_FILE_BYTES = 8 * 1024 * 1024;
const SUMS_FILE = 'SHA256SUMS';
const CARD_FILE = 'model-card.json';
/** The format of sha256sum: digest, two spaces (or a space and "*" for binary), a plain name. */
const SUMS_LINE = /^([0-9a-f]{64}) [ *]([A-Za-z0-9][A-Za-z0-9._-]{0,63})$/;

export interface Model {
  readonly identity: ModelIdentity;
  readonly card: ModelCard;
  /** The very bytes whose digests were compared; nobody reads the files again. */
  readonly networks: Readonly<Record<StageName, Uint8Array>>;
}

/**
 * Loads a model folder: SHA256SUMS, model-card.json and the two networks. Each file is read once, at most 8 MiB, and
 * compared with its digest; an .onnx file that SHA256SUMS does not list, a link, external tensor data and foreign
 * operators are refused.
 *
 * @throws NeuroInsightError model-integrity
 */
export async function loadModel(folder: string): Promise<Model> {
  const lines = sumLines(Buffer.from(await readFile(folder, SUMS_FILE)).toString('utf8'));
  await refuseUnlisted(folder, lines);
  const files = new Map<string, Uint8Array>();
  for (const { name, sha256 } of lines) {
    const bytes = await readFile(folder, name);
    if (hexDigest(bytes) !== sha256) throw refusal(`model file ${name} does not match its digest`);
    if (name.endsWith('.onnx')) refuseUnsafeOnnx(bytes, name);
    files.set(name, bytes);
  }
  const listed = (name: string): Uint8Array => {
    const bytes = files.get(name);
    if (!bytes) throw refusal(`${SUMS_FILE} does not list ${name}`);
    return bytes;
  };
  const card = parseModelCard(Buffer.from(listed(CARD_FILE)).toString('utf8'));
  return {
    card,
    identity: { name: card.name, version: card.version, sha256: digestOfLines(lines) },
    networks: { coarse: listed(card.files.coarse), fine: listed(card.files.fine) },
  };
}

interface SumLine {
  readonly name: string;
  readonly sha256: string;
}

function sumLines(text: string): SumLine[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  const parsed = lines.map((line) => {
    const match = SUMS_LINE.exec(line);
    if (!match) throw refusal(`${SUMS_FILE} has a line that is not a digest and a plain file name`);
    return { sha256: match[1]!, name: match[2]! };
  });
  if (new Set(parsed.map(({ name }) => name)).size < parsed.length) throw refusal(`${SUMS_FILE} lists a file twice`);
  return parsed;
}

/** One digest for the whole model: of the lines "digest, two spaces, name", sorted, each with its line end. */
function digestOfLines(lines: readonly SumLine[]): string {
  const sorted = lines.map(({ name, sha256 }) => `${sha256}  ${name}\n`).sort();
  return hexDigest(Buffer.from(sorted.join(''), 'utf8'));
}

async function refuseUnlisted(folder: string, lines: readonly SumLine[]): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.onnx'));
  const unlisted = names.find((name) => !lines.some((line) => line.name === name));
  if (unlisted !== undefined) throw refusal(`${SUMS_FILE} does not list every .onnx file of the model`);
}

async function readFile(folder: string, name: string): Promise<Uint8Array> {
  const handle = await open(join(folder, name), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch(() => {
    throw refusal(`model file ${name} cannot be read`);
  });
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw refusal(`model file ${name} is not a file`);
    if (status.size > MAXIMUM_FILE_BYTES) throw refusal(`model file ${name} is larger than 8 MiB`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

function hexDigest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function refusal(what: string): NeuroInsightError {
  return new NeuroInsightError('model-integrity', what);
}
