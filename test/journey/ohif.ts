import { createReadStream, existsSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

/**
 * `npm run look:ohif -- --ohif DIST --server URL --key KEY --study UID --out PICTURE.png`: opens a study of a running
 * server in OHIF, loads its segmentation, and takes a picture. OHIF's files come from the package @ohif/app; a small
 * proxy adds the key, as a hospital's would.
 */
const { values } = parseArgs({
  options: {
    ohif: { type: 'string' },
    server: { type: 'string' },
    key: { type: 'string' },
    study: { type: 'string' },
    out: { type: 'string', default: 'ohif.png' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});
const { ohif, server, key, study, out } = values;
if (!ohif || !server || !key || !study) throw new Error('give --ohif, --server, --key and --study');

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

const CONFIG = `window.config = {
  routerBasename: null, extensions: [], modes: [], showStudyList: true, defaultDataSourceName: 'ni', maxNumberOfWebWorkers: 2,
  maxNumRequests: { interaction: 20, thumbnail: 5, prefetch: 10 },
  dataSources: [{ namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'ni', configuration: {
    friendlyName: 'NeuroInsight', name: 'ni', wadoUriRoot: '/dicomweb', qidoRoot: '/dicomweb', wadoRoot: '/dicomweb',
    qidoSupportsIncludeField: true, imageRendering: 'wadors', thumbnailRendering: 'wadors', enableStudyLazyLoad: true,
    supportsFuzzyMatching: true, supportsWildcard: true, bulkDataURI: { enabled: true } } }],
};`;

function proxy(incoming: IncomingMessage, answer: ServerResponse): void {
  const headers = { ...incoming.headers, 'accept-encoding': 'identity', authorization: `Bearer ${key}` };
  const outgoing = request(`${server}${incoming.url}`, { method: incoming.method, headers }, (response) => {
    if (response.statusCode! >= 400)
      process.stdout.write(
        `${response.statusCode} ${incoming.method} ${incoming.url} accept ${incoming.headers.accept}\n`,
      );
    // What the server hands out as its own address is this proxy's for the browser.
    const { 'content-length': _, ...kept } = response.headers;
    answer.writeHead(response.statusCode!, kept);
    if (!String(response.headers['content-type']).includes('json')) return void response.pipe(answer);
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('end', () => answer.end(text.replaceAll(`${server}/dicomweb`, `http://127.0.0.1:${port}/dicomweb`)));
  });
  incoming.pipe(outgoing);
}

function file(incoming: IncomingMessage, answer: ServerResponse): void {
  const path = normalize(new URL(incoming.url!, 'http://x').pathname);
  if (path === '/app-config.js') return void answer.writeHead(200, { 'content-type': 'text/javascript' }).end(CONFIG);
  const wanted = join(ohif!, path);
  const served = existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(ohif!, 'index.html');
  answer.writeHead(200, {
    'content-type': TYPES[extname(served)] ?? 'application/octet-stream',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  });
  createReadStream(served).pipe(answer);
}

let port = 0;
const site = createServer((incoming, answer) =>
  incoming.url!.startsWith('/dicomweb') ? proxy(incoming, answer) : file(incoming, answer),
);
await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
port = (site.address() as { port: number }).port;

const browser = await chromium.launch({
  executablePath: values.chromium,
  args: [
    '--no-sandbox',
    '--use-gl=angle',
    '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader',
    '--ignore-gpu-blocklist',
  ],
});
const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
page.on('pageerror', (error) => process.stdout.write(`page error: ${error.message.slice(0, 300)}\n`));
page.on('console', (message) => {
  if (message.type() === 'error' || message.type() === 'warning')
    process.stdout.write(`console: ${message.text().slice(0, 300)}\n`);
});
await page.goto(`http://127.0.0.1:${port}/viewer?StudyInstanceUIDs=${study}`, { waitUntil: 'load' });
await page.waitForTimeout(20_000);
for (const name of ['Skip all', 'Confirm and hide']) {
  const button = page.getByText(name);
  if ((await button.count()) > 0) await button.first().click();
}
await page.waitForTimeout(3000);
writeFileSync(out!, await page.screenshot());
const list = await page.locator('[data-cy^="study-browser-thumbnail"]').allInnerTexts();
process.stdout.write(`thumbnails: ${list.map((text) => text.replaceAll('\n', ' ')).join(' | ')}\n`);
for (const [name, find] of [
  ['segmentation', page.locator('[data-cy="study-browser-thumbnail-no-image"]').filter({ hasText: 'SEG' })],
  ['structured report', page.locator('[data-cy="study-browser-thumbnail-no-image"]').filter({ hasText: 'SR' })],
] as const) {
  if ((await find.count()) === 0) continue;
  await find.first().dblclick();
  await page.waitForTimeout(15_000);
  const yes = page.getByRole('button', { name: /^(yes|load|confirm)/i });
  if ((await yes.count()) > 0) await yes.first().click();
  await page.waitForTimeout(15_000);
  writeFileSync(out!.replace(/\.png$/, `-${name.replaceAll(' ', '-')}.png`), await page.screenshot());
}
await browser.close();
site.close();
