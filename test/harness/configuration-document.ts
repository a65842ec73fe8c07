import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigSchema, ENVIRONMENT } from '../../src/config.ts';
import { PeersSchema } from '../../src/peers-config.ts';

interface Property {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Property[];
  readonly properties?: Readonly<Record<string, Property>>;
  readonly items?: Property & { readonly oneOf?: readonly Property[] };
  readonly required?: readonly string[];
}

const SECTIONS: Readonly<Record<string, string>> = {
  server: 'Server',
  storage: 'Storage',
  keys: 'Keys',
  retention: 'Retention',
  backup: 'Backup',
  analysis: 'Analysis',
  exchange: 'Exchange',
  log: 'Log',
};

/** docs/operations/configuration.md, made from the schemas that check the settings: the page cannot say anything else. */
export function configurationDocument(): string {
  const defaults = JSON.parse(readFileSync(new URL('../../config/default.json', import.meta.url), 'utf8'));
  const schema = z.toJSONSchema(ConfigSchema, { io: 'input' }) as Property;
  const sections = Object.entries(SECTIONS).map(([section, title]) => {
    const properties = schema.properties![section]!.properties!;
    const rows = Object.entries(properties).map(([key, property]) =>
      row([variableOf(section, key), property.description, shapeOf(property), shown(defaults[section][key])]),
    );
    return [
      `## ${title}`,
      '',
      row(['variable', 'meaning', 'values', 'default']),
      row(['---', '---', '---', '---']),
      ...rows,
    ].join('\n');
  });
  return `${[INTRODUCTION, ...sections, peers()].join('\n\n')}\n`;
}

const INTRODUCTION = `# Configuration

Settings come from \`config/default.json\`, then from environment variables. A variable that begins with
\`NEUROINSIGHT_\` and is not listed here, or a value outside its bounds, stops the start: a misspelt setting that is
silently ignored is worse than a start that is refused. \`.env.example\` lists the same names.

What is stored is always encrypted. The key-encryption key (KEK) comes from one place: a file, an environment variable, a
command, Vault or AWS KMS. Where none is configured, one is made beside the data folder (\`DATA.kek\`), for development. In
production (\`NODE_ENV=production\`, or a public URL that is not loopback) a KEK must be configured, and not that one.

This version speaks no TLS: a public URL that is not loopback, or an address beyond loopback, needs a proxy in front that
ends TLS (\`NEUROINSIGHT_TRUST_PROXY=true\`).

This page is made from the code by \`node test/harness/write-configuration.ts\`, and a test compares the two.`;

function peers(): string {
  const schema = z.toJSONSchema(PeersSchema, { io: 'input' }) as Property;
  const list = (name: string): readonly Property[] => {
    const { items } = schema.properties![name]!;
    return items!.oneOf ?? items!.anyOf ?? [items!];
  };
  const table = (title: string, property: Property): string =>
    [
      `### ${title}`,
      '',
      row(['key', 'meaning', 'values', 'default']),
      row(['---', '---', '---', '---']),
      ...Object.entries(property.properties!).map(([key, value]) =>
        row([
          `\`${key}\``,
          value.description ?? '',
          shapeOf(value),
          property.required?.includes(key) ? 'required' : shown(value.default),
        ]),
      ),
    ].join('\n');
  return [
    '## Peers file',
    '`NEUROINSIGHT_PEERS_FILE` names a JSON file `{ "destinations": [...], "sources": [...] }`. Paths in it are relative to the file.',
    ...list('destinations').map((item) => table(`A destination of kind \`${item.properties!.kind!.const}\``, item)),
    ...list('sources').map((item) => table('A source', item)),
  ].join('\n\n');
}

function variableOf(section: string, key: string): string {
  const name = Object.entries(ENVIRONMENT).find(([, place]) => place[0] === section && place[1] === key)?.[0];
  if (name === undefined) throw new Error(`${section}.${key} has no environment variable`);
  return `\`${name}\``;
}

function shapeOf(property: Property): string {
  const { enum: values, const: constant, minimum, maximum, anyOf } = property;
  if (anyOf) return shapeOf(anyOf.find(({ type }) => type !== 'null')!);
  if (constant !== undefined) return `\`${constant}\``;
  if (values) return values.map((value) => `\`${value}\``).join(', ');
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  return property.type === 'boolean' ? '`true`, `false`' : 'text';
}

function shown(value: unknown): string {
  return value === null || value === undefined || value === '' ? 'unset' : `\`${value}\``;
}

function row(cells: readonly (string | undefined)[]): string {
  return `| ${cells.map((cell) => (cell ?? '').replaceAll('|', '\\|')).join(' | ')} |`;
}

/** .env.example, from the same schema. */
export function environmentExample(): string {
  const defaults = JSON.parse(readFileSync(new URL('../../config/default.json', import.meta.url), 'utf8'));
  const schema = z.toJSONSchema(ConfigSchema, { io: 'input' }) as Property;
  const lines = Object.entries(ENVIRONMENT).map(([name, [section, key]]) => {
    const property = schema.properties![section]!.properties![key]!;
    return `# ${property.description} (${shapeOf(property).replaceAll('`', '')})\n#${name}=${defaults[section][key] ?? ''}\n`;
  });
  return `# Settings of NeuroInsight; the defaults are in config/default.json. An unknown NEUROINSIGHT_* name stops the start.\n\n${lines.join('\n')}`;
}
