import type { Principal, StoredResource } from '../ports/index.ts';
import { type BundleOptions, type PreparedTransaction, prepareTransaction, processBundle } from './bundle.ts';
import type { TextBundle } from './bundle-text.ts';
import type { RecordsDeps, SearchParams, Written } from './deps.ts';
import { history, read, readVersion } from './read.ts';
import { search } from './search.ts';
import { create, remove, removeWhere, type UpdateOptions, update, updateWhere } from './write.ts';

export type { BundleOptions, PreparedTransaction } from './bundle.ts';
export { versionOfEtag } from './bundle-request.ts';
export { bundleText, etagOf, type TextBundle, type TextEntry, versionPathOf } from './bundle-text.ts';
export type { RecordsDeps, SearchParams, WriteOutcome, Written } from './deps.ts';

/**
 * The FHIR service: R4 interactions over the stored resources. Each checks what the caller may do, and answers after the
 * access is written down. Stored text is handed on as it is.
 */
export interface Records {
  read(principal: Principal, type: string, id: string): Promise<StoredResource>;
  readVersion(principal: Principal, type: string, id: string, version: string): Promise<StoredResource>;
  history(
    principal: Principal,
    of: { readonly type: string; readonly id?: string },
    params: SearchParams,
  ): Promise<TextBundle>;
  search(principal: Principal, type: string, params: SearchParams): Promise<TextBundle>;
  create(
    principal: Principal,
    type: string,
    resource: unknown,
    options?: { readonly ifNoneExist?: string },
  ): Promise<Written>;
  update(principal: Principal, type: string, id: string, resource: unknown, options?: UpdateOptions): Promise<Written>;
  updateWhere(
    principal: Principal,
    type: string,
    criteria: string,
    resource: unknown,
    options?: UpdateOptions,
  ): Promise<Written>;
  delete(principal: Principal, type: string, id: string, options?: UpdateOptions): Promise<Written>;
  deleteWhere(principal: Principal, type: string, criteria: string): Promise<Written>;
  /** A batch or a transaction, as Bundle.type says. */
  bundle(principal: Principal, bundle: unknown, options?: BundleOptions): Promise<TextBundle>;
  prepareTransaction(principal: Principal, bundle: unknown): Promise<PreparedTransaction>;
}

export function createRecords(deps: RecordsDeps): Records {
  return {
    read: (principal, type, id) => read(deps, principal, type, id),
    readVersion: (principal, type, id, version) => readVersion(deps, principal, type, id, version),
    history: (principal, of, params) => history(deps, principal, of, params),
    search: (principal, type, params) => search(deps, principal, type, params),
    create: (principal, type, resource, options) => create(deps, principal, type, resource, options),
    update: (principal, type, id, resource, options) => update(deps, principal, type, id, resource, options),
    updateWhere: (principal, type, criteria, resource, options) =>
      updateWhere(deps, principal, type, criteria, resource, options),
    delete: (principal, type, id, options) => remove(deps, principal, type, id, options),
    deleteWhere: (principal, type, criteria) => removeWhere(deps, principal, type, criteria),
    bundle: (principal, bundle, options) => processBundle(deps, principal, bundle, options),
    prepareTransaction: (principal, bundle) => prepareTransaction(deps, principal, bundle),
  };
}
