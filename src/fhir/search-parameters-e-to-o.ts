/**
 * Search parameters of R4 (HL7's search-parameters bundle, 4.0.1), written by test/harness/write-search-parameters.ts:
 * name | id of the SearchParameter | type | types it may refer to (*: all) | where the values lie in the JSON, and of
 * which data type; for a composite its components.
 */
export const SEARCH_PARAMETERS_E_TO_O = `
# Encounter
account | Encounter-account | reference |  | account:Reference
appointment | Encounter-appointment | reference |  | appointment:Reference
based-on | Encounter-based-on | reference | ServiceRequest | basedOn:Reference
class | Encounter-class | token |  | class:Coding
date | clinical-date | date |  | period:Period
diagnosis | Encounter-diagnosis | reference | Condition Procedure | diagnosis.condition:Reference
episode-of-care | Encounter-episode-of-care | reference |  | episodeOfCare:Reference
identifier | clinical-identifier | token |  | identifier:Identifier
length | Encounter-length | quantity |  | length:Duration
location | Encounter-location | reference | Location | location.location:Reference
location-period | Encounter-location-period | date |  | location.period:Period
part-of | Encounter-part-of | reference | Encounter | partOf:Reference
participant | Encounter-participant | reference | Practitioner PractitionerRole RelatedPerson | participant.individual:Reference
participant-type | Encounter-participant-type | token |  | participant.type:CodeableConcept
patient | clinical-patient | reference | Patient | subject:Reference(Patient)
practitioner | Encounter-practitioner | reference | Practitioner | participant.individual:Reference(Practitioner)
reason-code | Encounter-reason-code | token |  | reasonCode:CodeableConcept
reason-reference | Encounter-reason-reference | reference | Condition Observation Procedure | reasonReference:Reference
service-provider | Encounter-service-provider | reference | Organization | serviceProvider:Reference
special-arrangement | Encounter-special-arrangement | token |  | hospitalization.specialArrangement:CodeableConcept
status | Encounter-status | token |  | status:code
subject | Encounter-subject | reference | Group Patient | subject:Reference
type | clinical-type | token |  | type:CodeableConcept
# Endpoint
connection-type | Endpoint-connection-type | token |  | connectionType:Coding
identifier | Endpoint-identifier | token |  | identifier:Identifier
name | Endpoint-name | string |  | name:string
organization | Endpoint-organization | reference | Organization | managingOrganization:Reference
payload-type | Endpoint-payload-type | token |  | payloadType:CodeableConcept
status | Endpoint-status | token |  | status:code
# Group
actual | Group-actual | token |  | actual:boolean
characteristic | Group-characteristic | token |  | characteristic.code:CodeableConcept
code | Group-code | token |  | code:CodeableConcept
exclude | Group-exclude | token |  | characteristic.exclude:boolean
identifier | Group-identifier | token |  | identifier:Identifier
managing-entity | Group-managing-entity | reference | Organization Practitioner PractitionerRole RelatedPerson | managingEntity:Reference
member | Group-member | reference | Device Group Patient Practitioner PractitionerRole | member.entity:Reference
type | Group-type | token |  | type:code
value | Group-value | token |  | characteristic.valueCodeableConcept:CodeableConcept characteristic.valueBoolean:boolean
# ImagingStudy
basedon | ImagingStudy-basedon | reference | ServiceRequest Task | basedOn:Reference
bodysite | ImagingStudy-bodysite | token |  | series.bodySite:Coding
dicom-class | ImagingStudy-dicom-class | token |  | series.instance.sopClass:Coding
encounter | ImagingStudy-encounter | reference | Encounter | encounter:Reference
endpoint | ImagingStudy-endpoint | reference | Endpoint | endpoint:Reference series.endpoint:Reference
identifier | clinical-identifier | token |  | identifier:Identifier
instance | ImagingStudy-instance | token |  | series.instance.uid:id
interpreter | ImagingStudy-interpreter | reference | Practitioner PractitionerRole | interpreter:Reference
modality | ImagingStudy-modality | token |  | series.modality:Coding
patient | clinical-patient | reference | Patient | subject:Reference(Patient)
performer | ImagingStudy-performer | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | series.performer.actor:Reference
reason | ImagingStudy-reason | token |  | reasonCode:CodeableConcept
referrer | ImagingStudy-referrer | reference | Practitioner PractitionerRole | referrer:Reference
series | ImagingStudy-series | token |  | series.uid:id
started | ImagingStudy-started | date |  | started:dateTime
status | ImagingStudy-status | token |  | status:code
subject | ImagingStudy-subject | reference | Device Group Patient | subject:Reference
# List
code | clinical-code | token |  | code:CodeableConcept
date | clinical-date | date |  | date:dateTime
empty-reason | List-empty-reason | token |  | emptyReason:CodeableConcept
encounter | clinical-encounter | reference | Encounter | encounter:Reference
identifier | clinical-identifier | token |  | identifier:Identifier
item | List-item | reference | * | entry.item:Reference
notes | List-notes | string |  | note.text:markdown
patient | clinical-patient | reference | Patient | subject:Reference(Patient)
source | List-source | reference | Device Patient Practitioner PractitionerRole | source:Reference
status | List-status | token |  | status:code
subject | List-subject | reference | Device Group Location Patient | subject:Reference
title | List-title | string |  | title:string
# Location
address | Location-address | string |  | address:Address
address-city | Location-address-city | string |  | address.city:string
address-country | Location-address-country | string |  | address.country:string
address-postalcode | Location-address-postalcode | string |  | address.postalCode:string
address-state | Location-address-state | string |  | address.state:string
address-use | Location-address-use | token |  | address.use:code
endpoint | Location-endpoint | reference | Endpoint | endpoint:Reference
identifier | Location-identifier | token |  | identifier:Identifier
name | Location-name | string |  | name:string alias:string
operational-status | Location-operational-status | token |  | operationalStatus:Coding
organization | Location-organization | reference | Organization | managingOrganization:Reference
partof | Location-partof | reference | Location | partOf:Reference
status | Location-status | token |  | status:code
type | Location-type | token |  | type:CodeableConcept
# Media
based-on | Media-based-on | reference | ServiceRequest | basedOn:Reference
created | Media-created | date |  | createdDateTime:dateTime createdPeriod:Period
device | Media-device | reference | Device | device:Reference
encounter | Media-encounter | reference | Encounter | encounter:Reference
identifier | Media-identifier | token |  | identifier:Identifier
modality | Media-modality | token |  | modality:CodeableConcept
operator | Media-operator | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | operator:Reference
patient | Media-patient | reference | Patient | subject:Reference(Patient)
site | Media-site | token |  | bodySite:CodeableConcept
status | Media-status | token |  | status:code
subject | Media-subject | reference | Device Group Location Patient Practitioner PractitionerRole Specimen | subject:Reference
type | Media-type | token |  | type:CodeableConcept
view | Media-view | token |  | view:CodeableConcept
# MedicationStatement
category | MedicationStatement-category | token |  | category:CodeableConcept
code | clinical-code | token |  | medicationCodeableConcept:CodeableConcept
context | MedicationStatement-context | reference | Encounter | context:Reference
effective | MedicationStatement-effective | date |  | effectiveDateTime:dateTime effectivePeriod:Period
identifier | clinical-identifier | token |  | identifier:Identifier
medication | medications-medication | reference |  | medicationReference:Reference
part-of | MedicationStatement-part-of | reference | MedicationStatement Observation Procedure | partOf:Reference
patient | clinical-patient | reference | Patient | subject:Reference(Patient)
source | MedicationStatement-source | reference | Organization Patient Practitioner PractitionerRole RelatedPerson | informationSource:Reference
status | medications-status | token |  | status:code
subject | MedicationStatement-subject | reference | Group Patient | subject:Reference
# Observation
based-on | Observation-based-on | reference | ServiceRequest | basedOn:Reference
category | Observation-category | token |  | category:CodeableConcept
code | clinical-code | token |  | code:CodeableConcept
code-value-concept | Observation-code-value-concept | composite |  | code value-concept
code-value-date | Observation-code-value-date | composite |  | code value-date
code-value-quantity | Observation-code-value-quantity | composite |  | code value-quantity
combo-code | Observation-combo-code | token |  | code:CodeableConcept component.code:CodeableConcept
combo-data-absent-reason | Observation-combo-data-absent-reason | token |  | dataAbsentReason:CodeableConcept component.dataAbsentReason:CodeableConcept
combo-value-concept | Observation-combo-value-concept | token |  | valueCodeableConcept:CodeableConcept component.valueCodeableConcept:CodeableConcept
combo-value-quantity | Observation-combo-value-quantity | quantity |  | valueQuantity:Quantity component.valueQuantity:Quantity
component-code | Observation-component-code | token |  | component.code:CodeableConcept
component-data-absent-reason | Observation-component-data-absent-reason | token |  | component.dataAbsentReason:CodeableConcept
component-value-concept | Observation-component-value-concept | token |  | component.valueCodeableConcept:CodeableConcept
component-value-quantity | Observation-component-value-quantity | quantity |  | component.valueQuantity:Quantity
data-absent-reason | Observation-data-absent-reason | token |  | dataAbsentReason:CodeableConcept
date | clinical-date | date |  | effectiveDateTime:dateTime effectivePeriod:Period effectiveTiming:Timing effectiveInstant:instant
derived-from | Observation-derived-from | reference | DocumentReference ImagingStudy Media Observation QuestionnaireResponse | derivedFrom:Reference
device | Observation-device | reference | Device | device:Reference
encounter | clinical-encounter | reference | Encounter | encounter:Reference
focus | Observation-focus | reference | * | focus:Reference
has-member | Observation-has-member | reference | Observation QuestionnaireResponse | hasMember:Reference
identifier | clinical-identifier | token |  | identifier:Identifier
method | Observation-method | token |  | method:CodeableConcept
part-of | Observation-part-of | reference | ImagingStudy MedicationStatement Procedure | partOf:Reference
patient | clinical-patient | reference | Patient | subject:Reference(Patient)
performer | Observation-performer | reference | Organization Patient Practitioner PractitionerRole RelatedPerson | performer:Reference
specimen | Observation-specimen | reference | Specimen | specimen:Reference
status | Observation-status | token |  | status:code
subject | Observation-subject | reference | Device Group Location Patient | subject:Reference
value-concept | Observation-value-concept | token |  | valueCodeableConcept:CodeableConcept
value-date | Observation-value-date | date |  | valueDateTime:dateTime valuePeriod:Period
value-quantity | Observation-value-quantity | quantity |  | valueQuantity:Quantity
value-string | Observation-value-string | string |  | valueString:string valueCodeableConcept.text:string
# Organization
active | Organization-active | token |  | active:boolean
address | Organization-address | string |  | address:Address
address-city | Organization-address-city | string |  | address.city:string
address-country | Organization-address-country | string |  | address.country:string
address-postalcode | Organization-address-postalcode | string |  | address.postalCode:string
address-state | Organization-address-state | string |  | address.state:string
address-use | Organization-address-use | token |  | address.use:code
endpoint | Organization-endpoint | reference | Endpoint | endpoint:Reference
identifier | Organization-identifier | token |  | identifier:Identifier
name | Organization-name | string |  | name:string alias:string
partof | Organization-partof | reference | Organization | partOf:Reference
type | Organization-type | token |  | type:CodeableConcept
`;
