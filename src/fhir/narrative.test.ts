import { describe, expect, it } from '@jest/globals';
import { narrativeOf } from './narrative.ts';

describe('a generated narrative', () => {
  it('shows markup in a value as text', () => {
    const { div } = narrativeOf('A & B', [['<b>', '<script>alert("1")</script>']], ["it's"]);
    expect(div).toBe(
      '<div xmlns="http://www.w3.org/1999/xhtml"><p><b>A &amp; B</b></p><table><tbody><tr><th>&lt;b&gt;</th>' +
        '<td>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;</td></tr></tbody></table><p>it&#39;s</p></div>',
    );
  });

  it('holds no character that XML forbids', () => {
    expect(narrativeOf('a\u0000b\u001bc\u007fd', [], []).div).toContain('<b>a b c d</b>');
  });
});
