import { Script } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { openHttpWorld } from '../../test/harness/http-world.ts';
import { docsRoutes } from './docs.ts';

describe('the explorer', () => {
  it('is open, and may run our own script and nothing else', async () => {
    const world = await openHttpWorld({ routers: { docs: docsRoutes() } });
    const [page, script, style, slash] = await Promise.all(
      ['/docs', '/docs/explorer.js', '/docs/explorer.css', '/docs/'].map((path) =>
        fetch(world.url + path, { redirect: 'manual' }),
      ),
    );
    const html = await page!.text();
    expect(page!.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page!.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self';/);
    expect(page!.headers.get('content-security-policy')).not.toContain('unsafe');
    expect(html).not.toMatch(/<script(?![^>]*\ssrc="docs\/explorer\.js")|<style|\son\w+=|\sstyle=|https?:/);
    expect(script!.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(style!.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect([slash!.status, slash!.headers.get('location')]).toEqual([302, '../docs']);
    const program = await script!.text();
    expect(() => new Script(program)).not.toThrow();
    expect(program).not.toMatch(/innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|localStorage/);
    await world.close();
  });
});
