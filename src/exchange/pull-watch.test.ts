import { beforeEach, describe, expect, it } from '@jest/globals';
import { createExchangeWorld, type ExchangeWorld, SITE } from '../../test/harness/exchange-world.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { PullSource, ReceivedFile, SeenStudy } from '../ports/index.ts';
import { type ArchiveDoor, type PullOutcome, pullOnce } from './pull-watch.ts';

const SOURCE: PullSource = {
  name: 'archive-a',
  url: 'https://archive-a.example/dicom-web',
  authorization: undefined,
  timeoutSeconds: 1,
  windowDays: 7,
  pollSeconds: 60,
  site: SITE,
};
const A = '1.2.3';
const B = '1.2.4';

interface Pulls {
  /** The count of each study at the PACS, as its QIDO-RS says. */
  counts: Record<string, number>;
  /** Instances that its WADO-RS gives; as many as it counts unless said. */
  given: Record<string, number>;
  readonly windows: string[];
  readonly retrieved: string[];
  /** What the archive does with the parts of a study. */
  store: (studyInstanceUid: string, parts: readonly ReceivedFile[]) => { stored: number; failed: number };
  look(signal?: AbortSignal): Promise<PullOutcome>;
  seen(study?: string): Promise<SeenStudy | undefined>;
}

let world: ExchangeWorld;
let pulls: Pulls;

beforeEach(async () => {
  world = await createExchangeWorld();
  pulls = watchedPacs(world);
});

function watchedPacs({ deps, store }: ExchangeWorld): Pulls {
  const archive: ArchiveDoor = {
    async store({ studyInstanceUid, parts }) {
      const received: ReceivedFile[] = [];
      for await (const part of parts) received.push(part);
      const { stored, failed } = self.store(studyInstanceUid, received);
      return { stored: Array(stored).fill({ duplicate: false }), failed: Array(failed).fill({}) };
    },
  };
  const self: Pulls = {
    counts: { [A]: 3 },
    given: {},
    windows: [],
    retrieved: [],
    store: (_, parts) => ({ stored: parts.length, failed: 0 }),
    look: (signal = new AbortController().signal) => pullOnce(SOURCE, { ...deps, archive, seen: store.seen }, signal),
    seen: async (study = A) => (await store.seen.seen(SITE, SOURCE.name, [study]))[0],
  };
  world.pacs = {
    ...world.pacs,
    async findStudies(from, to) {
      self.windows.push(`${from}-${to}`);
      return Object.entries(self.counts).map(([studyInstanceUid, numberOfInstances]) => ({
        studyInstanceUid,
        numberOfInstances,
        modalities: ['MR'],
      }));
    },
    async *retrieveStudy(studyInstanceUid) {
      self.retrieved.push(studyInstanceUid);
      for (let n = self.given[studyInstanceUid] ?? self.counts[studyInstanceUid]!; n > 0; n--) yield Buffer.from('x');
    },
  };
  return self;
}

