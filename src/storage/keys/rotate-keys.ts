import { NeuroInsightError } from '../../domain/errors.ts';
import type {
  AuditTrail,
  Clock,
  DocumentReader,
  DocumentRow,
  Ledger,
  PackReader,
  Principal,
  Rewrap,
  StudyKeyRow,
} from '../../ports/index.ts';
import type { KekProvider } from './kek-providers/kek-provider.ts';
import type { ChestKek, KeyChest } from './key-chest.ts';
import { studyContext } from './key-ring.ts';

export interface KeyRotationDeps {
  readonly chest: Pick<KeyChest, 'ring' | 'keks' | 'beginRotation' | 'keepOnly'>;
  readonly packs: Pick<PackReader, 'keysNotUnder' | 'countKeysNotUnder'>;
  /** One that stores no study key under a KEK that is not current: see `keepingUp`. */
  readonly ledger: Ledger;
  readonly documents: Pick<DocumentReader, 'get'>;
  readonly audit: Pick<AuditTrail, 'rowOf'>;
  /** Where the progress is kept. */
  readonly site: string;
  readonly clock: Clock;
  readonly milliseconds: () => number;
  /** Resolves after so many milliseconds, or when the signal is aborted. */
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Runs work while nobody copies keys.json with rows of another moment. @throws conflict while somebody does. */
  readonly apart: (work: () => Promise<void>) => Promise<void>;
}

/** Content of the document key-rotation/last. */
export interface KeyRotationProgress {
  readonly fromKekId: string;
  readonly toKekId: string;
  /** `held-up`: keys are left that could not be moved. */
  readonly state: 'moving' | 'held-up' | 'done';
  /** FHIR instants. */
  readonly begunAt: string;
  readonly at: string;
  /** Study keys moved so far. */
  readonly moved: number;
  /** Study keys that no KEK at hand opens: damaged, or moved from another place. */
  readonly setAside: number;
}

export interface KeyStatus {
  /** The current one first, while a rotation lasts the one before it. */
  readonly keks: readonly ChestKek[];
  readonly studyKeysUnderOldKek: number;
  readonly last: KeyRotationProgress | undefined;
}

export interface KeyRotation {
  status(): Promise<KeyStatus>;
  /**
   * The KEK of this provider is current from now on; `run` moves what lies under the one before.
   * @throws conflict while another rotation lasts or when it is current already, and what the provider throws.
   */
  begin(principal: Principal, provider: KekProvider): Promise<ChestKek>;
  /**
   * Goes on with a rotation until only the current KEK is needed; undefined when there is none. What was moved stays
   * moved, however it ends: to go on is to call it again.
   *
   * @throws cancelled.
   */
  run(
    principal: Principal,
    signal: AbortSignal,
    onProgress?: (done: number, total: number) => void,
  ): Promise<KeyRotationProgress | undefined>;
}

/** So many keys are unwrapped and wrapped in one go: some milliseconds in which nobody else is served. */
const BATCH = 200;
/** After a batch the others have the store for three times as long as it took. */
const REST = 3;
const LEAST_REST_MILLISECONDS = 20;
/** Between two counts that must both find nothing. */
const SETTLE_MILLISECONDS = 3000;
const PROGRESS_MILLISECONDS = 5000;
const MOST_FRUITLESS_BATCHES = 50;
const LAST = 'last';
/** Enough to find a missing KEK by: before a rotation ends no other lies between. */
const SOME_KEYS = 1000;

