import { lockFolder } from '../../src/storage/folder-lock.ts';

/** Holds the folder that it is given until it is ended; says so. */
lockFolder(process.argv[2]!, 'server', '2026-01-02T03:04:05.000Z');
process.stdout.write('held\n');
setInterval(() => undefined, 60_000);