describe('a watched PACS', () => {
  it('is asked for the window, a day wider at each end', async () => {
    await pulls.look();
    expect(pulls.windows).toEqual(['20261116-20261125']);
  });

  it('gives a study when its count has stood still between two looks, and gives it once', async () => {
    expect(await pulls.look()).toEqual({ found: 1, pulled: 0, failed: 0 });
    pulls.counts[A] = 5;
    expect(await pulls.look()).toMatchObject({ pulled: 0 });
    expect(pulls.retrieved).toEqual([]);
    expect(await pulls.look()).toMatchObject({ pulled: 1 });
    expect(await pulls.seen()).toMatchObject({ numberOfInstances: 5, pulledInstances: 5, refusedInstances: 0 });
    for (let n = 0; n < 3; n++) expect(await pulls.look()).toMatchObject({ found: 1, pulled: 0, failed: 0 });
    expect(pulls.retrieved).toEqual([A]);
    expect(world.counted).toEqual(['archive-a 5 0']);
  });

  it('gives the study again when its count grows', async () => {
    for (let n = 0; n < 2; n++) await pulls.look();
    pulls.counts[A] = 4;
    for (let n = 0; n < 3; n++) await pulls.look();
    expect(pulls.retrieved).toEqual([A, A]);
    expect(await pulls.seen()).toMatchObject({ pulledInstances: 4, attempt: 1 });
  });

  it('writes each look that found something new into the audit', async () => {
    for (let n = 0; n < 3; n++) await pulls.look();
    expect(await world.audit()).toEqual(['job/watch 0']);
  });

  it('has refused instances counted, which are not asked for again', async () => {
    pulls.store = (_, parts) => ({ stored: parts.length - 1, failed: 1 });
    for (let n = 0; n < 4; n++) await pulls.look();
    expect(await pulls.seen()).toMatchObject({ pulledInstances: 3, refusedInstances: 1 });
    expect(pulls.retrieved).toHaveLength(1);
    expect(world.counted).toEqual(['archive-a 2 1']);
    expect(world.lines).toEqual([{ level: 'warn', message: 'a pulled study is not whole' }]);
  });

  it('is asked five times for a study that comes incomplete, then its count is taken as it is', async () => {
    pulls.given[A] = 2;
    for (let n = 0; n < 5; n++) await pulls.look();
    expect(await pulls.seen()).toMatchObject({ pulledInstances: undefined, attempt: 4 });
    for (let n = 0; n < 3; n++) await pulls.look();
    expect(pulls.retrieved).toHaveLength(5);
    expect(await pulls.seen()).toMatchObject({ pulledInstances: 3, attempt: 5 });
  });

  it('loses nothing while it is down', async () => {
    const { findStudies } = world.pacs;
    const down = new NeuroInsightError('upstream-unavailable', 'archive-a cannot be reached');
    await pulls.look();
    world.pacs = { ...world.pacs, findStudies: () => Promise.reject(down) };
    await expect(pulls.look()).rejects.toBe(down);
    world.pacs = { ...world.pacs, findStudies };
    expect(await pulls.look()).toMatchObject({ pulled: 1 });
  });

  it.each(['upstream-unavailable', 'overloaded'] as const)(
    'is asked for as long as it takes while a study fails as %s',
    async (kind) => {
      pulls.store = () => {
        throw new NeuroInsightError(kind, 'not now');
      };
      for (let n = 0; n < 9; n++) await pulls.look();
      expect(await pulls.seen()).toMatchObject({ pulledInstances: undefined, attempt: 8 });
      pulls.store = (_, parts) => ({ stored: parts.length, failed: 0 });
      expect(await pulls.look()).toMatchObject({ pulled: 1, failed: 0 });
      expect(await pulls.seen()).toMatchObject({ pulledInstances: 3 });
    },
  );

  it.each([
    ['a refusal', () => new NeuroInsightError('upstream-refused', 'archive-a answered 404')],
    ['a defect', () => new TypeError('undefined is not a function')],
  ])('is asked five times for a study that ends in %s, and gives those behind it meanwhile', async (_, fail) => {
    pulls.counts = { [A]: 3, [B]: 2 };
    pulls.store = (study, parts) => {
      if (study === A) throw fail();
      return { stored: parts.length, failed: 0 };
    };
    await pulls.look();
    expect(await pulls.look()).toEqual({ found: 2, pulled: 1, failed: 1 });
    for (let n = 0; n < 6; n++) await pulls.look();
    expect(pulls.retrieved.filter((study) => study === A)).toHaveLength(5);
    expect(pulls.retrieved.filter((study) => study === B)).toHaveLength(1);
  });
});

describe('a look that ends early', () => {
  it('stops at a full disk and takes up the same study when there is room', async () => {
    pulls.counts = { [A]: 3, [B]: 2 };
    pulls.store = () => {
      throw new NeuroInsightError('storage-full', 'the disk is full');
    };
    await pulls.look();
    for (let n = 0; n < 7; n++) await expect(pulls.look()).rejects.toMatchObject({ kind: 'storage-full' });
    expect(new Set(pulls.retrieved)).toEqual(new Set([A]));
    expect(await pulls.seen()).toMatchObject({ attempt: 0, pulledInstances: undefined });
    pulls.store = (_, parts) => ({ stored: parts.length, failed: 0 });
    expect(await pulls.look()).toEqual({ found: 2, pulled: 2, failed: 0 });
  });

  it('costs the study in work no attempt when we stop, and begins no other', async () => {
    pulls.counts = { [A]: 3, [B]: 2 };
    await pulls.look();
    const controller = new AbortController();
    pulls.store = () => {
      controller.abort();
      throw new NeuroInsightError('cancelled', 'stopped on request');
    };
    expect(await pulls.look(controller.signal)).toMatchObject({ pulled: 0 });
    expect(pulls.retrieved).toEqual([A]);
    expect(await pulls.seen()).toMatchObject({ attempt: 0, pulledInstances: undefined });
    expect(world.lines).toEqual([]);
  });
});
