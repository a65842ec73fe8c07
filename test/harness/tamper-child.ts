import { randomStream } from '../phantom/random.ts';
import { fileAttempts } from './tamper-files.ts';
import { editRows } from './tamper-rows.ts';
import { openTamperWorld } from './tamper-world.ts';
import { attempt } from './tampering.ts';

/** A process that tampers and may end by it: FOLDER SEED TIMES ROWS EVERY FIRST. Tells each result to its parent. */
const [folder = '', seed, times, rows, every, first] = process.argv.slice(2);
const world = openTamperWorld(folder);
const attempts = fileAttempts(world, Number(times));
for (const [number, one] of attempts.entries()) {
  if (number < Number(first) || number % Number(every) !== 0) continue;
  process.send!({ number, begun: one.kind });
  process.send!({ number, tried: await attempt(world, one, randomStream(Number(seed), `attempt ${number}`)) });
}
process.send!({ number: attempts.length, begun: 'edits of rows' });
if (Number(rows) > 0 && Number(first) <= attempts.length) {
  await editRows(world, Number(rows), (tried) => void process.send!({ number: attempts.length, tried }));
}
process.disconnect();
