import type { NaturalDataset } from '../dicom/encode.ts';
import type { Code } from '../domain/codes.ts';
import { codeItem } from './object-modules.ts';

/** How a content item hangs on its parent, PS3.3 table C.17.3-8. */
export type Relationship =
  | 'CONTAINS'
  | 'HAS OBS CONTEXT'
  | 'HAS ACQ CONTEXT'
  | 'HAS CONCEPT MOD'
  | 'HAS PROPERTIES'
  | 'INFERRED FROM';

type Children = readonly NaturalDataset[];

function item(relationship: Relationship, valueType: string, name: Code, value: NaturalDataset, children: Children) {
  return {
    RelationshipType: relationship,
    ValueType: valueType,
    ConceptNameCodeSequence: [codeItem(name)],
    ...value,
    ContentSequence: children.length > 0 ? children : undefined,
  };
}

/** Content Template Sequence, PS3.3 C.18.8: which template of PS3.16 a container follows. */
function templateOf(templateId: string): NaturalDataset {
  return {
    ContentTemplateSequence: [
      { MappingResource: 'DCMR', MappingResourceUID: '1.2.840.10008.8.1.1', TemplateIdentifier: templateId },
    ],
  };
}

/** The root content item is the dataset itself: it has no relationship. */
export function rootContainer(name: Code, templateId: string, children: Children): NaturalDataset {
  return {
    ValueType: 'CONTAINER',
    ConceptNameCodeSequence: [codeItem(name)],
    ContinuityOfContent: 'SEPARATE',
    ...templateOf(templateId),
    ContentSequence: children,
  };
}

export function container(name: Code, children: Children, templateId?: string): NaturalDataset {
  const value = { ContinuityOfContent: 'SEPARATE', ...(templateId ? templateOf(templateId) : {}) };
  return item('CONTAINS', 'CONTAINER', name, value, children);
}

export function codeContent(
  relationship: Relationship,
  name: Code,
  value: Code,
  children: Children = [],
): NaturalDataset {
  return item(relationship, 'CODE', name, { ConceptCodeSequence: [codeItem(value)] }, children);
}

export function textContent(relationship: Relationship, name: Code, value: string): NaturalDataset {
  return item(relationship, 'TEXT', name, { TextValue: value }, []);
}

export function uidContent(relationship: Relationship, name: Code, value: string): NaturalDataset {
  return item(relationship, 'UIDREF', name, { UID: value }, []);
}

/** Measured Value, PS3.3 C.18.1. The value is written with up to 16 characters. */
export function numberContent(
  relationship: Relationship,
  name: Code,
  value: number,
  unit: Code,
  children: Children = [],
): NaturalDataset {
  const measured = { NumericValue: value, MeasurementUnitsCodeSequence: [codeItem(unit)] };
  return item(relationship, 'NUM', name, { MeasuredValueSequence: [measured] }, children);
}

/** An image or one segment of it, PS3.3 C.18.4. Without a name only where the template gives the item none. */
export function imageContent(name: Code | undefined, reference: NaturalDataset): NaturalDataset {
  return {
    RelationshipType: 'CONTAINS',
    ValueType: 'IMAGE',
    ConceptNameCodeSequence: name ? [codeItem(name)] : undefined,
    ReferencedSOPSequence: [reference],
  };
}
