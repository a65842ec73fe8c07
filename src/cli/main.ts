import { DEFAULT_CONFIG, softwareVersion } from '../compose.ts';
import { type Config, loadConfig } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { ANALYSE_USAGE, analyse } from './analyse.ts';
import { doctor } from './doctor.ts';
import {
  API_KEY_USAGE,
  ARCHIVE_USAGE,
  BACKUP_USAGE,
  COMPACT_USAGE,
  DELETE_STUDY_USAGE,
  DEMO_USAGE,
  ERASE_USAGE,
  ERASURES_USAGE,
  EXPORT_USAGE,
  HOLD_USAGE,
  IMPORT_USAGE,
  KEYS_USAGE,
  PROOFS_USAGE,
  RESTORE_USAGE,
  RETENTION_USAGE,
  SCRUB_USAGE,
  SERVE_USAGE,
  VERIFY_USAGE,
} from './usage.ts';

/** Where a command reads and writes: tests hand in their own. */
export interface Terminal {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** The answer to a foreseen refusal: one line on standard error, nothing written. */
export const EXIT_REFUSED = 2;
/** A defect of ours. */
export const EXIT_DEFECT = 1;

const USAGE = `usage: neuroinsight COMMAND

  analyse   measures the hippocampi of one study: ${ANALYSE_USAGE}
            PATH is a DICOM folder, a zip of one, a DICOM file or a NIfTI file
  serve     runs the server: ${SERVE_USAGE}
  api-key   makes, lists and revokes keys of programs:
            ${API_KEY_USAGE}
  keys      the key-encryption key that the data lies under; without FILE a rotation goes on:
            ${KEYS_USAGE}
  backup    copies the data folder while the server works, lists, checks and removes copies:
            ${BACKUP_USAGE}
  restore   builds the data folder, which must be empty, from a backup:
            ${RESTORE_USAGE}
  hold      legal holds, which forbid deletion:
            ${HOLD_USAGE}
  delete-study
            deletes a study and all that was made of it: ${DELETE_STUDY_USAGE}
  erase     erases a patient for good, keys and all:
            ${ERASE_USAGE}
  erasures  the signed list that keeps erased patients erased when a backup is restored:
            ${ERASURES_USAGE}
  retention deletes what has been kept its time: ${RETENTION_USAGE}
  compact   gives back the space of what was deleted: ${COMPACT_USAGE}
  verify    holds rows, history and index to what was written: ${VERIFY_USAGE}
  scrub     reads and checks the stored bytes that are due: ${SCRUB_USAGE}
  archive   moves old studies to the slow store: ${ARCHIVE_USAGE}
  export    writes everything into one enciphered file: ${EXPORT_USAGE}
  import    reads such a file into an empty server: ${IMPORT_USAGE}
  proofs    what is left of what was deleted: ${PROOFS_USAGE}
  demo      the whole road on a server of its own: ${DEMO_USAGE}
  doctor    checks that this machine can run the software
  version   prints the version

Beside a server they are carried out by it, through its socket in the data folder; without one, here.
Exit codes: 0 done, 2 refused with a named reason, 1 a defect.
Research use only; not for diagnosis.
`;

type ServerCommand = (args: readonly string[], config: Config, terminal: Terminal) => Promise<number>;

/** Commands that need the server's code. */
const SERVER_COMMANDS: Readonly<Record<string, () => Promise<ServerCommand>>> = {
  serve: async () => (await import('./serve.ts')).serve,
  'api-key': async () => (await import('./api-key.ts')).apiKey,
  keys: async () => (await import('./keys.ts')).keys,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./backup.ts')).restore,
  hold: async () => (await import('./deletion.ts')).hold,
  'delete-study': async () => (await import('./deletion.ts')).deleteStudy,
  erase: async () => (await import('./erasure.ts')).erase,
  erasures: async () => (await import('./erasure.ts')).erasures,
  retention: async () => (await import('./deletion.ts')).retention,
  compact: async () => (await import('./upkeep.ts')).compact,
  verify: async () => (await import('./upkeep.ts')).verify,
  scrub: async () => (await import('./upkeep.ts')).scrub,
  archive: async () => (await import('./upkeep.ts')).archive,
  export: async () => (await import('./transfer.ts')).exportAll,
  import: async () => (await import('./transfer.ts')).importAll,
  proofs: async () => (await import('./deletion.ts')).proofs,
  demo: async () => (await import('./demo.ts')).demo,
};

export async function main(args: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  try {
    return await run(args, terminal);
  } catch (error) {
    return explain(error, terminal);
  }
}

async function run([command, ...args]: readonly string[], terminal: Terminal): Promise<number> {
  if (command === undefined || command === 'help' || command === '--help' || args.includes('--help')) {
    terminal.stdout.write(USAGE);
    return command === undefined ? EXIT_REFUSED : 0;
  }
  if (command === 'version' || command === '--version') {
    terminal.stdout.write(`${await softwareVersion()}\n`);
    return 0;
  }
  const config = loadConfig(DEFAULT_CONFIG, terminal.environment);
  if (command === 'analyse') return analyse(args, config, terminal);
  // Loaded when asked for: the server is most of the software, and `analyse` needs none of it.
  const ofServer = Object.hasOwn(SERVER_COMMANDS, command) ? await SERVER_COMMANDS[command]!() : undefined;
  if (ofServer) return ofServer(args, config, terminal);
  if (command === 'doctor') return doctor(config, terminal);
  throw new NeuroInsightError(
    'invalid-request',
    `there is no command ${JSON.stringify(command)}; see neuroinsight help`,
  );
}

function explain(error: unknown, { stderr, environment, signal }: Terminal): number {
  const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
  if (error instanceof NeuroInsightError) {
    stderr.write(`refused: ${error.kind}: ${oneLine(error.message)}\n`);
    return EXIT_REFUSED;
  }
  if (signal.aborted) {
    stderr.write('refused: cancelled: stopped on request\n');
    return EXIT_REFUSED;
  }
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (String(code).startsWith('ERR_PARSE_ARGS')) {
    stderr.write(`refused: invalid-request: ${oneLine(String(message))}\n`);
    return EXIT_REFUSED;
  }
  stderr.write('defect: something went wrong that should not; set NODE_DEBUG=neuroinsight to see where\n');
  if (environment.NODE_DEBUG?.includes('neuroinsight'))
    stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  return EXIT_DEFECT;
}

function processTerminal(): Terminal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  process.once('SIGTERM', () => controller.abort());
  return { stdout: process.stdout, stderr: process.stderr, environment: process.env, signal: controller.signal };
}
