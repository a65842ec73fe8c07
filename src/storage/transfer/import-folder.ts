import { resolve } from 'node:path';
import { buildFolder } from '../build-folder.ts';
import { type ImportDeps, type ImportReport, type ImportRequest, importServer } from './import.ts';

/** An empty server in a folder. */
export interface EmptyServer extends ImportDeps {
  close(): Promise<void>;
}

/**
 * Makes a data folder from an export: built aside with keys of its own, named when everything in it was compared.
 * Nothing that is half imported can be served.
 *
 * @param openServer opens an empty server in the folder that it is given.
 * @throws output-exists when the folder is not empty, and what `importServer` throws.
 */
export function importIntoFolder(
  openServer: (dataDir: string) => Promise<EmptyServer>,
  { dataDir, ...request }: ImportRequest & { readonly dataDir: string },
): Promise<ImportReport> {
  return buildFolder(resolve(dataDir), 'importing', async (aside) => {
    const server = await openServer(aside);
    try {
      return await importServer(server, request);
    } finally {
      await server.close();
    }
  });
}
