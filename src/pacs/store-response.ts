import type { JsonAttribute, JsonDataset } from '../ports/index.ts';

const REFERENCED_SOP_SEQUENCE = '00081199';
const FAILED_SOP_SEQUENCE = '00081198';
const FAILURE_REASON = '00081197';
const REFERENCED_SOP_INSTANCE_UID = '00081155';
const PROCESSING_FAILURE = 0x0110;

/** "Duplicate SOP Instance" in PS3.7 C.5.8 and in the numbering of one widespread server. */
const ALREADY_THERE: readonly number[] = [0x0111, 0xb00e];

export interface PeerStoreOutcome {
  /** SOPInstanceUIDs that the peer holds after the request. */
  readonly held: readonly string[];
  /** Failure Reasons (0008,1197) of the others. */
  readonly failures: readonly number[];
}

/** Reads a Store Instances Response Module (PS3.18 10.5.3.1); an answer that is none says nothing of any instance. */
export function storeOutcomeOf(text: string): PeerStoreOutcome {
  const dataset = datasetOf(text);
  const held = itemsOf(dataset[REFERENCED_SOP_SEQUENCE]).flatMap(uidsOf);
  const failures: number[] = [];
  for (const item of itemsOf(dataset[FAILED_SOP_SEQUENCE])) {
    const reason = Number(item[FAILURE_REASON]?.Value?.[0] ?? PROCESSING_FAILURE);
    if (ALREADY_THERE.includes(reason)) held.push(...uidsOf(item));
    else failures.push(reason);
  }
  return { held, failures };
}

function datasetOf(text: string): JsonDataset {
  try {
    const parsed: unknown = JSON.parse(text);
    const dataset = Array.isArray(parsed) ? parsed[0] : parsed;
    return typeof dataset === 'object' && dataset !== null ? (dataset as JsonDataset) : {};
  } catch {
    return {};
  }
}

function itemsOf(attribute: JsonAttribute | undefined): readonly JsonDataset[] {
  return (attribute?.Value ?? []).filter((item): item is JsonDataset => typeof item === 'object' && item !== null);
}

function uidsOf(item: JsonDataset): readonly string[] {
  const uid = item[REFERENCED_SOP_INSTANCE_UID]?.Value?.[0];
  return typeof uid === 'string' ? [uid] : [];
}
