import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NeuroInsightError } from '../domain/errors.ts';
import { askServer } from './socket-client.ts';
import { openSocketPath } from './socket-path.ts';
import { type AdminSocket, type Execute, openAdminSocket } from './socket-server.ts';

let folder: string;
let socket: AdminSocket | undefined;
const logged: string[] = [];
const log = { error: (message: string) => void logged.push(message) };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-admin-'));
  logged.length = 0;
});
afterEach(async () => {
  await socket?.close();
  socket = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function serve(execute: Execute, dataDir = folder): Promise<void> {
  socket = await openAdminSocket({ dataDir, execute, log, aliveMilliseconds: 20 });
}

function ask(command: string, args: unknown = {}, overrides: Partial<Parameters<typeof askServer>[0]> = {}) {
  const lines: object[] = [];
  const emit = (line: object): void => void lines.push(line);
  const signal = new AbortController().signal;
  const answer = askServer({ dataDir: folder, command, args, emit, signal, ...overrides });
  return { answer, lines };
}

/** What the server answers to bytes as they are. */
async function send(bytes: string): Promise<string> {
  const client = connect(join(folder, 'admin.sock'));
  client.write(bytes);
  let answer = '';
  client.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  client.on('error', () => undefined);
  await once(client, 'close');
  return answer;
}

describe('the socket of administration', () => {
  it('carries a command to the server, its progress and its result back', async () => {
    await serve(async (command, args, emit) => {
      emit({ done: 1 });
      emit({ done: 2 });
      return { command, args };
    });
    const { answer, lines } = ask('scrub', { site: 'main' });
    expect(await answer).toEqual({ result: { command: 'scrub', args: { site: 'main' } } });
    expect(lines).toEqual([{ done: 1 }, { done: 2 }]);
    expect(statSync(join(folder, 'admin.sock')).mode & 0o777).toBe(0o600);
  });

  it('gives a refusal on as it is, and says nothing of a defect', async () => {
    await serve((command) =>
      Promise.reject(command === 'hold' ? new NeuroInsightError('on-hold', 'a hold forbids it') : new Error('inside')),
    );
    await expect(ask('hold').answer).rejects.toMatchObject({ kind: 'on-hold', message: 'a hold forbids it' });
    await expect(ask('other').answer).rejects.toThrow(/^something went wrong that should not/);
    expect(logged).toEqual(['a command of administration failed']);
  });

  it('serves a data folder whose path is longer than a socket may have', async () => {
    const long = join(folder, 'x'.repeat(100), 'y'.repeat(100));
    mkdirSync(long, { recursive: true });
    await serve(async () => 'here', long);
    expect(await ask('ping', {}, { dataDir: long }).answer).toEqual({ result: 'here' });
    expect(openSocketPath('/short').path).toBe('/short/admin.sock');
  });

  it('finds no server where there is none, and where a dead one left its socket', async () => {
    expect(await ask('ping').answer).toBeUndefined();
    expect(await ask('ping', {}, { dataDir: join(folder, 'z'.repeat(120)) }).answer).toBeUndefined();
    // As a kill leaves it: the file is there and nobody listens.
    writeFileSync(join(folder, 'admin.sock'), '');
    expect(await ask('ping').answer).toBeUndefined();
    await serve(async () => 'new');
    expect(await ask('ping').answer).toEqual({ result: 'new' });
  });

  it('waits as long as a command works, and tells a server that does not answer', async () => {
    const finish = Promise.withResolvers<string>();
    await serve(() => finish.promise);
    const patient = ask('backup', {}, { silentMilliseconds: 1000 });
    await new Promise((resolve) => setTimeout(resolve, 1200));
    finish.resolve('done');
    expect(await patient.answer).toEqual({ result: 'done' });
    await socket!.close();
    socket = undefined;
    const mute = createServer((client) => client.on('error', () => undefined).resume());
    mute.listen(join(folder, 'admin.sock'));
    await once(mute, 'listening');
    writeFileSync(join(folder, 'lock.json'), '{"pid":7,"startedAt":"2026-01-02T03:04:05.000Z","purpose":"server"}');
    await expect(ask('ping', {}, { silentMilliseconds: 50 }).answer).rejects.toMatchObject({
      kind: 'in-use',
      message: 'the server of the data folder (process 7, since 2026-01-02T03:04:05.000Z) does not answer',
    });
    mute.close();
  });

  it('tells a server that ends before it has answered', async () => {
    const abrupt = createServer((client) => client.once('data', () => client.destroy()));
    abrupt.listen(join(folder, 'admin.sock'));
    await once(abrupt, 'listening');
    await expect(ask('ping').answer).rejects.toThrow('ended before it had answered');
    abrupt.close();
  });

  it('aborts a command whose client goes, and every command when it is closed', async () => {
    const started: PromiseWithResolvers<AbortSignal>[] = [Promise.withResolvers(), Promise.withResolvers()];
    let count = 0;
    await serve(async (_command, _args, _emit, signal) => {
      started[count++]!.resolve(signal);
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw new NeuroInsightError('cancelled', 'stopped on request');
    });
    const controller = new AbortController();
    const first = ask('backup', {}, { signal: controller.signal });
    const signal = await started[0]!.promise;
    controller.abort();
    await expect(first.answer).rejects.toMatchObject({ kind: 'cancelled' });
    if (!signal.aborted) await once(signal, 'abort');
    const second = ask('backup');
    await started[1]!.promise;
    const refused = expect(second.answer).rejects.toMatchObject({ kind: 'cancelled' });
    await socket!.close();
    await refused;
    await expect(ask('ping', {}, { signal: AbortSignal.abort() }).answer).resolves.toBeUndefined();
  });

  it('refuses what is no request, and goes on', async () => {
    await serve(async () => 'served');
    expect(await send('no json\n')).toContain('"kind":"malformed-json"');
    expect(await send('{"args":1}\n')).toContain('"kind":"invalid-request"');
    expect(await send('null\n')).toContain('"kind":"invalid-request"');
    expect(await send('x'.repeat(2 ** 20 + 1))).toContain('"kind":"limit-exceeded"');
    expect(await ask('ping').answer).toEqual({ result: 'served' });
  });

  it('is not made where something else is in its place', async () => {
    mkdirSync(join(folder, 'admin.sock'));
    await expect(serve(async () => 1)).rejects.toMatchObject({ kind: 'invalid-configuration' });
  });
});
