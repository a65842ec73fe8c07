import { z } from 'zod';
import { softwareVersion } from '../compose.ts';
import type { Foundation } from '../compose-foundation.ts';
import { indexOf } from '../fhir/search-index.ts';
import { openExportReader } from '../storage/sqlite/export-reader.ts';
import type { ContainerLock } from '../storage/transfer/container.ts';
import { exportServer } from '../storage/transfer/export.ts';
import { importServer } from '../storage/transfer/import.ts';
import { administratorOf, type Call, type Commands, defineCommand } from './command.ts';

/** Absent: the file opens with the key-encryption key of the server that made it. */
const passphrase = z.string().optional();
const TRANSFER = 'an export or import';

const lockOf = ({ keys }: Foundation, given: string | undefined): ContainerLock =>
  given === undefined ? { ring: keys.ring } : { passphrase: given };

const shown = ({ records, bytes }: { readonly records: number; readonly bytes: number }): object => ({
  records,
  megabytes: Math.round(bytes / 1e6),
});

export const TRANSFER_COMMANDS: Commands = {
  export: defineCommand(z.strictObject({ file: z.string().min(1), passphrase }), async (call) => {
    const { foundation, args, emit, signal } = call;
    const { store, blobs, audit, clock, keys } = foundation;
    const deps = { blobs, ledger: store.ledger, audit, clock, softwareVersion: await softwareVersion() };
    const openReader = () => openExportReader(store.checkpoint, keys.keys.rowMac);
    return foundation.exclusive(TRANSFER, () =>
      exportServer(
        { ...deps, openReader },
        {
          file: args.file,
          lock: lockOf(foundation, args.passphrase),
          principal: administratorOf('main'),
          signal,
          onProgress: (progress) => emit(shown(progress)),
        },
      ),
    );
  }),
  // The audit of the server that is imported comes before anything of this one.
  import: defineCommand(z.strictObject({ file: z.string().min(1), passphrase }), importInto, { isAuditedItself: true }),
};

async function importInto({ foundation, args, emit, signal }: Call<{ file: string; passphrase?: string | undefined }>) {
  const { store, blobs, audit, keys } = foundation;
  const openReader = () => openExportReader(store.checkpoint, keys.keys.rowMac);
  return foundation.exclusive(TRANSFER, () =>
    importServer(
      { ledger: store.ledger, changes: store.changes, blobs, audit, indexOf, openReader },
      {
        file: args.file,
        lock: lockOf(foundation, args.passphrase),
        principal: administratorOf('main'),
        signal,
        onProgress: (progress) => emit(shown(progress)),
      },
    ),
  );
}
