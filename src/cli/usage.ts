/** How each command of the server is called; apart, so that help loads no server. */
export const SERVE_USAGE = 'neuroinsight serve [--roles web,work,pull]';
export const API_KEY_USAGE = `neuroinsight api-key create --name NAME --scopes "system/*.cruds" [--days 365] [--site main]
            neuroinsight api-key list | revoke --name NAME [--site main]`;
export const DEMO_USAGE = 'neuroinsight demo PATH [--once] [--keep]';
