import type { PeerHttp } from '../ports/index.ts';

const ANSWER_LIMIT = 256 * 2 ** 20;

/** Stands for the peer's base URL, which only `PeerHttp` knows; the client insists on having one. */
export const PEER_BASE = 'peer:';

/**
 * The part of XMLHttpRequest that dicomweb-client uses, over the one way in which this server speaks to peers: so its
 * requests carry the same credentials, limits and trace as all others. Only texts and JSON; bulk goes another way.
 */
export class FetchRequest {
  readyState = 0;
  status = 0;
  response: unknown = undefined;
  responseType = '';
  withCredentials = false;
  onreadystatechange: (() => void) | undefined = undefined;
  onloadstart: (() => void) | undefined = undefined;
  onloadend: (() => void) | undefined = undefined;
  onprogress: (() => void) | undefined = undefined;
  /** What went wrong before there was a status: the client's own error has no room for it. */
  failure: unknown = undefined;
  readonly #peer: PeerHttp;
  readonly #signal: AbortSignal;
  readonly #headers: Record<string, string> = {};
  #path = '';
  #contentType: string | undefined = undefined;

  constructor(peer: PeerHttp, signal: AbortSignal) {
    this.#peer = peer;
    this.#signal = signal;
  }

  open(_method: string, url: string): void {
    this.#path = url.slice(PEER_BASE.length);
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers[name.toLowerCase()] = value;
  }

  getResponseHeader(name: string): string | null {
    return name.toLowerCase() === 'content-type' ? (this.#contentType ?? null) : null;
  }

  getAllResponseHeaders(): string {
    return this.#contentType === undefined ? '' : `content-type: ${this.#contentType}\r\n`;
  }

  send(): void {
    void this.#send();
  }

  async #send(): Promise<void> {
    try {
      const answer = await this.#peer.request(this.#path, {
        method: 'GET',
        headers: this.#headers,
        signal: this.#signal,
      });
      const text = await answer.text(ANSWER_LIMIT);
      this.#contentType = answer.header('content-type');
      this.response = this.responseType === 'json' ? parsed(text) : text;
      this.status = answer.status;
    } catch (error) {
      this.failure = error;
    }
    this.readyState = 4;
    this.onreadystatechange?.();
  }
}

/** As XMLHttpRequest does: what is no JSON is null. */
function parsed(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
