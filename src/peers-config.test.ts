import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadPeers } from './peers-config.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-peers-'));
  writeFileSync(join(folder, 'secret'), 'Bearer abc\n', { mode: 0o600 });
  writeFileSync(join(folder, 'open'), 'Bearer abc', { mode: 0o600 });
  chmodSync(join(folder, 'open'), 0o644);
  writeFileSync(join(folder, 'lines'), 'Bearer abc\nX-Other: 1', { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

function load(content: unknown) {
  const file = join(folder, 'peers.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return loadPeers(file);
}
const pacs = { name: 'pacs', kind: 'dicomweb', url: 'https://pacs.example/dicom-web' };

describe('the peers file', () => {
  it('names destinations and sources, with their defaults', () => {
    const { destinations, sources } = load({
      destinations: [
        { ...pacs, authorizationFile: 'secret' },
        {
          name: 'ehr',
          kind: 'fhir',
          url: 'http://127.0.0.1:8099/fhir',
          profile: 'conditional-creates',
          timeoutSeconds: 5,
        },
      ],
      sources: [{ name: 'pacs', url: 'http://10.1.2.3/dicom-web', plainHttp: true, pollSeconds: 10 }],
    });
    expect(destinations[0]).toEqual({ ...pacs, authorization: 'Bearer abc', timeoutSeconds: 60, profile: undefined });
    expect(destinations[1]).toMatchObject({ kind: 'fhir', profile: 'conditional-creates', authorization: undefined });
    expect(sources).toEqual([
      {
        name: 'pacs',
        url: 'http://10.1.2.3/dicom-web',
        authorization: undefined,
        timeoutSeconds: 60,
        windowDays: 7,
        pollSeconds: 10,
        site: 'main',
      },
    ]);
  });

  it('is optional', () => {
    expect(loadPeers(null)).toEqual({ destinations: [], sources: [] });
  });

  it.each([
    ['what is no JSON', '{', /cannot be read as JSON/],
    ['an unknown key', { destinations: [{ ...pacs, tokn: 'x' }] }, /destinations\.0/],
    ['two of one name', { destinations: [pacs, pacs] }, /two entries are called pacs/],
    ['another scheme', { destinations: [{ ...pacs, url: 'file:///etc/passwd' }] }, /url/],
    ['credentials in the URL', { destinations: [{ ...pacs, url: 'https://u:p@pacs.example' }] }, /authorizationFile/],
    ['plain http to another machine', { destinations: [{ ...pacs, url: 'http://pacs.example' }] }, /plainHttp/],
    ['a secret that others can read', { destinations: [{ ...pacs, authorizationFile: 'open' }] }, /mode 0600/],
    ['a secret that is not there', { destinations: [{ ...pacs, authorizationFile: 'none' }] }, /cannot be read/],
    ['a secret of two lines', { destinations: [{ ...pacs, authorizationFile: 'lines' }] }, /no header value/],
  ])('stops the start for %s', (_, content, message) => {
    expect(() => load(content)).toThrow(message);
  });
});
