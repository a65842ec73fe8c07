import { multipartBody } from '../dicom/multipart-body.ts';
import { NeuroInsightError } from '../domain/errors.ts';

/** A JSON answer as it came. */
export type Json = Readonly<Record<string, unknown>>;

/** The run as /api/v1/runs/{id} answers it, as far as the command line looks. */
export interface RunView {
  readonly id: string;
  readonly state: string;
  readonly step?: string | null;
  readonly percent: number;
  readonly failure?: { readonly kind: string; readonly message: string } | null;
  readonly result?: {
    readonly segSopInstanceUid: string;
    readonly srSopInstanceUid: string;
    readonly pdfSopInstanceUid: string;
    readonly diagnosticReport: string;
    readonly leftVolumeMm3: number;
    readonly rightVolumeMm3: number;
    readonly qualityVerdict: string;
  } | null;
}

/** A client of a running server that uses only what every client may: the public doors and a key. */
export class ServerClient {
  readonly url: string;
  readonly #authorization: string;

  constructor(url: string, secret: string) {
    this.url = url;
    this.#authorization = `Bearer ${secret}`;
  }

  /** @throws upstream-refused with the problem's detail. */
  async request(path: string, init: RequestInit & { duplex?: 'half' } = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', this.#authorization);
    const response = await fetch(`${this.url}${path}`, { ...init, headers });
    if (response.status < 400 || response.status === 409) return response;
    const problem = (await response.json().catch(() => ({}))) as Json;
    const detail = problem.detail ?? problem.title ?? 'no detail';
    throw new NeuroInsightError('upstream-refused', `the server answered ${response.status}: ${detail}`);
  }

  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    return (await (await this.request(path, init)).json()) as T;
  }

  async bytes(path: string, accept = '*/*'): Promise<Uint8Array> {
    return new Uint8Array(await (await this.request(path, { headers: { accept } })).arrayBuffer());
  }

  /** STOW-RS of one request; the body is made while it is sent. Resolves to the Store Instances Response Module. */
  async stow(files: AsyncIterable<Uint8Array>): Promise<Json> {
    const boundary = crypto.randomUUID();
    const response = await this.request('/dicomweb/studies', {
      method: 'POST',
      headers: {
        'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}`,
        accept: 'application/dicom+json',
      },
      body: ReadableStream.from(multipartBody(files, boundary)) as ReadableStream<Uint8Array<ArrayBuffer>>,
      duplex: 'half',
    });
    return (await response.json()) as Json;
  }

  requestRun(studyInstanceUid: string): Promise<RunView> {
    return this.json('/api/v1/runs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ studyInstanceUid }),
    });
  }

  /** Follows a run by server-sent events until the stream ends. */
  async *watchRun(id: string): AsyncGenerator<RunView> {
    const response = await this.request(`/api/v1/runs/${id}/events`, { headers: { accept: 'text/event-stream' } });
    let rest = '';
    for await (const text of response.body!.pipeThrough(
      new TextDecoderStream() as never,
    ) as unknown as AsyncIterable<string>) {
      const events = (rest + text).split('\n\n');
      rest = events.pop()!;
      for (const event of events) {
        const data = event.split('\n').filter((line) => line.startsWith('data:'));
        if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(5)).join('\n')) as RunView;
      }
    }
  }
}