/** Moves the keys of the studies under another KEK while the server works. One `run` at a time. */
export function createKeyRotation(deps: KeyRotationDeps): KeyRotation {
  const { chest, packs, documents, site } = deps;
  return {
    async status() {
      return {
        keks: chest.keks,
        studyKeysUnderOldKek: await packs.countKeysNotUnder(chest.ring.currentKekId),
        last: (await documents.get<KeyRotationProgress>(site, 'key-rotation', LAST))?.content,
      };
    },
    async begin(principal, provider) {
      // What cannot be written down is not done.
      const access = { principal, action: 'E' as const, interaction: 'keys/rotation-begin' };
      await deps.ledger.commit({ site, audit: [deps.audit.rowOf(access)] });
      return chest.beginRotation(provider);
    },
    async run(principal, signal, onProgress) {
      const [current, before] = chest.keks;
      if (!current || !before) return undefined;
      const move = await beginMove(deps, principal, { fromKekId: before.id, toKekId: current.id });
      for (;;) {
        const left = await moveAll(deps, move, signal, onProgress);
        if (left > 0) return keepProgress(deps, move, 'held-up');
        await pauseUnlessStopped(deps, SETTLE_MILLISECONDS, signal);
        if ((await packs.countKeysNotUnder(current.id)) === 0 && (await finish(deps, current.id))) {
          return keepProgress(deps, move, 'done');
        }
      }
    },
  };
}

/** One call of `run`. */
interface Move {
  readonly principal: Principal;
  /** Keys that could not be opened, by the name of their study. */
  readonly aside: Set<string>;
  progress: KeyRotationProgress;
  version: number;
  keptAt: number;
}

type SitedKey = { readonly site: string; readonly row: StudyKeyRow };

const nameOf = ({ site, row }: SitedKey): string => studyContext(site, row.studyInstanceUid);

type Between = Pick<KeyRotationProgress, 'fromKekId' | 'toKekId'>;

async function beginMove(deps: KeyRotationDeps, principal: Principal, between: Between): Promise<Move> {
  const known = await deps.documents.get<KeyRotationProgress>(deps.site, 'key-rotation', LAST);
  const last = known?.content;
  const goesOn = last?.state !== 'done' && last?.fromKekId === between.fromKekId && last.toKekId === between.toKekId;
  const at = deps.clock.now().toISOString();
  const progress = goesOn ? last : { ...between, state: 'moving' as const, begunAt: at, at, moved: 0, setAside: 0 };
  const move = { principal, aside: new Set<string>(), progress, version: known?.version ?? 0, keptAt: 0 };
  // A rotation that is held up is looked at again and again: that is told once.
  if (!goesOn) await keepProgress(deps, move, 'moving');
  return move;
}

/** Writes down how far the rotation is, unless that is known. */
async function keepProgress(
  deps: KeyRotationDeps,
  move: Move,
  state: KeyRotationProgress['state'],
): Promise<KeyRotationProgress> {
  const { progress: before, principal, version, aside } = move;
  move.keptAt = deps.milliseconds();
  if (state === before.state && state === 'held-up' && before.setAside === aside.size) return before;
  const content = { ...before, state, at: deps.clock.now().toISOString(), setAside: aside.size };
  const row: DocumentRow<KeyRotationProgress> = { kind: 'key-rotation', id: LAST, version: version + 1, content };
  const outcome = state === 'held-up' ? ({ outcome: '8', outcomeDesc: 'wrong-key' } as const) : {};
  const access = { principal, action: 'U' as const, interaction: `keys/rotation-${state}`, ...outcome };
  await deps.ledger.commit({
    site: deps.site,
    documents: [{ expected: version, row }],
    audit: [deps.audit.rowOf(access)],
  });
  move.version = version + 1;
  move.progress = content;
  return content;
}

/** Resolves to the number of keys that are left because nothing at hand opens them. */
async function moveAll(
  deps: KeyRotationDeps,
  move: Move,
  signal: AbortSignal,
  onProgress: ((done: number, total: number) => void) | undefined,
): Promise<number> {
  const { packs, chest } = deps;
  const { currentKekId } = chest.ring;
  const total = move.progress.moved + (await packs.countKeysNotUnder(currentKekId));
  for (let fruitless = 0; fruitless < MOST_FRUITLESS_BATCHES; ) {
    const begun = deps.milliseconds();
    // Those that are set aside may be the first that are found.
    const found = await packs.keysNotUnder(currentKekId, BATCH + move.aside.size);
    const batch = found.filter((key) => !move.aside.has(nameOf(key))).slice(0, BATCH);
    if (batch.length === 0) return found.length;
    const moved = await moveBatch(deps, move, batch);
    fruitless = moved === 0 ? fruitless + 1 : 0;
    move.progress = { ...move.progress, moved: move.progress.moved + moved };
    const now = deps.milliseconds();
    if (now - move.keptAt >= PROGRESS_MILLISECONDS) await keepProgress(deps, move, 'moving');
    onProgress?.(move.progress.moved, Math.max(total, move.progress.moved));
    await pauseUnlessStopped(deps, Math.max(LEAST_REST_MILLISECONDS, REST * (now - begun)), signal);
  }
  throw new NeuroInsightError('conflict', 'the keys of studies change faster than they can be moved');
}

