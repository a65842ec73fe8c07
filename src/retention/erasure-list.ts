import { createHash } from 'node:crypto';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Change, DocumentReader, DocumentRow } from '../ports/index.ts';
import type { Signer } from './proof.ts';

/** One erasure, as it is kept, handed on and carried out again. It names nobody. */
export interface ErasureEntry {
  readonly format: 1;
  readonly site: string;
  /** From 1, without gaps, in each site. */
  readonly number: number;
  /** sha256 (hex) of the entry before it, to the letter; '' for the first. */
  readonly previous: string;
  /** FHIR instant. */
  readonly at: string;
  /** Keyed digests of `SITE/study/UID` and `SITE/resource/TYPE/ID`, in order. */
  readonly what: readonly string[];
}

/**
 * Content of a document `erasure`. `entry` is JSON text, to the letter as the next entry is chained to it. Who and why stay
 * in the store: a list leaves it in the clear.
 */
export interface ErasureRecord {
  readonly entry: string;
  readonly by?: string;
  readonly reason?: string;
}

/** Signs and checks with the Ed25519 key of the data folder. */
export interface ListSigner extends Signer {
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean;
}

const PAGE = 500;
const FORMAT = 'neuroinsight-erasures-1';
const NUMBER_DIGITS = 8;

const signedList = (line: string): Buffer => Buffer.from(`neuroinsight erasures\n${line}`);
const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Sorts as the numbers do. */
const idOf = (number: number): string => `${number}`.padStart(NUMBER_DIGITS, '0');

/** Every erasure of a site, in its order. */
async function recordsOf(documents: DocumentReader, site: string): Promise<readonly ErasureRecord[]> {
  const found: ErasureRecord[] = [];
  for (let after = ''; ; ) {
    const page = await documents.list<ErasureRecord>(site, 'erasure', { after, limit: PAGE });
    found.push(...page.map(({ content }) => content));
    if (page.length < PAGE) return found;
    after = page.at(-1)!.id;
  }
}

/** The document of the next erasure of a site; a commit with it is refused with conflict when another came first. */
export async function nextErasure(
  documents: DocumentReader,
  given: Pick<ErasureEntry, 'site' | 'at' | 'what'>,
  said: Pick<ErasureRecord, 'by' | 'reason'>,
): Promise<Change<DocumentRow<ErasureRecord>>> {
  const { site, at, what } = given;
  const before = await recordsOf(documents, site);
  const last = before.at(-1)?.entry;
  const number = before.length + 1;
  const previous = last === undefined ? '' : sha256Of(last);
  const entry = JSON.stringify({ format: 1, site, number, previous, at, what } satisfies ErasureEntry);
  return erasureDocument(number, { entry, ...said });
}

export const erasureDocument = (number: number, content: ErasureRecord): Change<DocumentRow<ErasureRecord>> => ({
  expected: 0,
  row: { kind: 'erasure', id: idOf(number), version: 1, content },
});

/** What a site knows of an erasure by its number. */
export async function knownErasure(
  documents: DocumentReader,
  site: string,
  number: number,
): Promise<ErasureRecord | undefined> {
  return (await documents.get<ErasureRecord>(site, 'erasure', idOf(number)))?.content;
}

export interface ErasureList {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/**
 * The erasures of all sites, to be kept apart from the store: two lines, the list and the signature over that very line.
 * Entries are ordered, counted and chained, so that none can be left out, and the count tells whether a list that was
 * signed once is an old one. The signature is that of the list alone: entries that came with an import are of another
 * server.
 */
export async function erasureListOf(
  { documents, signer }: { readonly documents: DocumentReader; readonly signer: Signer },
  sites: readonly string[],
): Promise<ErasureList> {
  const entries: string[] = [];
  for (const site of sites) {
    entries.push(...(await recordsOf(documents, site)).map(({ entry }) => entry));
  }
  const line = JSON.stringify({ format: FORMAT, count: entries.length, entries });
  const signature = Buffer.from(signer.sign(signedList(line))).toString('base64');
  return { bytes: Buffer.from(`${line}\n${signature}\n`), count: entries.length };
}

export interface ReadEntry {
  /** To the letter. */
  readonly entry: string;
  readonly said: ErasureEntry;
}

/** @throws damaged for a list that is not, byte for byte, what this data folder signed, or whose entries are no chain. */
export function readErasureList(bytes: Uint8Array, signer: Pick<ListSigner, 'verifies'>): readonly ReadEntry[] {
  const [line = '', signature = '', ...rest] = Buffer.from(bytes).toString().split('\n');
  const isWhole = rest.length === 1 && rest[0] === '';
  if (!isWhole || !signer.verifies(signedList(line), Buffer.from(signature, 'base64'))) throw changed();
  const list = JSON.parse(line) as { format?: unknown; count?: unknown; entries?: readonly string[] };
  const { entries = [] } = list;
  if (list.format !== FORMAT || list.count !== entries.length) throw changed();
  const last = new Map<string, { readonly number: number; readonly text: string }>();
  return entries.map((entry) => {
    const said = JSON.parse(entry) as ErasureEntry;
    const before = last.get(said.site);
    const previous = before === undefined ? '' : sha256Of(before.text);
    if (said.number !== (before?.number ?? 0) + 1 || said.previous !== previous) throw changed();
    last.set(said.site, { number: said.number, text: entry });
    return { entry, said };
  });
}

const changed = (): NeuroInsightError =>
  new NeuroInsightError('damaged', 'the list of erasures was changed, cut or signed by somebody else');
