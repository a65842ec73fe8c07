/**
 * Search parameters of R4 (HL7's search-parameters bundle, 4.0.1), written by test/harness/write-search-parameters.ts:
 * name | id of the SearchParameter | type | types it may refer to (*: all) | where the values lie in the JSON, and of
 * which data type; for a composite its components.
 */
export const SEARCH_PARAMETERS_A_TO_D = `
# AllergyIntolerance
asserter | AllergyIntolerance-asserter | reference | Patient Practitioner PractitionerRole RelatedPerson | asserter:Reference
category | AllergyIntolerance-category | token |  | category:code
clinical-status | AllergyIntolerance-clinical-status | token |  | clinicalStatus:CodeableConcept
code | clinical-code | token |  | code:CodeableConcept reaction.substance:CodeableConcept
criticality | AllergyIntolerance-criticality | token |  | criticality:code
date | clinical-date | date |  | recordedDate:dateTime
identifier | clinical-identifier | token |  | identifier:Identifier
last-date | AllergyIntolerance-last-date | date |  | lastOccurrence:dateTime
manifestation | AllergyIntolerance-manifestation | token |  | reaction.manifestation:CodeableConcept
onset | AllergyIntolerance-onset | date |  | reaction.onset:dateTime
patient | clinical-patient | reference | Patient | patient:Reference
recorder | AllergyIntolerance-recorder | reference | Patient Practitioner PractitionerRole RelatedPerson | recorder:Reference
route | AllergyIntolerance-route | token |  | reaction.exposureRoute:CodeableConcept
severity | AllergyIntolerance-severity | token |  | reaction.severity:code
type | clinical-type | token |  | type:code
verification-status | AllergyIntolerance-verification-status | token |  | verificationStatus:CodeableConcept
# AuditEvent
action | AuditEvent-action | token |  | action:code
address | AuditEvent-address | string |  | agent.network.address:string
agent | AuditEvent-agent | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | agent.who:Reference
agent-name | AuditEvent-agent-name | string |  | agent.name:string
agent-role | AuditEvent-agent-role | token |  | agent.role:CodeableConcept
altid | AuditEvent-altid | token |  | agent.altId:string
date | AuditEvent-date | date |  | recorded:instant
entity | AuditEvent-entity | reference | * | entity.what:Reference
entity-name | AuditEvent-entity-name | string |  | entity.name:string
entity-role | AuditEvent-entity-role | token |  | entity.role:Coding
entity-type | AuditEvent-entity-type | token |  | entity.type:Coding
outcome | AuditEvent-outcome | token |  | outcome:code
patient | AuditEvent-patient | reference | Patient | agent.who:Reference(Patient) entity.what:Reference(Patient)
policy | AuditEvent-policy | uri |  | agent.policy:uri
site | AuditEvent-site | token |  | source.site:string
source | AuditEvent-source | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | source.observer:Reference
subtype | AuditEvent-subtype | token |  | subtype:Coding
type | AuditEvent-type | token |  | type:Coding
# Basic
author | Basic-author | reference | Organization Patient Practitioner PractitionerRole RelatedPerson | author:Reference
code | Basic-code | token |  | code:CodeableConcept
created | Basic-created | date |  | created:date
identifier | Basic-identifier | token |  | identifier:Identifier
patient | Basic-patient | reference | Patient | subject:Reference(Patient)
subject | Basic-subject | reference | * | subject:Reference
# Binary
# BodyStructure
identifier | BodyStructure-identifier | token |  | identifier:Identifier
location | BodyStructure-location | token |  | location:CodeableConcept
morphology | BodyStructure-morphology | token |  | morphology:CodeableConcept
patient | BodyStructure-patient | reference | Patient | patient:Reference
# Communication
based-on | Communication-based-on | reference | * | basedOn:Reference
category | Communication-category | token |  | category:CodeableConcept
encounter | Communication-encounter | reference | Encounter | encounter:Reference
identifier | Communication-identifier | token |  | identifier:Identifier
instantiates-canonical | Communication-instantiates-canonical | reference | Questionnaire | instantiatesCanonical:canonical
instantiates-uri | Communication-instantiates-uri | uri |  | instantiatesUri:uri
medium | Communication-medium | token |  | medium:CodeableConcept
part-of | Communication-part-of | reference | * | partOf:Reference
patient | Communication-patient | reference | Patient | subject:Reference(Patient)
received | Communication-received | date |  | received:dateTime
recipient | Communication-recipient | reference | Device Group Organization Patient Practitioner PractitionerRole RelatedPerson | recipient:Reference
sender | Communication-sender | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | sender:Reference
sent | Communication-sent | date |  | sent:dateTime
status | Communication-status | token |  | status:code
subject | Communication-subject | reference | Group Patient | subject:Reference
# Composition
attester | Composition-attester | reference | Organization Patient Practitioner PractitionerRole RelatedPerson | attester.party:Reference
author | Composition-author | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | author:Reference
category | Composition-category | token |  | category:CodeableConcept
confidentiality | Composition-confidentiality | token |  | confidentiality:code
context | Composition-context | token |  | event.code:CodeableConcept
date | clinical-date | date |  | date:dateTime
encounter | clinical-encounter | reference | Encounter | encounter:Reference
entry | Composition-entry | reference | * | section.entry:Reference
identifier | clinical-identifier | token |  | identifier:Identifier
patient | clinical-patient | reference | Patient | subject:Reference(Patient)
period | Composition-period | date |  | event.period:Period
related-id | Composition-related-id | token |  | relatesTo.targetIdentifier:Identifier
related-ref | Composition-related-ref | reference | Composition | relatesTo.targetReference:Reference
section | Composition-section | token |  | section.code:CodeableConcept
status | Composition-status | token |  | status:code
subject | Composition-subject | reference | * | subject:Reference
title | Composition-title | string |  | title:string
type | clinical-type | token |  | type:CodeableConcept
# Condition
abatement-age | Condition-abatement-age | quantity |  | abatementAge:Age abatementRange:Range
abatement-date | Condition-abatement-date | date |  | abatementDateTime:dateTime abatementPeriod:Period
abatement-string | Condition-abatement-string | string |  | abatementString:string
asserter | Condition-asserter | reference | Patient Practitioner PractitionerRole RelatedPerson | asserter:Reference
body-site | Condition-body-site | token |  | bodySite:CodeableConcept
category | Condition-category | token |  | category:CodeableConcept
clinical-status | Condition-clinical-status | token |  | clinicalStatus:CodeableConcept
code | clinical-code | token |  | code:CodeableConcept
encounter | Condition-encounter | reference | Encounter | encounter:Reference
evidence | Condition-evidence | token |  | evidence.code:CodeableConcept
evidence-detail | Condition-evidence-detail | reference | * | evidence.detail:Reference
identifier | clinical-identifier | token |  | identifier:Identifier
onset-age | Condition-onset-age | quantity |  | onsetAge:Age onsetRange:Range
onset-date | Condition-onset-date | date |  | onsetDateTime:dateTime onsetPeriod:Period
onset-info | Condition-onset-info | string |  | onsetString:string
patient | clinical-patient | reference | Patient | subject:Reference(Patient)
recorded-date | Condition-recorded-date | date |  | recordedDate:dateTime
severity | Condition-severity | token |  | severity:CodeableConcept
stage | Condition-stage | token |  | stage.summary:CodeableConcept
subject | Condition-subject | reference | Group Patient | subject:Reference
verification-status | Condition-verification-status | token |  | verificationStatus:CodeableConcept
# Consent
action | Consent-action | token |  | provision.action:CodeableConcept
actor | Consent-actor | reference | Device Group Organization Patient Practitioner PractitionerRole RelatedPerson | provision.actor.reference:Reference
category | Consent-category | token |  | category:CodeableConcept
consentor | Consent-consentor | reference | Organization Patient Practitioner PractitionerRole RelatedPerson | performer:Reference
data | Consent-data | reference | * | provision.data.reference:Reference
date | clinical-date | date |  | dateTime:dateTime
identifier | clinical-identifier | token |  | identifier:Identifier
organization | Consent-organization | reference | Organization | organization:Reference
patient | clinical-patient | reference | Patient | patient:Reference
period | Consent-period | date |  | provision.period:Period
purpose | Consent-purpose | token |  | provision.purpose:Coding
scope | Consent-scope | token |  | scope:CodeableConcept
security-label | Consent-security-label | token |  | provision.securityLabel:Coding
source-reference | Consent-source-reference | reference | Consent DocumentReference QuestionnaireResponse | sourceReference:Reference
status | Consent-status | token |  | status:code
# Device
device-name | Device-device-name | string |  | deviceName.name:string type.coding.display:string type.text:string
identifier | Device-identifier | token |  | identifier:Identifier
location | Device-location | reference | Location | location:Reference
manufacturer | Device-manufacturer | string |  | manufacturer:string
model | Device-model | string |  | modelNumber:string
organization | Device-organization | reference | Organization | owner:Reference
patient | Device-patient | reference | Patient | patient:Reference
status | Device-status | token |  | status:code
type | Device-type | token |  | type:CodeableConcept
udi-carrier | Device-udi-carrier | string |  | udiCarrier.carrierHRF:string
udi-di | Device-udi-di | string |  | udiCarrier.deviceIdentifier:string
url | Device-url | uri |  | url:uri
# DiagnosticReport
based-on | DiagnosticReport-based-on | reference | ServiceRequest | basedOn:Reference
category | DiagnosticReport-category | token |  | category:CodeableConcept
code | clinical-code | token |  | code:CodeableConcept
conclusion | DiagnosticReport-conclusion | token |  | conclusionCode:CodeableConcept
date | clinical-date | date |  | effectiveDateTime:dateTime effectivePeriod:Period
encounter | clinical-encounter | reference | Encounter | encounter:Reference
identifier | clinical-identifier | token |  | identifier:Identifier
issued | DiagnosticReport-issued | date |  | issued:instant
media | DiagnosticReport-media | reference | Media | media.link:Reference
patient | clinical-patient | reference | Patient | subject:Reference(Patient)
performer | DiagnosticReport-performer | reference | Organization Practitioner PractitionerRole | performer:Reference
result | DiagnosticReport-result | reference | Observation | result:Reference
results-interpreter | DiagnosticReport-results-interpreter | reference | Organization Practitioner PractitionerRole | resultsInterpreter:Reference
specimen | DiagnosticReport-specimen | reference | Specimen | specimen:Reference
status | DiagnosticReport-status | token |  | status:code
subject | DiagnosticReport-subject | reference | Device Group Location Patient | subject:Reference
# DocumentReference
authenticator | DocumentReference-authenticator | reference | Organization Practitioner PractitionerRole | authenticator:Reference
author | DocumentReference-author | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | author:Reference
category | DocumentReference-category | token |  | category:CodeableConcept
contenttype | DocumentReference-contenttype | token |  | content.attachment.contentType:code
custodian | DocumentReference-custodian | reference | Organization | custodian:Reference
date | DocumentReference-date | date |  | date:instant
description | DocumentReference-description | string |  | description:string
encounter | clinical-encounter | reference | Encounter | context.encounter:Reference
event | DocumentReference-event | token |  | context.event:CodeableConcept
facility | DocumentReference-facility | token |  | context.facilityType:CodeableConcept
format | DocumentReference-format | token |  | content.format:Coding
identifier | clinical-identifier | token |  | masterIdentifier:Identifier identifier:Identifier
language | DocumentReference-language | token |  | content.attachment.language:code
location | DocumentReference-location | uri |  | content.attachment.url:url
patient | clinical-patient | reference | Patient | subject:Reference(Patient)
period | DocumentReference-period | date |  | context.period:Period
related | DocumentReference-related | reference | * | context.related:Reference
relatesto | DocumentReference-relatesto | reference | DocumentReference | relatesTo.target:Reference
relation | DocumentReference-relation | token |  | relatesTo.code:code
security-label | DocumentReference-security-label | token |  | securityLabel:CodeableConcept
setting | DocumentReference-setting | token |  | context.practiceSetting:CodeableConcept
status | DocumentReference-status | token |  | status:code
subject | DocumentReference-subject | reference | Device Group Patient Practitioner | subject:Reference
type | clinical-type | token |  | type:CodeableConcept
`;
