import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMIT, MOST_RESULTS } from '../../src/archive/queries-request.ts';
import { dicomwebRoutes } from '../../src/http/dicomweb/routes.ts';
import { MATCHABLE, type QueryLevel } from '../../src/ports/index.ts';

const page = readFileSync(new URL('../../docs/conformance/dicomweb.md', import.meta.url), 'utf8');
const router = dicomwebRoutes({
  archive: {},
  store: {},
  publicUrl: 'http://127.0.0.1:8080',
  limits: {},
  pictures: {},
} as unknown as Parameters<typeof dicomwebRoutes>[0]);

describe('the DICOMweb conformance statement', () => {
  it('names the address of every route', () => {
    const routes = router.stack
      .filter(({ methods }) => methods.length <= 2)
      .flatMap(({ path, methods }) =>
        methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${path}`),
      );
    expect(routes.length).toBeGreaterThan(15);
    const spelled = routes
      .map((route) => route.replace('/dicomweb', ''))
      .filter((route) => !/\/(metadata|rendered|thumbnail)$/.test(route));
    expect(spelled.filter((route) => !page.includes(`\`${route}\``))).toEqual([]);
    for (const suffix of ['/metadata', '/rendered', '/thumbnail']) expect(page).toContain(`\`${suffix}\``);
  });

  it.each(Object.entries(MATCHABLE) as [QueryLevel, readonly string[]][])(
    'lists what can be matched at level %s',
    (level, keywords) => {
      expect(page).toContain(`| ${level} | ${keywords.join(', ')} |`);
    },
  );

  it('gives the limits of a search', () => {
    expect(page).toContain(`(${DEFAULT_LIMIT} unless asked, at most ${MOST_RESULTS};`);
  });
});
