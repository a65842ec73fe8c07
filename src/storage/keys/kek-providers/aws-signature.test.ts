import { describe, expect, it } from '@jest/globals';
import { signAwsRequest } from './aws-signature.ts';

/** The credentials and the moment of AWS's published test suite for Signature Version 4. */
const CREDENTIALS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const now = new Date('2015-08-30T12:36:00Z');
const scope = { region: 'us-east-1', service: 'service', credentials: CREDENTIALS, now };

const signatureOf = (method: string, url: string, headers: Record<string, string> = {}, body = '', of = scope) =>
  signAwsRequest({ method, url: new URL(url), headers, body }, of).authorization!.split('Signature=')[1];

const HOST = 'https://example.amazonaws.com/';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

describe('the signature of AWS requests', () => {
  it.each([
    ['get-vanilla', 'GET', HOST, {}, '', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    [
      'get-vanilla-query-order-key-case',
      'GET',
      `${HOST}?Param2=value2&Param1=value1`,
      {},
      '',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    ['post-vanilla', 'POST', HOST, {}, '', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'post-x-www-form-urlencoded',
      'POST',
      HOST,
      FORM,
      'Param1=value1',
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
    [
      'post-header-key-sort',
      'POST',
      HOST,
      { 'my-header1': 'value1' },
      '',
      'c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c',
    ],
  ])('is that of the published vector %s', (_, method, url, headers, body, expected) => {
    expect(signatureOf(method, url, headers, body)).toBe(expected);
  });

  it('is that of the example in the documentation of IAM', () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    const of = { ...scope, service: 'iam' };
    const url = 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08';
    expect(signatureOf('GET', url, headers, '', of)).toBe(
      '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
    );
  });

  it('covers the token of a session', () => {
    const credentials = { ...CREDENTIALS, sessionToken: 'token' };
    const signed = signAwsRequest(
      { method: 'POST', url: new URL(HOST), headers: {}, body: '' },
      { ...scope, credentials },
    );
    expect(signed['x-amz-security-token']).toBe('token');
    expect(signed.authorization).toContain('SignedHeaders=host;x-amz-date;x-amz-security-token');
  });
});
