import { type AppContext, type AppRouter, createRouter } from './context.ts';
import { EXPLORER_SCRIPT } from './docs-script.ts';
import { EXPLORER_STYLE } from './docs-style.ts';

/** Addresses are relative to the page, so that it works behind a proxy that puts a path in front. */
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>NeuroInsight API</title>
<link rel="stylesheet" href="docs/explorer.css">
<script src="docs/explorer.js" defer></script>
</head>
<body>
<header>
<h1>NeuroInsight API</h1>
<p>The product API. Images: <code>/dicomweb</code> (PS3.18). Records: <a href="fhir/R4/metadata"><code>/fhir/R4</code></a>.
The whole description: <a href="api/v1/openapi.json">openapi.json</a>.</p>
<label for="key">API key</label>
<input id="key" type="password" autocomplete="off" spellcheck="false" placeholder="ni_...">
<p class="hint">Kept in this page alone until it is closed. <code>npx neuroinsight api-key create</code> makes one.</p>
</header>
<main id="operations"><p>Loading the description.</p></main>
<noscript><p>The explorer needs JavaScript; openapi.json does not.</p></noscript>
</body>
</html>
`;

/** Nothing but our own script and style, and requests to ourselves. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src blob:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** GET /docs: a page that lists the operations of the product API and sends requests to them. Open, holds no data. */
export function docsRoutes(): AppRouter {
  const send =
    (type: string, text: string) =>
    (ctx: Pick<AppContext, 'set' | 'body'>): void => {
      ctx.set('Content-Security-Policy', POLICY);
      ctx.set('Content-Type', `${type}; charset=utf-8`);
      ctx.set('Cache-Control', 'no-cache');
      ctx.body = text;
    };
  return createRouter('')
    .get('/docs', send('text/html', PAGE))
    .get('/docs/', (ctx) => {
      ctx.status = 302;
      ctx.set('Location', '../docs');
    })
    .get('/docs/explorer.js', send('text/javascript', EXPLORER_SCRIPT))
    .get('/docs/explorer.css', send('text/css', EXPLORER_STYLE));
}
