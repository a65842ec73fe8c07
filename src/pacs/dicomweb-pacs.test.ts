import { describe, expect, it } from '@jest/globals';
import { type FakeAnswer, type FakeRequest, fakePeer } from '../../test/harness/fake-peer.ts';
import { createPacsClient } from './dicomweb-pacs.ts';

const never = new AbortController().signal;
const study = (uid: string, count?: number) => ({
  '0020000D': { vr: 'UI', Value: [uid] },
  '00080061': { vr: 'CS', Value: ['MR'] },
  ...(count === undefined ? {} : { '00201208': { vr: 'IS', Value: [count] } }),
});
const JSON_TYPE = { 'content-type': 'application/dicom+json' };

function open(answer: (request: FakeRequest) => FakeAnswer) {
  const { peer, requests } = fakePeer(answer);
  return { pacs: createPacsClient(peer, { instanceBytes: 64 }), requests };
}
async function* instances(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}
async function collected(source: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const one of source) all.push(one);
  return all;
}

describe('the search for studies', () => {
  it('asks for MR studies of the window and reads their counts', async () => {
    const { pacs, requests } = open(() => ({
      status: 200,
      headers: JSON_TYPE,
      body: JSON.stringify([study('1.2.3', 176), study('1.2.4')]),
    }));
    expect(await pacs.findStudies('20261101', '20261124', never)).toEqual([
      { studyInstanceUid: '1.2.3', numberOfInstances: 176, modalities: ['MR'] },
      { studyInstanceUid: '1.2.4', numberOfInstances: 0, modalities: ['MR'] },
    ]);
    expect(requests[0]!.path).toBe(
      '/studies?StudyDate=20261101-20261124&ModalitiesInStudy=MR&includefield=00201208&limit=200&offset=0',
    );
    expect(requests[0]!.headers.accept).toBe('application/dicom+json');
  });

  it('reads page after page, and stops at a server that knows no offset', async () => {
    const page = (from: number) => Array.from({ length: 200 }, (_, i) => study(`1.2.${from + i}`, 1));
    const paging = open(({ path }) => {
      const offset = Number(/offset=(\d+)/.exec(path)![1]);
      return { status: 200, headers: JSON_TYPE, body: JSON.stringify(offset < 400 ? page(offset) : []) };
    });
    expect(await paging.pacs.findStudies('20260101', '20261231', never)).toHaveLength(400);
    const endless = open(() => ({ status: 200, headers: JSON_TYPE, body: JSON.stringify(page(0)) }));
    expect(await endless.pacs.findStudies('20260101', '20261231', never)).toHaveLength(200);
    expect(endless.requests).toHaveLength(2);
  });

  it('takes 204 for none and passes over rows without a usable UID', async () => {
    expect(await open(() => ({ status: 204 })).pacs.findStudies('1', '2', never)).toEqual([]);
    const body = JSON.stringify([study('../../etc'), {}, study('1.2.9', -4)]);
    expect(await open(() => ({ status: 200, headers: JSON_TYPE, body })).pacs.findStudies('1', '2', never)).toEqual([
      { studyInstanceUid: '1.2.9', numberOfInstances: 0, modalities: ['MR'] },
    ]);
  });

  it.each([
    [500, '', 'upstream-unavailable'],
    [401, '', 'upstream-refused'],
    [200, '<html>login</html>', 'upstream-refused'],
  ])('names what a peer does wrong: %s %s', async (status, body, kind) => {
    await expect(
      open(() => ({ status, headers: JSON_TYPE, body })).pacs.findStudies('1', '2', never),
    ).rejects.toMatchObject({ kind });
  });
});

describe('the retrieval of a study', () => {
  const multipart = (...bodies: string[]): string =>
    `${bodies.map((body) => `--b\r\nContent-Type: application/dicom\r\n\r\n${body}\r\n`).join('')}--b--\r\n`;

  it('hands over every instance as it arrives, and those that are too long as refused', async () => {
    const headers = { 'content-type': 'multipart/related; type="application/dicom"; boundary="b"' };
    const { pacs, requests } = open(() => ({ status: 200, headers, body: multipart('one', 'x'.repeat(65), 'two') }));
    const parts = await collected(pacs.retrieveStudy('1.2.3', never));
    expect(parts.map((part) => (part instanceof Uint8Array ? Buffer.from(part).toString() : part))).toEqual([
      'one',
      { refused: expect.objectContaining({ kind: 'limit-exceeded' }) },
      'two',
    ]);
    expect(requests[0]).toMatchObject({ path: '/studies/1.2.3', method: 'GET' });
  });

  it.each([
    [404, {}, 'upstream-refused'],
    [503, {}, 'upstream-unavailable'],
    [200, { 'content-type': 'application/dicom' }, 'upstream-refused'],
    [200, { 'content-type': 'multipart/related; type="application/dicom"' }, 'upstream-refused'],
  ])('ends with a reason at status %s and headers %j', async (status, headers, kind) => {
    await expect(collected(open(() => ({ status, headers })).pacs.retrieveStudy('1.2.3', never))).rejects.toMatchObject(
      { kind },
    );
  });
});

describe('the store of results', () => {
  const response = (held: string[], failed: [string, number][]): string =>
    JSON.stringify({
      '00081199': { vr: 'SQ', Value: held.map((uid) => ({ '00081155': { vr: 'UI', Value: [uid] } })) },
      '00081198': {
        vr: 'SQ',
        Value: failed.map(([uid, reason]) => ({
          '00081155': { vr: 'UI', Value: [uid] },
          '00081197': { vr: 'US', Value: [reason] },
        })),
      },
    });

  it('sends all instances in one request and tells which the peer holds', async () => {
    const { pacs, requests } = open(() => ({ status: 200, body: response(['1.1', '1.2'], []) }));
    expect(await pacs.store('1.2.3', instances('AAA', 'BBB'), never)).toEqual(['1.1', '1.2']);
    const [{ path, headers, body }] = requests as [FakeRequest];
    const boundary = /boundary=(\w+)$/.exec(headers['content-type']!)![1];
    expect(path).toBe('/studies/1.2.3');
    expect(body.split(`--${boundary}`).map((part) => part.split('\r\n\r\n')[1]?.trim())).toEqual([
      undefined,
      'AAA',
      'BBB',
      undefined,
    ]);
  });

  it.each([0x0111, 0xb00e])('takes "already there" (%i) for held', async (reason) => {
    const { pacs } = open(() => ({ status: 409, body: response([], [['1.1', reason]]) }));
    expect(await pacs.store('1.2.3', instances('A'), never)).toEqual(['1.1']);
    const some = open(() => ({ status: 202, body: response(['1.2'], [['1.1', reason]]) }));
    expect(await some.pacs.store('1.2.3', instances('A', 'B'), never)).toEqual(['1.2', '1.1']);
  });

  it.each([
    [202, response(['1.1'], [['1.2', 0xa700]]), 'upstream-unavailable'],
    [409, response([], [['1.2', 0xc000]]), 'upstream-refused'],
    [409, '', 'upstream-refused'],
    [413, '', 'upstream-refused'],
    [502, '', 'upstream-unavailable'],
  ])('says whether another try helps after %s %s', async (status, body, kind) => {
    await expect(open(() => ({ status, body })).pacs.store('1.2.3', instances('A'), never)).rejects.toMatchObject({
      kind,
    });
  });

  it('believes no answer that it cannot read', async () => {
    expect(await open(() => ({ status: 200, body: 'stored!' })).pacs.store('1.2.3', instances('A'), never)).toEqual([]);
  });
});
