import { describe, expect, it } from '@jest/globals';
import { checkResource, isId } from './structure.ts';

const nested = (depth: number): unknown => {
  let value: unknown = { valueString: 'x' };
  for (let level = 0; level < depth; level += 1) value = { extension: [value] };
  return value;
};
const kindOf = (value: unknown, type?: string): string => {
  try {
    checkResource(value, type);
    return 'taken';
  } catch (error) {
    return (error as { kind: string }).kind;
  }
};

describe('checkResource', () => {
  it('takes a resource as it is, meta and extensions of primitives included', () => {
    const resource = {
      resourceType: 'Patient',
      meta: { profile: ['http://a.example/p'], tag: [{ code: 'x' }] },
      birthDate: '1950',
      name: [{ given: ['A', null], _given: [null, { extension: [{ url: 'http://a.example', valueString: 'b' }] }] }],
    };
    expect(checkResource(resource, 'Patient')).toBe(resource);
  });

  it.each([[null], ['text'], [[]], [7]])('answers invalid-request when the body is %j and no object', (body) => {
    expect(kindOf(body)).toBe('invalid-request');
  });

  it('answers invalid-request for a type that is not kept and for another than that of the address', () => {
    expect(kindOf({ resourceType: 'Martian' })).toBe('invalid-request');
    expect(kindOf({ resourceType: 7 })).toBe('invalid-request');
    expect(kindOf({ resourceType: 'Patient' }, 'Observation')).toBe('invalid-request');
  });

  it.each([
    ['an empty string', { gender: '' }],
    ['an empty object', { maritalStatus: {} }],
    ['an empty array', { name: [] }],
    ['null', { name: null }],
    ['an array in an array', { name: [[{ family: 'x' }]] }],
    ['an object of 501 elements', Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`e${n}`, 1]))],
    ['a number beyond all numbers', { multipleBirthInteger: Number.POSITIVE_INFINITY }],
    ['an id that is no string', { id: 7 }],
    ['a meta that is no object', { meta: 'x' }],
    ['a profile that is no list', { meta: { profile: 'http://a.example' } }],
    ['a constructor deep inside', { contact: [JSON.parse('{"constructor":{"x":1}}')] }],
  ])('refuses %s', (_, fields) => {
    expect(kindOf({ resourceType: 'Patient', active: true, ...fields })).toBe('invalid-resource');
  });

  it('refuses __proto__ as JSON brings it, and does not repeat the name', () => {
    const resource = JSON.parse('{"resourceType":"Patient","contact":[{"__proto__":{"admin":true}}]}');
    expect(() => checkResource(resource)).toThrow('Patient.contact[0]: an element has a name that is not allowed');
    expect(() => checkResource(JSON.parse('{"resourceType":"Patient","odd name!":{}}'))).toThrow(
      'Patient.?: an object must not be empty',
    );
  });

  it('takes what is nested 60 deep and refuses 64, without a stack overflow at 100 000', () => {
    expect(kindOf({ resourceType: 'Patient', ...(nested(25) as object) })).toBe('taken');
    expect(kindOf({ resourceType: 'Patient', ...(nested(40) as object) })).toBe('invalid-resource');
    expect(kindOf(JSON.parse(`{"resourceType":"Patient","a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`))).toBe(
      'invalid-resource',
    );
  });

  it.each([
    ['<div xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></div>'],
    ['<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x()">a</p></div>'],
    ['<div xmlns="http://www.w3.org/1999/xhtml"><a href=" javascript:x()">a</a></div>'],
    ['<div xmlns="http://www.w3.org/1999/xhtml"><IFRAME src="http://a.example"/></div>'],
    ['<div><img/onerror=x src=y></div>'],
    [`<div><a href='x'onclick='y'>z</a></div>`],
    ['<div><a href="java&#115;cript:x">a</a></div>'],
    ['<div><a href=" &#9;java&NewLine;script&colon;x">a</a></div>'],
    ['<div><a href="jav\tascript:x">a</a></div>'],
    ['<div><a href="data:text/html,x">a</a></div>'],
    ['<div style="background:url(&#x6a;avascript:x)"></div>'],
  ])('refuses the active narrative %s', (div) => {
    expect(kindOf({ resourceType: 'Patient', text: { status: 'generated', div } })).toBe('invalid-resource');
  });

  it('takes a plain narrative, and judges long hostile ones as quickly', () => {
    const div = '<div xmlns="http://www.w3.org/1999/xhtml"><p class="a">on = off <a href="#b">b</a></p></div>';
    expect(kindOf({ resourceType: 'Patient', text: { status: 'generated', div } })).toBe('taken');
    for (const part of ['<', 'href=', 'href= ', '< on', ' on', 'src=" ', '<a /on', '&#', '&#1;', 'url( ']) {
      expect(kindOf({ resourceType: 'Patient', text: { status: 'generated', div: part.repeat(100_000) } })).toBe(
        'taken',
      );
    }
  });

  it('refuses a URL that is a script', () => {
    expect(kindOf({ resourceType: 'Patient', photo: [{ url: 'javascript:alert(1)' }] })).toBe('invalid-resource');
  });
});

describe('isId', () => {
  it('knows what R4 allows', () => {
    expect(['a', 'A-1.b', 'x'.repeat(64)].map(isId)).toEqual([true, true, true]);
    expect(['', 'a_b', 'x'.repeat(65), 'a/b', 'a b', 'é', '.', '..'].map(isId)).toEqual(Array(8).fill(false));
  });
});
