import { z } from 'zod';
import { type Commands, defineCommand } from './command.ts';

const site = z.string().min(1).max(64);
const name = z.string().max(64);

/** Keys of programs: see auth/api-keys.ts. */
export const API_KEY_COMMANDS: Commands = {
  'api-key/create': defineCommand(
    z.strictObject({ site, name, scopes: z.string(), days: z.int() }),
    ({ foundation, args }) => foundation.apiKeys.create(args),
  ),
  'api-key/list': defineCommand(z.strictObject({ site }), async ({ foundation, args }) =>
    // The digests of secrets are nobody's business.
    (await foundation.apiKeys.list(args.site)).map(({ id, name: label, scopes, expiresAt, revokedAt }) => ({
      id,
      name: label,
      scopes,
      expiresAt,
      revokedAt,
    })),
  ),
  'api-key/revoke': defineCommand(z.strictObject({ site, name }), async ({ foundation, args }) => {
    await foundation.apiKeys.revoke(args);
    return { name: args.name };
  }),
};
