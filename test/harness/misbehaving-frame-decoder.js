/** A stand-in for the thread that decodes frames: does what the transfer syntax says. */
import { parentPort } from 'node:worker_threads';

let answered = 0;
const behaviours = {
  echoes: ({ frame }) => parentPort.postMessage({ samples: Uint8Array.of(answered++, ...frame) }),
  refuses: () => parentPort.postMessage({ errorKind: 'malformed-pixels', message: 'too few pixels' }),
  defect: () => parentPort.postMessage({ errorKind: undefined, message: 'x is not a function' }),
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
};

parentPort.on('message', (message) => behaviours[message.transferSyntaxUid](message));
