/** A stand-in for the analysis thread that does what the date of the request says. */
import { parentPort } from 'node:worker_threads';

const failed = (id, errorKind, message) => parentPort.postMessage({ kind: 'failed', id, errorKind, message });
const behaviours = {
  done: ({ id, instances }) => {
    for (const step of ['read-headers', 'segment', 'encode'])
      parentPort.postMessage({ kind: 'progress', id, step, fraction: 0.5 });
    const files = [{ name: 'report.pdf', bytes: Uint8Array.of(37, 80) }];
    parentPort.postMessage({ kind: 'done', id, result: { instances: instances.length }, files, times: { encode: 1 } });
  },
  refused: ({ id }) => failed(id, 'too-few-slices', 'the series has 3 slices'),
  defect: ({ id }) => failed(id, undefined, 'TypeError: x is not a function'),
  throws: () => {
    throw new Error('out of its depth');
  },
  exits: () => process.exit(3),
  hangs: () => {
    for (;;);
  },
  waits: () => undefined,
  hoards: () => {
    const hoard = [];
    for (;;) hoard.push(Array.from({ length: 100_000 }, Math.random));
  },
  asks: ({ id }) => parentPort.postMessage({ kind: 'ask-earlier-date', id, analysisKey: `key-${id}` }),
};

parentPort.on('message', (message) => {
  if (message.kind === 'analyse') behaviours[message.date](message);
  else if (message.kind === 'cancel') failed(message.id, 'cancelled', 'stopped');
  else if (message.kind === 'earlier-date') failed(message.id, 'no-hippocampus', `${message.date}`);
  else if (message.kind === 'close') parentPort.close();
});
