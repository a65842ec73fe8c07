import type { NeuroInsightError } from '../domain/errors.ts';

/** Somebody else's system, as the administrator configured it. `token` is a secret: never logged or shown. */
export interface Destination {
  readonly name: string;
  readonly kind: 'dicomweb' | 'fhir';
  /** Base URL of the service. */
  readonly url: string;
  /** Sent as `Authorization`. */
  readonly authorization: string | undefined;
  readonly timeoutSeconds: number;
  /** FHIR: one transaction, or a conditional create for each entry in the order of their references. */
  readonly profile: 'transaction' | 'conditional-creates' | undefined;
}

/** A PACS that is watched for studies. */
export interface PullSource {
  readonly name: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly timeoutSeconds: number;
  /** How many days back the sliding window reaches. */
  readonly windowDays: number;
  readonly pollSeconds: number;
  readonly site: string;
}

export interface RemoteStudy {
  readonly studyInstanceUid: string;
  readonly numberOfInstances: number;
  readonly modalities: readonly string[];
}

/** One Part 10 file as it came in, or the reason why these bytes are none. */
export type ReceivedFile = Uint8Array | { readonly refused: NeuroInsightError };

/** A PACS over DICOMweb. Errors: upstream-unavailable (worth another try), upstream-refused (not). */
export interface PacsClient {
  /** QIDO-RS: studies with a StudyDate in [from, to], YYYYMMDD, with an MR series; all pages. */
  findStudies(from: string, to: string, signal: AbortSignal): Promise<readonly RemoteStudy[]>;
  /** WADO-RS: every instance of the study as it arrives; one in memory at a time. */
  retrieveStudy(studyInstanceUid: string, signal: AbortSignal): AsyncIterable<ReceivedFile>;
  /** STOW-RS. Resolves to the SOPInstanceUIDs that the PACS holds now; throws upstream-refused naming the reasons. */
  store(
    studyInstanceUid: string,
    instances: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<readonly string[]>;
}

/** An EHR over FHIR R4. Errors as PacsClient. */
export interface EhrClient {
  send(bundle: Uint8Array, signal: AbortSignal): Promise<void>;
}

/** Opens the client of a configured system. */
export interface Clients {
  pacs(peer: Pick<Destination, 'name' | 'url' | 'authorization' | 'timeoutSeconds'>): PacsClient;
  ehr(destination: Destination): EhrClient;
}
