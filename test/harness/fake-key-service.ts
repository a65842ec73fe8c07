import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One question to a fake key service. */
export interface KeyServiceRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface KeyServiceAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** What can be wrong with a key service, for the next answers. */
export interface Trouble {
  /** Answers this instead, so many times. */
  fail?: { times: number; answer: KeyServiceAnswer } | undefined;
  /** Holds answers back until it is closed. */
  silent?: boolean;
}

export interface FakeKeyService {
  readonly url: string;
  readonly requests: readonly KeyServiceRequest[];
  readonly trouble: Trouble;
  close(): Promise<void>;
}

/** A real HTTP server on a free port of this machine. */
export async function openKeyService(
  answer: (request: KeyServiceRequest) => KeyServiceAnswer,
): Promise<FakeKeyService> {
  const requests: KeyServiceRequest[] = [];
  const trouble: Trouble = {};
  const server = createServer((incoming, response) => {
    void bodyOf(incoming).then((body) => {
      const headers = Object.fromEntries(
        Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
      );
      const request = { method: incoming.method ?? '', path: incoming.url ?? '', headers, body };
      requests.push(request);
      if (trouble.silent) return;
      const failing = trouble.fail && trouble.fail.times > 0 ? trouble.fail : undefined;
      if (failing) failing.times -= 1;
      const { status, body: content } = failing?.answer ?? answer(request);
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests, trouble, close: () => closed(server) };
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
