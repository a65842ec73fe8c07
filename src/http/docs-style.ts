export const EXPLORER_STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
code, pre, input, textarea { font: 0.9rem/1.4 ui-monospace, monospace; }
label { display: block; font-weight: 600; margin-top: 0.5rem; }
input, textarea { box-sizing: border-box; padding: 0.4rem; width: 100%; }
button { font: inherit; margin: 0.75rem 0.5rem 0 0; padding: 0.3rem 1rem; }
.hint { font-size: 0.9rem; margin-top: 0.25rem; opacity: 0.75; }
details { border: 1px solid; border-radius: 0.25rem; margin: 0.5rem 0; padding: 0.25rem 0.75rem; }
summary { cursor: pointer; }
.method { display: inline-block; font-weight: 700; width: 4rem; }
pre { background: color-mix(in srgb, currentColor 8%, transparent); max-height: 30rem; overflow: auto; padding: 0.75rem; }
img { max-width: 100%; }
`;
