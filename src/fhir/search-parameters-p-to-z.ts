/**
 * Search parameters of R4 (HL7's search-parameters bundle, 4.0.1), written by test/harness/write-search-parameters.ts:
 * name | id of the SearchParameter | type | types it may refer to (*: all) | where the values lie in the JSON, and of
 * which data type; for a composite its components.
 */
export const SEARCH_PARAMETERS_P_TO_Z = `
# Patient
active | Patient-active | token |  | active:boolean
address | individual-address | string |  | address:Address
address-city | individual-address-city | string |  | address.city:string
address-country | individual-address-country | string |  | address.country:string
address-postalcode | individual-address-postalcode | string |  | address.postalCode:string
address-state | individual-address-state | string |  | address.state:string
address-use | individual-address-use | token |  | address.use:code
birthdate | individual-birthdate | date |  | birthDate:date
death-date | Patient-death-date | date |  | deceasedDateTime:dateTime
deceased | Patient-deceased | token |  | deceasedBoolean:boolean(exists) deceasedDateTime:dateTime(exists)
email | individual-email | token |  | telecom[system=email]:ContactPoint
family | individual-family | string |  | name.family:string
gender | individual-gender | token |  | gender:code
general-practitioner | Patient-general-practitioner | reference | Organization Practitioner PractitionerRole | generalPractitioner:Reference
given | individual-given | string |  | name.given:string
identifier | Patient-identifier | token |  | identifier:Identifier
language | Patient-language | token |  | communication.language:CodeableConcept
link | Patient-link | reference | Patient RelatedPerson | link.other:Reference
name | Patient-name | string |  | name:HumanName
organization | Patient-organization | reference | Organization | managingOrganization:Reference
phone | individual-phone | token |  | telecom[system=phone]:ContactPoint
telecom | individual-telecom | token |  | telecom:ContactPoint
# Person
address | individual-address | string |  | address:Address
address-city | individual-address-city | string |  | address.city:string
address-country | individual-address-country | string |  | address.country:string
address-postalcode | individual-address-postalcode | string |  | address.postalCode:string
address-state | individual-address-state | string |  | address.state:string
address-use | individual-address-use | token |  | address.use:code
birthdate | individual-birthdate | date |  | birthDate:date
email | individual-email | token |  | telecom[system=email]:ContactPoint
gender | individual-gender | token |  | gender:code
identifier | Person-identifier | token |  | identifier:Identifier
link | Person-link | reference | Patient Person Practitioner RelatedPerson | link.target:Reference
name | Person-name | string |  | name:HumanName
organization | Person-organization | reference | Organization | managingOrganization:Reference
patient | Person-patient | reference | Patient | link.target:Reference(Patient)
phone | individual-phone | token |  | telecom[system=phone]:ContactPoint
practitioner | Person-practitioner | reference | Practitioner | link.target:Reference(Practitioner)
relatedperson | Person-relatedperson | reference | RelatedPerson | link.target:Reference(RelatedPerson)
telecom | individual-telecom | token |  | telecom:ContactPoint
# Practitioner
active | Practitioner-active | token |  | active:boolean
address | individual-address | string |  | address:Address
address-city | individual-address-city | string |  | address.city:string
address-country | individual-address-country | string |  | address.country:string
address-postalcode | individual-address-postalcode | string |  | address.postalCode:string
address-state | individual-address-state | string |  | address.state:string
address-use | individual-address-use | token |  | address.use:code
communication | Practitioner-communication | token |  | communication:CodeableConcept
email | individual-email | token |  | telecom[system=email]:ContactPoint
family | individual-family | string |  | name.family:string
gender | individual-gender | token |  | gender:code
given | individual-given | string |  | name.given:string
identifier | Practitioner-identifier | token |  | identifier:Identifier
name | Practitioner-name | string |  | name:HumanName
phone | individual-phone | token |  | telecom[system=phone]:ContactPoint
telecom | individual-telecom | token |  | telecom:ContactPoint
# PractitionerRole
active | PractitionerRole-active | token |  | active:boolean
date | PractitionerRole-date | date |  | period:Period
email | individual-email | token |  | telecom[system=email]:ContactPoint
endpoint | PractitionerRole-endpoint | reference | Endpoint | endpoint:Reference
identifier | PractitionerRole-identifier | token |  | identifier:Identifier
location | PractitionerRole-location | reference | Location | location:Reference
organization | PractitionerRole-organization | reference | Organization | organization:Reference
phone | individual-phone | token |  | telecom[system=phone]:ContactPoint
practitioner | PractitionerRole-practitioner | reference | Practitioner | practitioner:Reference
role | PractitionerRole-role | token |  | code:CodeableConcept
service | PractitionerRole-service | reference |  | healthcareService:Reference
specialty | PractitionerRole-specialty | token |  | specialty:CodeableConcept
telecom | individual-telecom | token |  | telecom:ContactPoint
# Procedure
based-on | Procedure-based-on | reference | ServiceRequest | basedOn:Reference
category | Procedure-category | token |  | category:CodeableConcept
code | clinical-code | token |  | code:CodeableConcept
date | clinical-date | date |  | performedDateTime:dateTime performedPeriod:Period
encounter | clinical-encounter | reference | Encounter | encounter:Reference
identifier | clinical-identifier | token |  | identifier:Identifier
instantiates-canonical | Procedure-instantiates-canonical | reference | Questionnaire | instantiatesCanonical:canonical
instantiates-uri | Procedure-instantiates-uri | uri |  | instantiatesUri:uri
location | Procedure-location | reference | Location | location:Reference
part-of | Procedure-part-of | reference | Observation Procedure | partOf:Reference
patient | clinical-patient | reference | Patient | subject:Reference(Patient)
performer | Procedure-performer | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | performer.actor:Reference
reason-code | Procedure-reason-code | token |  | reasonCode:CodeableConcept
reason-reference | Procedure-reason-reference | reference | Condition DiagnosticReport DocumentReference Observation Procedure | reasonReference:Reference
status | Procedure-status | token |  | status:code
subject | Procedure-subject | reference | Group Patient | subject:Reference
# Provenance
agent | Provenance-agent | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | agent.who:Reference
agent-role | Provenance-agent-role | token |  | agent.role:CodeableConcept
agent-type | Provenance-agent-type | token |  | agent.type:CodeableConcept
entity | Provenance-entity | reference | * | entity.what:Reference
location | Provenance-location | reference | Location | location:Reference
patient | Provenance-patient | reference | Patient | target:Reference(Patient)
recorded | Provenance-recorded | date |  | recorded:instant
signature-type | Provenance-signature-type | token |  | signature.type:Coding
target | Provenance-target | reference | * | target:Reference
when | Provenance-when | date |  | occurredDateTime:dateTime
# Questionnaire
code | Questionnaire-code | token |  | item.code:Coding
context | Questionnaire-context | token |  | useContext.valueCodeableConcept:CodeableConcept
context-quantity | Questionnaire-context-quantity | quantity |  | useContext.valueQuantity:Quantity useContext.valueRange:Range
context-type | Questionnaire-context-type | token |  | useContext.code:Coding
date | Questionnaire-date | date |  | date:dateTime
definition | Questionnaire-definition | uri |  | item.definition:uri
description | Questionnaire-description | string |  | description:markdown
effective | Questionnaire-effective | date |  | effectivePeriod:Period
identifier | Questionnaire-identifier | token |  | identifier:Identifier
jurisdiction | Questionnaire-jurisdiction | token |  | jurisdiction:CodeableConcept
name | Questionnaire-name | string |  | name:string
publisher | Questionnaire-publisher | string |  | publisher:string
status | Questionnaire-status | token |  | status:code
subject-type | Questionnaire-subject-type | token |  | subjectType:code
title | Questionnaire-title | string |  | title:string
url | Questionnaire-url | uri |  | url:uri
version | Questionnaire-version | token |  | version:string
# QuestionnaireResponse
author | QuestionnaireResponse-author | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | author:Reference
authored | QuestionnaireResponse-authored | date |  | authored:dateTime
based-on | QuestionnaireResponse-based-on | reference | ServiceRequest | basedOn:Reference
encounter | QuestionnaireResponse-encounter | reference | Encounter | encounter:Reference
identifier | QuestionnaireResponse-identifier | token |  | identifier:Identifier
part-of | QuestionnaireResponse-part-of | reference | Observation Procedure | partOf:Reference
patient | QuestionnaireResponse-patient | reference | Patient | subject:Reference(Patient)
questionnaire | QuestionnaireResponse-questionnaire | reference | Questionnaire | questionnaire:canonical
source | QuestionnaireResponse-source | reference | Patient Practitioner PractitionerRole RelatedPerson | source:Reference
status | QuestionnaireResponse-status | token |  | status:code
subject | QuestionnaireResponse-subject | reference | * | subject:Reference
# RelatedPerson
active | RelatedPerson-active | token |  | active:boolean
address | individual-address | string |  | address:Address
address-city | individual-address-city | string |  | address.city:string
address-country | individual-address-country | string |  | address.country:string
address-postalcode | individual-address-postalcode | string |  | address.postalCode:string
address-state | individual-address-state | string |  | address.state:string
address-use | individual-address-use | token |  | address.use:code
birthdate | individual-birthdate | date |  | birthDate:date
email | individual-email | token |  | telecom[system=email]:ContactPoint
gender | individual-gender | token |  | gender:code
identifier | RelatedPerson-identifier | token |  | identifier:Identifier
name | RelatedPerson-name | string |  | name:HumanName
patient | RelatedPerson-patient | reference | Patient | patient:Reference
phone | individual-phone | token |  | telecom[system=phone]:ContactPoint
relationship | RelatedPerson-relationship | token |  | relationship:CodeableConcept
telecom | individual-telecom | token |  | telecom:ContactPoint
# ResearchStudy
category | ResearchStudy-category | token |  | category:CodeableConcept
date | ResearchStudy-date | date |  | period:Period
focus | ResearchStudy-focus | token |  | focus:CodeableConcept
identifier | ResearchStudy-identifier | token |  | identifier:Identifier
keyword | ResearchStudy-keyword | token |  | keyword:CodeableConcept
location | ResearchStudy-location | token |  | location:CodeableConcept
partof | ResearchStudy-partof | reference | ResearchStudy | partOf:Reference
principalinvestigator | ResearchStudy-principalinvestigator | reference | Practitioner PractitionerRole | principalInvestigator:Reference
protocol | ResearchStudy-protocol | reference |  | protocol:Reference
site | ResearchStudy-site | reference | Location | site:Reference
sponsor | ResearchStudy-sponsor | reference | Organization | sponsor:Reference
status | ResearchStudy-status | token |  | status:code
title | ResearchStudy-title | string |  | title:string
# ResearchSubject
date | ResearchSubject-date | date |  | period:Period
identifier | ResearchSubject-identifier | token |  | identifier:Identifier
individual | ResearchSubject-individual | reference | Patient | individual:Reference
patient | ResearchSubject-patient | reference | Patient | individual:Reference
status | ResearchSubject-status | token |  | status:code
study | ResearchSubject-study | reference | ResearchStudy | study:Reference
# Resource
_id | Resource-id | token |  | id:string
_lastUpdated | Resource-lastUpdated | date |  | meta.lastUpdated:instant
_profile | Resource-profile | uri |  | meta.profile:canonical
_security | Resource-security | token |  | meta.security:Coding
_source | Resource-source | uri |  | meta.source:uri
_tag | Resource-tag | token |  | meta.tag:Coding
# ServiceRequest
authored | ServiceRequest-authored | date |  | authoredOn:dateTime
based-on | ServiceRequest-based-on | reference | ServiceRequest | basedOn:Reference
body-site | ServiceRequest-body-site | token |  | bodySite:CodeableConcept
category | ServiceRequest-category | token |  | category:CodeableConcept
code | clinical-code | token |  | code:CodeableConcept
encounter | clinical-encounter | reference | Encounter | encounter:Reference
identifier | clinical-identifier | token |  | identifier:Identifier
instantiates-canonical | ServiceRequest-instantiates-canonical | reference |  | instantiatesCanonical:canonical
instantiates-uri | ServiceRequest-instantiates-uri | uri |  | instantiatesUri:uri
intent | ServiceRequest-intent | token |  | intent:code
occurrence | ServiceRequest-occurrence | date |  | occurrenceDateTime:dateTime occurrencePeriod:Period occurrenceTiming:Timing
patient | clinical-patient | reference | Patient | subject:Reference(Patient)
performer | ServiceRequest-performer | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | performer:Reference
performer-type | ServiceRequest-performer-type | token |  | performerType:CodeableConcept
priority | ServiceRequest-priority | token |  | priority:code
replaces | ServiceRequest-replaces | reference | ServiceRequest | replaces:Reference
requester | ServiceRequest-requester | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | requester:Reference
requisition | ServiceRequest-requisition | token |  | requisition:Identifier
specimen | ServiceRequest-specimen | reference | Specimen | specimen:Reference
status | ServiceRequest-status | token |  | status:code
subject | ServiceRequest-subject | reference | Device Group Location Patient | subject:Reference
# Specimen
accession | Specimen-accession | token |  | accessionIdentifier:Identifier
bodysite | Specimen-bodysite | token |  | collection.bodySite:CodeableConcept
collected | Specimen-collected | date |  | collection.collectedDateTime:dateTime collection.collectedPeriod:Period
collector | Specimen-collector | reference | Practitioner PractitionerRole | collection.collector:Reference
container | Specimen-container | token |  | container.type:CodeableConcept
container-id | Specimen-container-id | token |  | container.identifier:Identifier
identifier | Specimen-identifier | token |  | identifier:Identifier
parent | Specimen-parent | reference | Specimen | parent:Reference
patient | Specimen-patient | reference | Patient | subject:Reference(Patient)
status | Specimen-status | token |  | status:code
subject | Specimen-subject | reference | Device Group Location Patient | subject:Reference
type | Specimen-type | token |  | type:CodeableConcept
# Subscription
contact | Subscription-contact | token |  | contact:ContactPoint
criteria | Subscription-criteria | string |  | criteria:string
payload | Subscription-payload | token |  | channel.payload:code
status | Subscription-status | token |  | status:code
type | Subscription-type | token |  | channel.type:code
url | Subscription-url | uri |  | channel.endpoint:url
# Task
authored-on | Task-authored-on | date |  | authoredOn:dateTime
based-on | Task-based-on | reference | * | basedOn:Reference
business-status | Task-business-status | token |  | businessStatus:CodeableConcept
code | Task-code | token |  | code:CodeableConcept
encounter | Task-encounter | reference | Encounter | encounter:Reference
focus | Task-focus | reference | * | focus:Reference
group-identifier | Task-group-identifier | token |  | groupIdentifier:Identifier
identifier | Task-identifier | token |  | identifier:Identifier
intent | Task-intent | token |  | intent:code
modified | Task-modified | date |  | lastModified:dateTime
owner | Task-owner | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | owner:Reference
part-of | Task-part-of | reference | Task | partOf:Reference
patient | Task-patient | reference | Patient | for:Reference(Patient)
performer | Task-performer | token |  | performerType:CodeableConcept
period | Task-period | date |  | executionPeriod:Period
priority | Task-priority | token |  | priority:code
requester | Task-requester | reference | Device Organization Patient Practitioner PractitionerRole RelatedPerson | requester:Reference
status | Task-status | token |  | status:code
subject | Task-subject | reference | * | for:Reference
`;
