import { BACKUP_COMMANDS } from './backup-commands.ts';
import type { Commands } from './command.ts';
import { DELETION_COMMANDS } from './deletion-commands.ts';
import { ERASURE_COMMANDS } from './erasure-commands.ts';
import { KEK_COMMANDS } from './kek-commands.ts';
import { API_KEY_COMMANDS } from './key-commands.ts';
import { TRANSFER_COMMANDS } from './transfer-commands.ts';
import { UPKEEP_COMMANDS } from './upkeep-commands.ts';

/** Everything that the command line can have done on a data folder. */
export const COMMANDS: Commands = {
  ...API_KEY_COMMANDS,
  ...BACKUP_COMMANDS,
  ...DELETION_COMMANDS,
  ...ERASURE_COMMANDS,
  ...KEK_COMMANDS,
  ...TRANSFER_COMMANDS,
  ...UPKEEP_COMMANDS,
};
