/**
 * Reads mutated DICOM files and counts what is not answered by a header, pixels or a named error.
 * Run: node test/harness/fuzz-dicom.ts [count] [seed] [folder with more files to mutate]
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeDicom, type NaturalDataset } from '../../src/dicom/encode.ts';
import { readInstanceHeader } from '../../src/dicom/instance.ts';
import { openPixels } from '../../src/dicom/pixels.ts';
import { NeuroInsightError } from '../../src/domain/errors.ts';
import { type Compression, compressFrame } from './compressed-frame.ts';
import { mrSlice } from './mr-slice.ts';

export interface FuzzReport {
  readonly files: number;
  /** Files whose header and first frames could be read all the same. */
  readonly read: number;
  /** Named errors by kind. */
  readonly refused: Readonly<Record<string, number>>;
  /** What was neither: number of the file and message, to be run again with the same seed. */
  readonly crashes: readonly string[];
  /** The slowest file, milliseconds, and its number. */
  readonly slowestMs: number;
  readonly slowest: number;
}

type Random = (below: number) => number;

/** Small, seeded, good enough to choose bytes (a 32-bit xorshift). */
function randomFrom(seed: number): Random {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Well-formed files of every encoding and codec that is read, small, so that mutations hit headers. */
export async function fuzzSeeds(): Promise<Uint8Array[]> {
  const slice = mrSlice({ rows: 8, columns: 8, slice: 1 });
  const plain = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.1.99'];
  const frame = {
    rows: 8,
    columns: 8,
    bitsAllocated: 16 as const,
    bitsStored: 12,
    samples: slice.PixelData as Uint8Array,
  };
  const compressed: [string, Compression][] = [
    ['1.2.840.10008.1.2.5', { codec: 'rle' }],
    ['1.2.840.10008.1.2.4.70', { codec: 'jpeg-lossless', predictor: 1 }],
    ['1.2.840.10008.1.2.4.57', { codec: 'jpeg-lossless', predictor: 7 }],
    ['1.2.840.10008.1.2.4.80', { codec: 'jpeg-ls' }],
    ['1.2.840.10008.1.2.4.90', { codec: 'jpeg-2000' }],
    ['1.2.840.10008.1.2.4.201', { codec: 'htj2k' }],
  ];
  const seeds = plain.flatMap((syntax) => [encodeDicom(slice, syntax), encodeDicom(enhanced(slice), syntax)]);
  for (const [syntax, compression] of compressed) {
    seeds.push(encodeDicom({ ...slice, PixelData: [await compressFrame(frame, compression)] }, syntax));
  }
  return seeds;
}

function enhanced(slice: NaturalDataset): NaturalDataset {
  const frames = 3;
  return {
    ...slice,
    NumberOfFrames: frames,
    SharedFunctionalGroupsSequence: [{ PixelMeasuresSequence: [{ PixelSpacing: [1, 1] }] }],
    PerFrameFunctionalGroupsSequence: Array.from({ length: frames }, (_, k) => ({
      PlanePositionSequence: [{ ImagePositionPatient: [0, 0, k] }],
    })),
    PixelData: new Uint8Array(8 * 8 * 2 * frames),
  };
}

/** Lengths and counts that readers stumble over. */
const HOSTILE = [0, 1, 2, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** Where a mutation hits: anywhere, behind the preamble where the header is, or near the end where the pixels are. */
function placeOf(area: number, length: number, random: Random): number {
  if (area === 0) return random(length);
  if (area === 1) return Math.min(length - 1, 128 + random(1500));
  return length - 1 - random(Math.min(length, 160));
}

/** One to four of: flipped bit, other byte, hostile length, cut, part taken out, part doubled, part of another file. */
function mutate(original: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes = Buffer.from(original);
  const area = random(3);
  for (let changes = 1 + random(4); changes > 0 && bytes.length > 8; changes--) {
    const at = placeOf(area, bytes.length, random);
    const end = Math.min(bytes.length, at + 1 + random(64));
    const kind = random(7);
    if (kind === 0) bytes[at]! ^= 1 << random(8);
    else if (kind === 1) bytes[at] = random(256);
    else if (kind === 2) bytes.writeUInt32LE(HOSTILE[random(HOSTILE.length)]!, Math.min(at, bytes.length - 4));
    else if (kind === 3) bytes = bytes.subarray(0, at);
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    else if (kind === 5) bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    else bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(Math.min(at, other.length))]);
  }
  return new Uint8Array(bytes);
}

async function readAll(bytes: Uint8Array): Promise<void> {
  const header = readInstanceHeader(bytes);
  if (!header.pixels) return;
  const reader = await openPixels(bytes);
  for (let frame = 1; frame <= Math.min(3, header.frames.length); frame++) await reader.readFrame(frame);
}

/** Mutates `seeds` and reads `count` of the results; the same seed gives the same files. */
export async function fuzzDicom(seeds: readonly Uint8Array[], count: number, seed: number): Promise<FuzzReport> {
  const random = randomFrom(seed);
  const refused: Record<string, number> = {};
  const crashes: string[] = [];
  let read = 0;
  let slowestMs = 0;
  let slowest = -1;
  for (let number = 0; number < count; number++) {
    const bytes = mutate(seeds[random(seeds.length)]!, seeds[random(seeds.length)]!, random);
    const start = performance.now();
    try {
      await readAll(bytes);
      read++;
    } catch (error) {
      if (error instanceof NeuroInsightError) refused[error.kind] = (refused[error.kind] ?? 0) + 1;
      else crashes.push(`file ${number}: ${error instanceof Error ? error.stack : String(error)}`);
    }
    const took = performance.now() - start;
    if (took > slowestMs) [slowestMs, slowest] = [took, number];
  }
  return { files: count, read, refused, crashes, slowestMs, slowest };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = '5000', seed = '1', folder] = process.argv.slice(2);
  const seeds = await fuzzSeeds();
  for (const name of folder ? readdirSync(folder) : []) {
    const path = join(folder!, name);
    if (statSync(path).isFile()) seeds.push(readFileSync(path));
  }
  const start = performance.now();
  const report = await fuzzDicom(seeds, Number(count), Number(seed));
  console.log(JSON.stringify(report, undefined, 2));
  console.log(`${seeds.length} seeds, ${((performance.now() - start) / 1000).toFixed(1)} s`);
  if (report.crashes.length > 0) process.exitCode = 1;
}
