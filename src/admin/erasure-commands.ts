import { z } from 'zod';
import { composeErasure, erasureList } from '../compose-erasure.ts';
import type { ErasureSubject } from '../retention/erasure-subject.ts';
import { administratorOf, type Commands, defineCommand } from './command.ts';

const site = z.string().min(1).max(64).default('main');
const reason = z.string().min(1).max(1000);
const Subject = z.union([
  z.strictObject({ patientId: z.string().min(1).max(64), issuer: z.string().max(200).optional() }),
  z.strictObject({ patient: z.string().max(80) }),
]);

const subjectOf = (given: z.infer<typeof Subject>): ErasureSubject => {
  if ('patient' in given) return { patient: given.patient };
  const { patientId, issuer } = given;
  return { patientId, ...(issuer === undefined ? {} : { issuer }) };
};

/** A patient who is erased, and the list that keeps one erased. */
export const ERASURE_COMMANDS: Commands = {
  erase: defineCommand(z.strictObject({ site, of: Subject, reason }), ({ foundation, args }) =>
    foundation.exclusive('erasure', () =>
      composeErasure(foundation).erase(administratorOf(args.site), subjectOf(args.of), args.reason),
    ),
  ),
  'erasures/export': defineCommand(z.strictObject({}), async ({ foundation }) => {
    const { bytes, count } = await erasureList(foundation);
    return { list: Buffer.from(bytes).toString(), erasures: count };
  }),
};
