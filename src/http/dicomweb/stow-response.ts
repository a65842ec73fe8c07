import type { FailedInstance, StoredInstance, StoreOutcome } from '../../archive/store-instances.ts';
import type { JsonAttribute, JsonDataset } from '../../ports/index.ts';

/** LO ends at 64 characters. PS3.5 table 6.2-1. */
const LONGEST_COMMENT = 64;

const uid = (value: string | undefined): JsonAttribute =>
  value === undefined ? { vr: 'UI' } : { vr: 'UI', Value: [value] };
const url = (value: string): JsonAttribute => ({ vr: 'UR', Value: [value] });
const reason = (value: number): JsonAttribute => ({ vr: 'US', Value: [value] });
const sequence = (items: readonly JsonDataset[]): JsonAttribute => ({ vr: 'SQ', Value: items });

/**
 * Store Instances Response Module, PS3.18 table I.1-1, in the DICOM JSON Model: Referenced SOP Sequence of what is
 * stored, Failed SOP Sequence of what is not, Other Failures Sequence of parts that name no instance. Each failure
 * carries its reason in words as Error Comment (0000,0902) of a Failed Attributes Sequence (0074,1048).
 *
 * @param serviceUrl base of the DICOMweb service, without a slash at the end; never taken from the request.
 */
export function storeResponse({ stored, failed }: StoreOutcome, serviceUrl: string): JsonDataset {
  const studies = new Set(stored.map(({ studyInstanceUid }) => studyInstanceUid));
  const [study] = studies;
  const named = failed.filter(({ sopInstanceUid }) => sopInstanceUid !== undefined);
  const nameless = failed.filter(({ sopInstanceUid }) => sopInstanceUid === undefined);
  return {
    // Type 2: one study has one address, several have none.
    '00081190': study !== undefined && studies.size === 1 ? url(`${serviceUrl}/studies/${study}`) : { vr: 'UR' },
    ...(named.length > 0 && { '00081198': sequence(named.map(failedItem)) }),
    ...(stored.length > 0 && { '00081199': sequence(stored.map((instance) => storedItem(instance, serviceUrl))) }),
    ...(nameless.length > 0 && { '0008119A': sequence(nameless.map(reasonOf)) }),
  };
}

/** 200 all stored, 202 some, 409 none. PS3.18 table 10.5.3-1. */
export function storeStatus({ stored, failed }: StoreOutcome): 200 | 202 | 409 {
  if (stored.length === 0) return 409;
  return failed.length > 0 || stored.some(({ warning }) => warning !== undefined) ? 202 : 200;
}

function storedItem(instance: StoredInstance, serviceUrl: string): JsonDataset {
  const { studyInstanceUid, seriesInstanceUid, sopClassUid, sopInstanceUid, warning } = instance;
  return {
    '00081150': uid(sopClassUid),
    '00081155': uid(sopInstanceUid),
    '00081190': url(
      `${serviceUrl}/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`,
    ),
    ...(warning !== undefined && { '00081196': reason(warning) }),
  };
}

function failedItem(failed: FailedInstance): JsonDataset {
  return { '00081150': uid(failed.sopClassUid), '00081155': uid(failed.sopInstanceUid), ...reasonOf(failed) };
}

function reasonOf({ failureReason, message }: FailedInstance): JsonDataset {
  const comment = { vr: 'LO', Value: [message.slice(0, LONGEST_COMMENT)] };
  return { '00081197': reason(failureReason), '00741048': sequence([{ '00000902': comment }]) };
}
