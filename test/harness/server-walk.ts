import type { Json, RunView, ServerClient } from '../../src/cli/server-client.ts';
import type { SmallStudy } from './small-study.ts';

/** What a client sees of one study, by number. */
export interface StudyCounts {
  readonly MR: number;
  readonly SEG: number;
  readonly SR: number;
  readonly PDF: number;
  readonly reports: number;
}

const POLL_MILLISECONDS = 50;
const WAIT_MILLISECONDS = 60_000;

/** The Store Instances Response Module (PS3.18 10.5.3.1) that the study's files are answered with. */
export function stow(client: ServerClient, { files }: Pick<SmallStudy, 'files'>): Promise<Json> {
  return client.stow(
    (async function* () {
      yield* files;
    })(),
  );
}

/** Items of a sequence in a Store Instances Response Module. */
export function itemsOf(answer: Json, tag: string): readonly Json[] {
  return (answer[tag] as { readonly Value?: readonly Json[] } | undefined)?.Value ?? [];
}

/** Asks until the answer is there. @throws with `what` when it does not come. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + WAIT_MILLISECONDS;
  while (Date.now() < deadline) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
  throw new Error(`${what} did not come about`);
}

export async function runsOf(client: ServerClient, studyInstanceUid: string): Promise<readonly RunView[]> {
  const { runs } = await client.json<{ runs: RunView[] }>(`/api/v1/runs?studyInstanceUid=${studyInstanceUid}`);
  return runs;
}

/** The one run of the study, when it is in one of the states. */
export function runIn(client: ServerClient, studyInstanceUid: string, states: readonly string[]): Promise<RunView> {
  return eventually(`a run that is ${states.join(' or ')}`, async () => {
    const [run] = await runsOf(client, studyInstanceUid);
    return run && states.includes(run.state) ? run : undefined;
  });
}

export async function countsOf(client: ServerClient, studyInstanceUid: string): Promise<StudyCounts> {
  const instances = async (modality: string): Promise<number> => {
    const path = `/dicomweb/studies/${studyInstanceUid}/instances?Modality=${modality}`;
    const response = await client.request(path);
    return response.status === 204 ? 0 : ((await response.json()) as Json[]).length;
  };
  const reports = await reportsOf(client, studyInstanceUid);
  const [MR, SEG, SR, PDF] = [
    await instances('MR'),
    await instances('SEG'),
    await instances('SR'),
    await instances('DOC'),
  ];
  return { MR, SEG, SR, PDF, reports };
}

/** DiagnosticReports that refer to an ImagingStudy of this study. */
async function reportsOf(client: ServerClient, studyInstanceUid: string): Promise<number> {
  const identifier = encodeURIComponent(`urn:dicom:uid|urn:oid:${studyInstanceUid}`);
  const studies = await entriesOf(client, `ImagingStudy?identifier=${identifier}`);
  let reports = 0;
  for (const { id, subject } of studies) {
    for (const { imagingStudy = [] } of await entriesOf(client, `DiagnosticReport?subject=${subject!.reference}`)) {
      if (imagingStudy.some(({ reference }) => reference.startsWith(`ImagingStudy/${id}`))) reports++;
    }
  }
  return reports;
}

interface Found {
  readonly id: string;
  readonly subject?: { readonly reference: string };
  readonly imagingStudy?: readonly { readonly reference: string }[];
}

async function entriesOf(client: ServerClient, search: string): Promise<readonly Found[]> {
  const { entry = [] } = await client.json<{ entry?: { resource: Found }[] }>(`/fhir/R4/${search}`);
  return entry.map(({ resource }) => resource);
}
