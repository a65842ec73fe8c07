import { z } from 'zod';
import type { Foundation } from '../compose-foundation.ts';
import { type DeletionProof, readProof } from '../retention/proof.ts';
import { administratorOf, type Commands, defineCommand } from './command.ts';

const site = z.string().min(1).max(64).default('main');
const uid = z.string().regex(/^[0-9.]{1,64}$/, 'is no UID');
const reason = z.string().min(1).max(1000);
const HeldThing = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('study'), studyInstanceUid: uid }),
  z.strictObject({ kind: z.literal('patient'), patientId: z.string(), issuer: z.string().optional() }),
  z.strictObject({ kind: z.literal('resource'), reference: z.string() }),
]);
const PAGE = 500;

/** What goes for good, what forbids it, and what is left as proof. */
export const DELETION_COMMANDS: Commands = {
  'hold/place': defineCommand(z.strictObject({ site, on: HeldThing, reason }), async ({ foundation, args }) => ({
    id: await foundation.holds.place(administratorOf(args.site), args.on, args.reason),
  })),
  'hold/release': defineCommand(z.strictObject({ site, id: z.string(), reason }), async ({ foundation, args }) => {
    await foundation.holds.release(administratorOf(args.site), args.id, args.reason);
    return { id: args.id };
  }),
  // Not whom: it is shown on a terminal.
  'hold/list': defineCommand(z.strictObject({ site }), async ({ foundation, args }) =>
    (await foundation.holds.list(args.site)).map(({ id, on, placedAt, placedBy, releasedAt }) => ({
      id,
      kind: on.kind,
      placedAt,
      placedBy,
      releasedAt,
    })),
  ),
  'delete-study': defineCommand(
    z.strictObject({ site, studyInstanceUid: uid, reason }),
    async ({ foundation, args }) => {
      await foundation.deletion.deleteStudy(administratorOf(args.site), args.studyInstanceUid, args.reason);
      return { studyInstanceUid: args.studyInstanceUid };
    },
  ),
  retention: defineCommand(
    z.strictObject({ dryRun: z.boolean().default(false) }),
    ({ foundation, args, signal, emit }) =>
      foundation.exclusive('retention', () =>
        foundation.retention.run(signal, {
          dryRun: args.dryRun,
          onDue: ({ site: at, rule, counts, held }) => emit({ site: at, rule, counts, held }),
        }),
      ),
  ),
  'proofs/list': defineCommand(z.strictObject({ site }), async ({ foundation, args, emit, signal }) => {
    let proofs = 0;
    for await (const { id, content } of proofsOf(foundation, args.site)) {
      if (signal.aborted) break;
      const { at, by, rule, counts } = JSON.parse(content.statement);
      emit({ id, at, by, rule, counts });
      proofs++;
    }
    return { proofs };
  }),
  'proofs/check': defineCommand(z.strictObject({ site }), async ({ foundation, args, emit, signal }) => {
    const { publicKey } = foundation.signer;
    const counts = { good: 0, damaged: 0 };
    for await (const { id, content } of proofsOf(foundation, args.site)) {
      if (signal.aborted) break;
      try {
        readProof(content, publicKey);
        counts.good++;
      } catch {
        counts.damaged++;
        emit({ id, damaged: true });
      }
    }
    return counts;
  }),
};

async function* proofsOf({ store }: Foundation, at: string) {
  for (let after = ''; ; ) {
    const page = await store.documents.list<DeletionProof>(at, 'deletion-proof', { after, limit: PAGE });
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)!.id;
  }
}
