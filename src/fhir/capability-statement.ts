import type {
  CapabilityStatement,
  CapabilityStatementRestResource,
  CapabilityStatementRestResourceSearchParam,
} from '@medplum/fhirtypes';
import { PROFILES } from './canonicals.ts';
import {
  RESOURCE_TYPES,
  SERVER_WRITTEN,
  type SearchParameter,
  type SupportedType,
  searchParametersOf,
} from './search-parameters.ts';
import { fhirBase } from './search-references.ts';

export interface ServerDescription {
  /** As the outside sees the server. */
  readonly publicUrl: string;
  readonly softwareVersion: string;
  /** FHIR dateTime of the last change of what is stated. */
  readonly date: string;
}

/** Projected from the audit log, which has an index of its own. */
const AUDIT_PARAMETERS: readonly string[] = ['_id', 'date', 'agent', 'patient', 'entity', 'action', 'outcome'];

const SUPPORTED_PROFILES: Readonly<Partial<Record<SupportedType, string[]>>> = {
  ImagingStudy: [PROFILES.imagingStudy],
  Observation: [
    PROFILES.hippocampalVolume,
    PROFILES.hippocampalAsymmetry,
    PROFILES.intracranialVolume,
    PROFILES.imageQuality,
  ],
  DiagnosticReport: [PROFILES.diagnosticReport],
  Device: [PROFILES.device],
  Provenance: [PROFILES.provenance],
};

const interactions = <Code>(codes: readonly Code[]): { code: Code }[] => codes.map((code) => ({ code }));

const parametersOf = (type: SupportedType): readonly SearchParameter[] =>
  [...searchParametersOf(type).values()].filter(
    ({ name }) => type !== SERVER_WRITTEN || AUDIT_PARAMETERS.includes(name),
  );

const searchParam = ({ name, definition, type }: SearchParameter): CapabilityStatementRestResourceSearchParam => ({
  name,
  definition,
  type,
});

const referencesOf = (type: SupportedType): readonly SearchParameter[] =>
  type === SERVER_WRITTEN ? [] : parametersOf(type).filter((parameter) => parameter.type === 'reference');

function includesOf(type: SupportedType): Pick<CapabilityStatementRestResource, 'searchInclude' | 'searchRevInclude'> {
  if (type === SERVER_WRITTEN) return {};
  const searchInclude = referencesOf(type).map(({ name }) => `${type}:${name}`);
  const searchRevInclude = RESOURCE_TYPES.flatMap((other) =>
    referencesOf(other).flatMap(({ name, targets }) => (targets.includes(type) ? [`${other}:${name}`] : [])),
  );
  return {
    ...(searchInclude.length > 0 && { searchInclude }),
    ...(searchRevInclude.length > 0 && { searchRevInclude }),
  };
}

function resourceOf(type: SupportedType): CapabilityStatementRestResource {
  const common = { type, searchParam: parametersOf(type).map(searchParam), ...includesOf(type) };
  if (type === SERVER_WRITTEN) {
    return {
      ...common,
      documentation: 'Written by the server alone, one for each access; the newest first.',
      interaction: interactions(['read', 'search-type'] as const),
      versioning: 'no-version',
    };
  }
  const supportedProfile = SUPPORTED_PROFILES[type];
  return {
    ...common,
    ...(supportedProfile && { supportedProfile }),
    interaction: interactions([
      'read',
      'vread',
      'update',
      'delete',
      'history-instance',
      'history-type',
      'create',
      'search-type',
    ] as const),
    versioning: 'versioned',
    readHistory: true,
    updateCreate: true,
    conditionalCreate: true,
    conditionalUpdate: true,
    conditionalDelete: 'single',
    referencePolicy: ['literal', 'logical'],
  };
}

/** What the FHIR door does, type by type: nothing that it does not, and every search parameter that it takes (R4 5.2). */
export function capabilityStatement({ publicUrl, softwareVersion, date }: ServerDescription): CapabilityStatement {
  const url = fhirBase(publicUrl);
  return {
    resourceType: 'CapabilityStatement',
    url: `${url}/metadata`,
    version: softwareVersion,
    name: 'NeuroInsight',
    title: 'NeuroInsight FHIR API',
    status: 'active',
    date,
    publisher: 'NeuroInsight',
    description:
      'Hippocampal volumes from T1-weighted MR of the brain, for research: results and what they were made of.',
    kind: 'instance',
    software: { name: 'NeuroInsight', version: softwareVersion },
    implementation: { description: 'NeuroInsight', url },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json'],
    rest: [
      {
        mode: 'server',
        documentation:
          'A search is refused when a parameter or modifier is not understood. Modifiers: missing, exact, contains, not, identifier, below, and the type of a reference. Chains of at most three links, _has, _include and _revinclude without iterate, _sort, _count, _total, _summary, _elements.',
        security: {
          cors: true,
          service: [{ text: 'API key as bearer token, with scopes as in SMART App Launch 2' }],
          description: 'Every request but this one needs a key.',
        },
        resource: RESOURCE_TYPES.map(resourceOf),
        interaction: interactions(['transaction', 'batch'] as const),
      },
    ],
  };
}
