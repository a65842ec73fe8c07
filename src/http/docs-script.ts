/**
 * The program of the explorer page, for browsers. It builds the page from the OpenAPI document by elements and text
 * alone, never by markup: nothing that a server answers can become a script.
 */
export const EXPLORER_SCRIPT = `'use strict';
const base = new URL('..', document.currentScript.src);
const keyField = document.getElementById('key');
const place = document.getElementById('operations');

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function field(id, label, hint, value, large) {
  const input = element(large ? 'textarea' : 'input', { id, value, spellcheck: false });
  if (large) input.rows = 6;
  return { input, parts: [element('label', { htmlFor: id }, label), input, element('p', { className: 'hint' }, hint)] };
}

function example(schema, components) {
  const known = schema.$ref ? components[schema.$ref.split('/').pop()] : schema;
  if (known.type !== 'object') return known.description || known.type || '';
  return Object.fromEntries(Object.entries(known.properties || {}).map(([name, of]) => [name, example(of, components)]));
}

function inputsOf(operation, components) {
  const parameters = operation.parameters.map((parameter) => {
    const { name, required, schema } = parameter;
    const hint = [required ? 'required' : 'optional', schema.description, (schema.enum || []).join(', '), schema.pattern];
    const made = field(operation.operationId + '.' + name, name, hint.filter(Boolean).join('; '), '', false);
    return { ...made, parameter };
  });
  const content = operation.requestBody && operation.requestBody.content['application/json'];
  const text = content && JSON.stringify(example(content.schema, components), null, 2);
  const body = content && field(operation.operationId + '.body', 'content', 'application/json', text, true);
  return { parameters, body };
}

function addressOf(path, parameters) {
  let filled = path.slice(1);
  const query = new URLSearchParams();
  for (const { input, parameter } of parameters) {
    if (parameter.in === 'path') filled = filled.replace('{' + parameter.name + '}', encodeURIComponent(input.value));
    else if (input.value !== '') query.set(parameter.name, input.value);
  }
  const url = new URL(filled, base);
  url.search = query.toString();
  return url;
}

async function showStream(response, shown) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) shown.textContent += part.value;
}

async function showBody(response, output) {
  const type = response.headers.get('content-type') || '';
  const shown = element('pre', { tabIndex: 0 });
  if (type.startsWith('text/event-stream')) {
    output.append(shown);
    return showStream(response, shown);
  }
  if (type.includes('json')) {
    const text = await response.text();
    shown.textContent = JSON.stringify(JSON.parse(text), null, 2);
    return output.append(shown);
  }
  const blob = await response.blob();
  if (blob.size === 0) return undefined;
  const href = URL.createObjectURL(blob);
  if (type === 'image/png') return output.append(element('img', { src: href, alt: 'the picture that was answered' }));
  const download = response.url.split('/').pop();
  return output.append(element('a', { href, download }, 'save ' + download + ' (' + blob.size + ' bytes, ' + type + ')'));
}

async function send(method, url, body, output, signal) {
  const headers = keyField.value === '' ? {} : { authorization: 'Bearer ' + keyField.value };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const started = performance.now();
  const line = element('p', { role: 'status' }, method + ' ' + url.pathname + url.search);
  output.replaceChildren(line);
  try {
    const response = await fetch(url, { method, headers, body, signal, redirect: 'error', credentials: 'omit' });
    const took = Math.round(performance.now() - started);
    line.append(': ' + response.status + ' ' + response.statusText + ', ' + took + ' ms');
    for (const name of ['location', 'retry-after', 'x-trace-id']) {
      if (response.headers.has(name)) line.append('; ' + name + ' ' + response.headers.get(name));
    }
    await showBody(response, output);
  } catch (error) {
    line.append(signal.aborted ? '; stopped' : '; failed: ' + error.message);
  }
}

function operationElement(path, method, operation, components) {
  const { parameters, body } = inputsOf(operation, components);
  const output = element('div', { className: 'answer' });
  const button = element('button', { type: 'button' }, 'Send');
  const stop = element('button', { type: 'button', disabled: true }, 'Stop');
  let running = new AbortController();
  stop.addEventListener('click', () => running.abort());
  button.addEventListener('click', async () => {
    running.abort();
    const mine = new AbortController();
    running = mine;
    stop.disabled = false;
    await send(method.toUpperCase(), addressOf(path, parameters), body && body.input.value, output, mine.signal);
    if (running === mine) stop.disabled = true;
  });
  const title = element('summary', {}, element('span', { className: 'method' }, method.toUpperCase()));
  title.append(element('code', {}, path), ' ' + operation.summary);
  const fields = [...parameters, ...(body ? [body] : [])].flatMap(({ parts }) => parts);
  return element('details', { id: operation.operationId }, title, operation.description || '', ...fields, button, stop, output);
}

async function start() {
  const response = await fetch(new URL('api/v1/openapi.json', base), { credentials: 'omit' });
  if (!response.ok) throw new Error('the description was answered with ' + response.status);
  const { paths, components } = await response.json();
  const sections = new Map();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const [tag] = operation.tags;
      if (!sections.has(tag)) sections.set(tag, element('section', {}, element('h2', {}, tag)));
      sections.get(tag).append(operationElement(path, method, operation, components.schemas));
    }
  }
  place.replaceChildren(...sections.values());
}

start().catch((error) => place.replaceChildren(element('p', { role: 'alert' }, 'The explorer could not start: ' + error.message)));
`;
