import { resolve, sep } from 'node:path';
import { z } from 'zod';
import type { Foundation } from '../compose-foundation.ts';
import { kekOfFile } from '../compose-keys.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { KekProvider } from '../storage/keys/kek-providers/kek-provider.ts';
import { administratorOf, type Commands, defineCommand } from './command.ts';

/** The key-encryption key (KEK) that everything lies under: which it is, and its rotation. */
export const KEK_COMMANDS: Commands = {
  'keys/status': defineCommand(z.strictObject({}), async ({ foundation }) => {
    const { keks, studyKeysUnderOldKek, last } = await foundation.keyRotation.status();
    const [current, before] = keks;
    return {
      currentKek: current,
      ...(before && { kekBefore: before }),
      studyKeysUnderOldKek,
      ...(last && { lastRotation: last }),
    };
  }),
  // The key itself: for the paper in the safe. Whoever reads this can open the data.
  'keys/escrow': defineCommand(
    z.strictObject({ split: z.strictObject({ threshold: z.int(), count: z.int() }).optional() }),
    async ({ foundation, args }) => ({ copies: foundation.keys.escrow(args.split) }),
  ),
  'keys/rotate': defineCommand(
    z.strictObject({ newKekFile: z.string().min(1).optional() }),
    ({ foundation, args, emit, signal }) =>
      foundation.exclusive('the rotation of keys', async () => {
        const { keyRotation } = foundation;
        const principal = administratorOf('main');
        if (args.newKekFile !== undefined) await keyRotation.begin(principal, newKekOf(foundation, args.newKekFile));
        const rotated = await keyRotation.run(principal, signal, (done, total) => emit({ step: 'keys', done, total }));
        if (rotated === undefined) throw new NeuroInsightError('invalid-request', 'no rotation has begun: name a KEK');
        return rotated;
      }),
  ),
};

function newKekOf({ dataDir }: Foundation, file: string): KekProvider {
  if (`${resolve(file)}${sep}`.startsWith(`${dataDir}${sep}`)) {
    throw new NeuroInsightError('invalid-request', 'a key-encryption key must not lie in the data folder');
  }
  return kekOfFile(file);
}
