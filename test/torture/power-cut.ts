import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '../harness/orthanc.ts';
import { makeKey, type ServerProcess, startServerProcess } from '../harness/server-process.ts';
import { compileNoSync } from './fault-shims.ts';
import { copyCut, imageFolder, type LoopDisk, makeImage, mountImage, whyNoLoopDisks } from './loop-disk.ts';
import { type Acknowledged, copyOf, startMixedWrites } from './mixed-writes.ts';
import { acknowledgedIn, verifyImage } from './verify-image.ts';

/**
 * Cuts the power of a server at random moments while five callers write studies, resources and transactions, and looks
 * in what is left for everything that was acknowledged. Exit code 1 when something is lost or torn.
 *
 * The server works on an ext4 file system in a file. It is stopped, the file is copied, and it goes on: one life gives
 * several cuts. What was not synced is in the kernel's cache and not in the copy. `--broken` lets fsync do nothing: then
 * losses must be found, or this proves nothing, and the exit code is 1 when there are none.
 */
const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '20' },
    /** Cuts of one life of a server. */
    life: { type: 'string', default: '8' },
    /** Longest time between two cuts, milliseconds. */
    longest: { type: 'string', default: '700' },
    mebibytes: { type: 'string', default: '384' },
    broken: { type: 'boolean', default: false },
    /** Studies are measured meanwhile, and their results stored. */
    measure: { type: 'boolean', default: false },
  },
});

interface Cut {
  readonly image: string;
  readonly record: Acknowledged;
}

const environment = {
  NEUROINSIGHT_LOG_LEVEL: 'warn',
  NEUROINSIGHT_MINIMUM_FREE_MIB: '0',
  NEUROINSIGHT_QUIET_SECONDS: values.measure ? '0' : '86400',
};
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const why = whyNoLoopDisks();
if (why !== undefined) {
  say(`power cuts need root, loop devices and ext4: ${why}`);
  process.exit(2);
}
const folder = imageFolder('power-cut');
const disks = new Set<LoopDisk>();
const mounted = (image: string, name: string): LoopDisk => {
  const disk = mountImage(image, join(folder, name));
  disks.add(disk);
  return disk;
};
let server: ServerProcess | undefined;

/** A file system with a fresh data folder and a key in it: every life begins with a copy. */
function makeTemplate(port: number): { readonly image: string; readonly key: string } {
  const image = join(folder, 'template');
  makeImage(image, Number(values.mebibytes));
  const disk = mounted(image, 'template-mounted');
  const key = makeKey({ dataDir: join(disk.folder, 'data'), port, environment });
  disk.unmount();
  return { image, key };
}

/** One life: cuts at random moments, then the end. */
async function live(number: number, template: { image: string; key: string }, cuts: number): Promise<Cut[]> {
  const image = join(folder, `life-${number}`);
  copyFileSync(template.image, image);
  const disk = mounted(image, 'life');
  const preload: Record<string, string> = values.broken ? { LD_PRELOAD: compileNoSync(folder) } : {};
  server = await startServerProcess({
    dataDir: join(disk.folder, 'data'),
    port: await freePort(),
    environment: { ...environment, ...preload },
  });
  const writes = startMixedWrites(server.url, template.key, `life-${number}-${Date.now()}`);
  const taken: Cut[] = [];
  for (let n = 0; n < cuts; n++) {
    await sleep(50 + Math.random() * Number(values.longest));
    process.kill(server.pid, 'SIGSTOP');
    // Answers that are on their way are acknowledgements too.
    await sleep(20);
    const cut = { image: join(folder, `cut-${n}`), record: copyOf(writes.record) };
    copyCut(image, cut.image);
    taken.push(cut);
    process.kill(server.pid, 'SIGCONT');
  }
  await server.kill('SIGKILL');
  await writes.stop();
  server = undefined;
  disk.unmount();
  rmSync(image);
  return taken;
}

const totals = {
  cuts: 0,
  acknowledged: 0,
  lost: 0,
  torn: 0,
  unaudited: 0,
  orphans: 0,
  harmful: 0,
  refused: 0,
  unopened: 0,
};

async function verify({ image, record }: Cut): Promise<void> {
  totals.acknowledged += acknowledgedIn(record);
  // The driver closes a connection when its statements are collected, and then removes the log by its path: no two
  // images may lie at one path.
  const disk = mounted(image, `cut-${totals.cuts}-mounted`);
  try {
    const findings = await verifyImage(join(disk.folder, 'data'), record);
    totals.lost += findings.lost.length;
    totals.torn += findings.torn.length;
    totals.unaudited += findings.unaudited.length;
    totals.orphans += findings.orphans;
    if (findings.lost.length + findings.torn.length + findings.unaudited.length > 0) totals.harmful++;
    for (const line of [...findings.lost, ...findings.torn, ...findings.unaudited].slice(0, values.broken ? 1 : 10))
      say(`  ${line}`);
  } catch (error) {
    totals.unopened++;
    totals.harmful++;
    say(`  the store did not open, read or take a write: ${(error as Error).stack}`);
  } finally {
    disk.unmount();
    disks.delete(disk);
    rmSync(image);
  }
  totals.cuts++;
}

try {
  const started = performance.now();
  const template = makeTemplate(await freePort());
  const wanted = Number(values.cuts);
  for (let life = 0; totals.cuts < wanted; life++) {
    const cuts = await live(life, template, Math.min(Number(values.life), wanted - totals.cuts));
    const last = cuts.at(-1)!.record;
    totals.refused += last.refused.length;
    for (const line of new Set(last.refused)) say(`  refused: ${line}`);
    for (const cut of cuts) await verify(cut);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    say(`${totals.cuts} cuts in ${seconds} s: ${JSON.stringify(totals)}`);
  }
  const losses = totals.lost + totals.torn + totals.unaudited + totals.unopened;
  say(
    `${totals.lost} of ${totals.acknowledged} acknowledged writes lost, ${totals.torn} torn, ${totals.unaudited} without their audit row, ` +
      `${totals.unopened} stores unusable, ${totals.orphans} orphans swept, ${totals.harmful} of ${totals.cuts} cuts harmful`,
  );
  const failed = values.broken ? losses === 0 : losses + totals.refused > 0;
  process.exitCode = failed ? 1 : 0;
} finally {
  await server?.kill('SIGKILL');
  for (const disk of disks) disk.unmount();
  rmSync(folder, { recursive: true, force: true });
}
