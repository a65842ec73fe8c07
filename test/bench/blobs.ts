import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { BlobLocation, BlobStore } from '../../src/ports/index.ts';
import { openSealedBlobs } from '../harness/sealed-blobs.ts';

/*
 * What sealed packs cost: `npm run bench:blobs [FOLDER]`. Parts of 130 KB are written as a STOW request writes them, with
 * the sync at its end; the figures of the event loop are those of the thread that writes.
 */

const PART_BYTES = 130_000;
const PARTS = 800;
const REQUESTS = 4;
const FRAME_BYTES = 128 * 1024;
const FRAMES = 2000;
const MB = 1e6;

interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Milliseconds of delay of the event loop, 99th percentile; the timer of the histogram is taken off. */
  readonly delayP99: number;
}

const RESOLUTION_MILLISECONDS = 1;

async function measure(work: () => Promise<void>): Promise<Measured> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MILLISECONDS });
  delay.enable();
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const used = process.cpuUsage(cpu);
  const seconds = (performance.now() - began) / 1000;
  delay.disable();
  const delayP99 = Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MILLISECONDS);
  return { seconds, cpuSeconds: (used.user + used.system) / 1e6, delayP99 };
}

function say(what: string, bytes: number, { seconds, cpuSeconds, delayP99 }: Measured): void {
  const rate = (bytes / MB / seconds).toFixed(0);
  const cpu = ((cpuSeconds * 1000) / (bytes / MB)).toFixed(2);
  console.log(`${what.padEnd(38)} ${rate.padStart(6)} MB/s  ${cpu} ms CPU a MB  loop p99 ${delayP99.toFixed(1)} ms`);
}

async function request(blobs: BlobStore, study: string, parts: number): Promise<BlobLocation[]> {
  const part = randomBytes(PART_BYTES);
  const pack = await blobs.openPack('main', study);
  const locations: BlobLocation[] = [];
  for (let i = 0; i < parts; i++) locations.push(await pack.append(part));
  await pack.seal();
  return locations;
}

const wholeOf = (locations: readonly BlobLocation[]): BlobLocation => ({
  ...locations[0]!,
  length: locations.length * PART_BYTES,
});

async function frames(blobs: BlobStore, locations: readonly BlobLocation[]): Promise<void> {
  const whole = wholeOf(locations);
  const times: number[] = [];
  for (let i = 0; i < FRAMES; i++) {
    const first = Math.floor(Math.random() * (whole.length - FRAME_BYTES));
    const began = performance.now();
    await blobs.read(whole, [first, first + FRAME_BYTES - 1]);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): string => times[Math.floor(times.length * part)]!.toFixed(2);
  console.log(`${'random frame of 128 KiB'.padEnd(38)} p50 ${at(0.5)} ms  p99 ${at(0.99)} ms`);
}

const dataDir = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'neuroinsight-bench-blobs-'));
const { blobs } = await openSealedBlobs({ dataDir });
try {
  // Names in stock, code that is compiled.
  await request(blobs, '1.1', 100);
  let locations: BlobLocation[] = [];
  const one = await measure(async () => {
    locations = await request(blobs, '1.2', PARTS);
  });
  say(`write ${PARTS} parts, 1 request`, PARTS * PART_BYTES, one);
  const some = await measure(async () => {
    await Promise.all(Array.from({ length: REQUESTS }, (_, i) => request(blobs, `1.3.${i}`, PARTS)));
  });
  say(`write ${PARTS} parts each, ${REQUESTS} at once`, REQUESTS * PARTS * PART_BYTES, some);
  const small = await measure(async () => {
    for (let i = 0; i < 50; i++) await request(blobs, '1.4', 8);
  });
  say('write 50 requests of 8 parts, in turn', 50 * 8 * PART_BYTES, small);
  await frames(blobs, locations);
  const whole = await measure(async () => {
    for await (const _ of blobs.stream(wholeOf(locations)));
  });
  say('stream a whole pack', PARTS * PART_BYTES, whole);
} finally {
  await blobs.close();
  await rm(dataDir, { recursive: true, force: true });
}
