/** A media type with its parameters, RFC 9110 8.3.1; everything but parameter values in lower case. */
export interface MediaType {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const TYPE = new RegExp(`^\\s*(${TOKEN}/${TOKEN})\\s*`);
/** An unquoted value may hold what RFC 9110 wants quoted: many clients write type=application/dicom. */
const PARAMETER = new RegExp(`;\\s*(?:(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;"]+)))?\\s*`, 'y');

/** Parses a Content-Type; undefined where it is none. Of a parameter given twice the first counts. */
export function parseMediaType(text: string): MediaType | undefined {
  const match = TYPE.exec(text);
  if (!match) return undefined;
  const parameters = new Map<string, string>();
  const pattern = new RegExp(PARAMETER);
  pattern.lastIndex = match[0].length;
  while (pattern.lastIndex < text.length) {
    const found = pattern.exec(text);
    if (!found) return undefined;
    const [, name, quoted, plain] = found;
    if (name === undefined) continue;
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain!);
  }
  return { type: match[1]!.toLowerCase(), parameters };
}
