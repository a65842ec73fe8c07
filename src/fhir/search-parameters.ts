import { SEARCH_PARAMETERS_A_TO_D } from './search-parameters-a-to-d.ts';
import { SEARCH_PARAMETERS_E_TO_O } from './search-parameters-e-to-o.ts';
import { SEARCH_PARAMETERS_P_TO_Z } from './search-parameters-p-to-z.ts';

/** Resource types that the server stores and searches. */
export const RESOURCE_TYPES = [
  'AllergyIntolerance',
  'AuditEvent',
  'Basic',
  'Binary',
  'BodyStructure',
  'Communication',
  'Composition',
  'Condition',
  'Consent',
  'Device',
  'DiagnosticReport',
  'DocumentReference',
  'Encounter',
  'Endpoint',
  'Group',
  'ImagingStudy',
  'List',
  'Location',
  'Media',
  'MedicationStatement',
  'Observation',
  'Organization',
  'Patient',
  'Person',
  'Practitioner',
  'PractitionerRole',
  'Procedure',
  'Provenance',
  'Questionnaire',
  'QuestionnaireResponse',
  'RelatedPerson',
  'ResearchStudy',
  'ResearchSubject',
  'ServiceRequest',
  'Specimen',
  'Subscription',
  'Task',
] as const;

export type SupportedType = (typeof RESOURCE_TYPES)[number];

export const isSupportedType = (type: string): type is SupportedType =>
  (RESOURCE_TYPES as readonly string[]).includes(type);

/**
 * Projected from the audit log when it is read: there is no index of it, so that no chain, _has or include leads through
 * it.
 */
export const SERVER_WRITTEN = 'AuditEvent';

export type ParameterType = 'token' | 'string' | 'date' | 'reference' | 'quantity' | 'uri' | 'composite';

/** Where a value lies: names of JSON properties from the resource down; arrays are walked through. */
export interface Place {
  readonly keys: readonly string[];
  /** Only objects whose property has this text: ContactPoint by its system. */
  readonly filter: { readonly key: string; readonly value: string } | undefined;
  readonly dataType: string;
  /** Only references to this type. */
  readonly target: string | undefined;
}

/** One search parameter of one resource type. */
export interface SearchParameter {
  readonly name: string;
  /** Canonical of HL7's definition. */
  readonly definition: string;
  readonly type: ParameterType;
  /** Resource types that a reference may lead to, of those that are searched together with others. */
  readonly targets: readonly SupportedType[];
  readonly places: readonly Place[];
  /** Of a composite: names of the parameters of its parts. A resource has one pair at most. */
  readonly components: readonly string[];
}

type ByName = ReadonlyMap<string, SearchParameter>;

function placeOf(text: string): Place {
  const [, path, key, value, dataType, target] = /^([\w.]+)(?:\[(\w+)=(\w+)\])?:(\w+)(?:\((\w+)\))?$/.exec(text)!;
  return {
    keys: path!.split('.'),
    filter: key === undefined ? undefined : { key, value: value! },
    dataType: dataType!,
    target,
  };
}

function parameterOf(line: string): SearchParameter {
  const [name, id, type, targets = '', last = ''] = line.split('|').map((column) => column.trim());
  const words = last.split(' ').filter((word) => word !== '');
  const isComposite = type === 'composite';
  return {
    name: name!,
    definition: `http://hl7.org/fhir/SearchParameter/${id}`,
    type: type as ParameterType,
    targets: RESOURCE_TYPES.filter(
      (known) => known !== SERVER_WRITTEN && (targets === '*' || targets.split(' ').includes(known)),
    ),
    places: isComposite ? [] : words.map(placeOf),
    components: isComposite ? words : [],
  };
}

function parametersOf(text: string): (readonly [string, ByName])[] {
  return text
    .split('# ')
    .slice(1)
    .map((section) => {
      const [type, ...lines] = section.trim().split('\n');
      return [type!, new Map(lines.map(parameterOf).map((parameter) => [parameter.name, parameter]))] as const;
    });
}

const TABLE: ReadonlyMap<string, ByName> = (() => {
  const own = new Map(
    [SEARCH_PARAMETERS_A_TO_D, SEARCH_PARAMETERS_E_TO_O, SEARCH_PARAMETERS_P_TO_Z].flatMap(parametersOf),
  );
  const common = own.get('Resource') ?? new Map();
  return new Map(RESOURCE_TYPES.map((type) => [type, new Map([...common, ...(own.get(type) ?? [])])]));
})();

/** Parameters of a supported type by name, those of every resource (`_id`, `_tag`, ...) first. */
export const searchParametersOf = (type: SupportedType): ByName => TABLE.get(type)!;
