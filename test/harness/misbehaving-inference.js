/** A stand-in for the inference child that does what the first number of the tensor says. */
const hoard = [];
const behaviours = {
  0: ({ id, dims, data }) => process.send({ kind: 'result', id, dims, data }),
  1: () => process.abort(),
  2: () => {
    for (;;);
  },
  3: () => setInterval(() => hoard.push(Buffer.alloc(32 * 1024 * 1024, 1)), 10),
  4: ({ id }) => process.send({ kind: 'failed', id, message: 'first line\nsecond line' }),
  5: ({ id, dims }) => process.send({ kind: 'result', id, dims, data: Float32Array.of(process.pid) }),
  6: ({ id, dims, data }) => {
    process.send({ kind: 'result', id, dims, data });
    process.disconnect();
  },
  7: ({ id, dims }) => {
    const names = Object.keys(process.env).filter((name) => name.startsWith('NEUROINSIGHT'));
    process.send({ kind: 'result', id, dims, data: Float32Array.of(names.length, process.execArgv.length) });
  },
};

process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  if (message.kind === 'run') behaviours[message.data[0]](message);
});
