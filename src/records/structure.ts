import type { Resource } from '@medplum/fhirtypes';
import { NeuroInsightError } from '../domain/errors.ts';
import { isSupportedType } from '../fhir/search-parameters.ts';

/** Objects and arrays inside one another; no FHIR resource in use comes near. */
const MAX_DEPTH = 64;
/** Elements of one object; the largest type of R4 has under a hundred, twice that with their extensions. */
const MAX_NAMES = 500;
/** Dots alone would be another address to whoever resolves a URL. */
const ID = /^(?!\.{1,2}$)[A-Za-z0-9\-.]{1,64}$/;
/** Names that reach an object's prototype when somebody copies properties carelessly. */
const PROTOTYPE_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
/** What R4 narrative 2.4.0 forbids in a div and a browser would run or load: active elements and handlers. */
const ACTIVE_NARRATIVE =
  /<\/?(?:script|style|iframe|object|embed|form|input|base|link|meta|svg|math|body|head|frame|xml)\b|<[^<>]*[\s"'/]on[a-z]+\s*=/i;
/** Script URLs, after references to characters are read and white space is gone, as a browser does both. */
const SCRIPT_URL = /(?:(?:href|src|action)=["']?|url\(["']?)(?:javascript:|vbscript:|data:(?!image\/))/i;

/** Whether the text can be the logical id of a resource (R4 datatypes, id). */
export const isId = (text: string): boolean => ID.test(text);

function refuse(path: string, what: string): never {
  throw new NeuroInsightError('invalid-resource', `${path}: ${what}`);
}

const NAMED_CHARACTERS: Readonly<Record<string, string>> = { tab: '', newline: '', colon: ':', lpar: '(' };

function holdsScriptUrl(div: string): boolean {
  const read = div.replaceAll(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(tab|newline|colon|lpar));?/gi,
    (_, decimal, hex, name) => {
      if (name !== undefined) return NAMED_CHARACTERS[name.toLowerCase()]!;
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : '';
    },
  );
  // Everything up to the blank: a browser passes over it inside a URL.
  return SCRIPT_URL.test(read.replaceAll(/[^!-\uffff]+/g, ''));
}

function checkText(text: string, path: string, name: string): void {
  if (text === '') refuse(path, 'a string must not be empty');
  if (name === 'div' && (ACTIVE_NARRATIVE.test(text) || holdsScriptUrl(text)))
    refuse(path, 'a narrative must not hold active content');
  if ((name === 'reference' || name === 'url') && /^\s*(?:javascript|vbscript):/i.test(text)) {
    refuse(path, 'a URL must not be a script');
  }
}

/** R4 json 2.6.2: arrays are never empty, null stands only where a primitive of an array has only an extension. */
function checkArray(values: readonly unknown[], path: string, name: string, depth: number): void {
  if (values.length === 0) refuse(path, 'an array must not be empty');
  for (const [index, value] of values.entries()) {
    if (Array.isArray(value)) refuse(path, 'an array must not hold arrays');
    if (value !== null) checkValue(value, `${path}[${index}]`, name, depth);
  }
}

function checkObject(object: object, path: string, depth: number): void {
  const elements = Object.entries(object);
  if (elements.length === 0) refuse(path, 'an object must not be empty');
  if (elements.length > MAX_NAMES) refuse(path, `an object has at most ${MAX_NAMES} elements`);
  for (const [name, value] of elements) {
    // The name is the caller's text: it is not repeated in the message.
    if (PROTOTYPE_NAMES.has(name)) refuse(path, 'an element has a name that is not allowed');
    if (value === null) refuse(path, 'null is not a value of an element');
    checkValue(value, `${path}.${/^\w{1,64}$/.test(name) ? name : '?'}`, name, depth);
  }
}

function checkValue(value: unknown, path: string, name: string, depth: number): void {
  if (typeof value === 'string') checkText(value, path, name);
  else if (typeof value === 'object' && value !== null) {
    if (depth >= MAX_DEPTH) refuse('resource', `elements are nested more than ${MAX_DEPTH} deep`);
    if (Array.isArray(value)) checkArray(value, path, name, depth + 1);
    else checkObject(value, path, depth + 1);
  } else if (typeof value === 'number' && !Number.isFinite(value)) {
    refuse(path, 'a number is too large');
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function checkMeta(meta: unknown, type: string): void {
  if (meta === undefined) return;
  if (!isObject(meta)) refuse(`${type}.meta`, 'must be an object');
  for (const name of ['profile', 'tag', 'security'] as const) {
    if (meta[name] !== undefined && !Array.isArray(meta[name])) refuse(`${type}.meta.${name}`, 'must be an array');
  }
}

/**
 * Takes what a client sent as a resource: shape and safety, not yet profiles. R4 json 2.6.2.
 *
 * @param type What the URL says; absent: whatever the resource says.
 * @returns The very object, not a copy.
 * @throws invalid-request when it is no resource or another type than the URL's, invalid-resource with the element.
 */
export function checkResource(value: unknown, type?: string): Resource {
  if (!isObject(value)) throw new NeuroInsightError('invalid-request', 'The body must be one JSON object, a resource');
  const { resourceType } = value;
  if (typeof resourceType !== 'string' || !isSupportedType(resourceType)) {
    throw new NeuroInsightError('invalid-request', 'resourceType must name a resource type that is kept here');
  }
  if (type !== undefined && resourceType !== type) {
    throw new NeuroInsightError('invalid-request', `The URL asks for ${type} and the body is ${resourceType}`);
  }
  if (value.id !== undefined && typeof value.id !== 'string') refuse(`${resourceType}.id`, 'must be a string');
  checkMeta(value.meta, resourceType);
  checkObject(value, resourceType, 1);
  return value as unknown as Resource;
}
