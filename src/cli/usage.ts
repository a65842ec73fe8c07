/** How each command of the server is called; apart, so that help loads no server. */
export const SERVE_USAGE = 'neuroinsight serve [--roles web,work,pull]';
export const API_KEY_USAGE = `neuroinsight api-key create --name NAME --scopes "system/*.cruds" [--days 365] [--site main]
            neuroinsight api-key list | revoke --name NAME [--site main]`;
export const DEMO_USAGE = 'neuroinsight demo PATH [--once] [--keep]';
export const BACKUP_USAGE = `neuroinsight backup [--to DIR] | list [--to DIR]
            neuroinsight backup verify [--to DIR] [--snapshot ID] | prune [--to DIR] [--keep N]`;
export const RESTORE_USAGE = 'neuroinsight restore --from DIR [--snapshot ID] [--erasures FILE]';
export const HOLD_USAGE = `neuroinsight hold place --study UID | --patient-id ID [--issuer I] | --resource TYPE/ID --reason TEXT
            neuroinsight hold list | release ID --reason TEXT`;
export const DELETE_STUDY_USAGE = 'neuroinsight delete-study UID --reason TEXT --confirm';
export const ERASE_USAGE =
  'neuroinsight erase --patient-id ID [--issuer I] | --patient Patient/ID --reason TEXT --confirm';
export const ERASURES_USAGE = 'neuroinsight erasures export FILE';
export const RETENTION_USAGE = 'neuroinsight retention [--dry-run]';
export const KEYS_USAGE = `neuroinsight keys status | rotate [--new-kek-file FILE]
            neuroinsight keys escrow [--holders M --needed N] | recover --kek-file FILE COPY...`;
export const PROOFS_USAGE = 'neuroinsight proofs list | check';
export const COMPACT_USAGE = 'neuroinsight compact';
export const SCRUB_USAGE = 'neuroinsight scrub';
export const ARCHIVE_USAGE = 'neuroinsight archive';
export const EXPORT_USAGE = 'neuroinsight export --out FILE [--passphrase-file FILE]';
export const IMPORT_USAGE = 'neuroinsight import FILE [--passphrase-file FILE]';
export const VERIFY_USAGE = 'neuroinsight verify';
