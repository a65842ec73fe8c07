import type { Narrative } from '@medplum/fhirtypes';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text that may stand in XHTML; control characters, which XML 1.0 forbids, become spaces. */
export const escapeXhtml = (text: string): string =>
  Array.from(text, (character) => (character < ' ' || character === '\u007f' ? ' ' : character))
    .join('')
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);

/** A generated narrative: a heading, rows of name and value, sentences below. Everything is escaped here. */
export function narrativeOf(
  heading: string,
  rows: readonly (readonly [string, string])[],
  sentences: readonly string[],
): Narrative {
  const table = rows.map(([name, value]) => `<tr><th>${escapeXhtml(name)}</th><td>${escapeXhtml(value)}</td></tr>`);
  return {
    status: 'generated',
    div: [
      '<div xmlns="http://www.w3.org/1999/xhtml">',
      `<p><b>${escapeXhtml(heading)}</b></p>`,
      ...(table.length > 0 ? [`<table><tbody>${table.join('')}</tbody></table>`] : []),
      ...sentences.map((sentence) => `<p>${escapeXhtml(sentence)}</p>`),
      '</div>',
    ].join(''),
  };
}