async function moveBatch(deps: KeyRotationDeps, move: Move, batch: readonly SitedKey[]): Promise<number> {
  let moved = 0;
  for (const [site, keys = []] of Object.entries(Object.groupBy(batch, (key) => key.site))) {
    const rewraps = keys.flatMap((key) => rewrapOf(deps, key) ?? setAside(move, key));
    moved += await commitRewraps(deps, move.principal, site, rewraps);
  }
  return moved;
}

function rewrapOf({ chest }: KeyRotationDeps, key: SitedKey): Rewrap | undefined {
  const { row } = key;
  try {
    return { fromKekId: row.kekId, row: { ...row, ...chest.ring.rewrap(row, nameOf(key)) } };
  } catch (error) {
    if (error instanceof NeuroInsightError && error.kind === 'wrong-key') return undefined;
    throw error;
  }
}

function setAside(move: Move, key: SitedKey): readonly Rewrap[] {
  move.aside.add(nameOf(key));
  return [];
}

/** Moves these rows; one that moved or was erased meanwhile is passed over. Resolves to how many were moved. */
async function commitRewraps(
  deps: KeyRotationDeps,
  principal: Principal,
  site: string,
  rewraps: readonly Rewrap[],
): Promise<number> {
  if (rewraps.length === 0) return 0;
  const audit = [deps.audit.rowOf({ principal, action: 'U', interaction: 'keys/rewrap' })];
  try {
    await deps.ledger.commit({ site, rewraps, audit });
    return rewraps.length;
  } catch (error) {
    if (!(error instanceof NeuroInsightError && error.kind === 'conflict')) throw error;
    if (rewraps.length === 1) return 0;
  }
  const middle = Math.ceil(rewraps.length / 2);
  const first = await commitRewraps(deps, principal, site, rewraps.slice(0, middle));
  return first + (await commitRewraps(deps, principal, site, rewraps.slice(middle)));
}

/** Forgets the KEK before; false: not now. */
async function finish({ apart, chest }: KeyRotationDeps, kekId: string): Promise<boolean> {
  try {
    await apart(async () => chest.keepOnly(kekId));
    return true;
  } catch (error) {
    if (error instanceof NeuroInsightError && error.kind === 'conflict') return false;
    throw error;
  }
}

async function pauseUnlessStopped({ pause }: KeyRotationDeps, milliseconds: number, signal: AbortSignal) {
  if (!signal.aborted) await pause(milliseconds, signal);
  if (signal.aborted) throw new NeuroInsightError('cancelled', 'the rotation goes on at the next start');
}

/**
 * Looks whether every KEK that is needed is at hand: the current one, and those that keys of studies lie under.
 * @throws wrong-key, naming the one that is missing.
 */
export async function requireKeks(
  { ring, keks }: Pick<KeyChest, 'ring' | 'keks'>,
  packs: Pick<PackReader, 'keysNotUnder'>,
): Promise<void> {
  const [current] = keks;
  const refuse = (id: string, why: string): never => {
    throw new NeuroInsightError('wrong-key', `the key-encryption key ${id} is missing: ${why}; give both`);
  };
  if (current && !current.atHand) refuse(current.id, 'a rotation to it has begun');
  const atHand = new Set(keks.filter((kek) => kek.atHand).map(({ id }) => id));
  const others = await packs.keysNotUnder(ring.currentKekId, SOME_KEYS);
  const missing = others.find(({ row }) => !atHand.has(row.kekId));
  if (missing) refuse(missing.row.kekId, 'keys of studies lie under it');
}
