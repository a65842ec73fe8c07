#!/usr/bin/env node
// Node strips no types below node_modules: an installed package runs its built files, a checkout its sources.
import { existsSync } from 'node:fs';

const installed = import.meta.url.includes('/node_modules/');
const built = new URL('../../dist/cli/main.js', import.meta.url);
const entry = installed && existsSync(built) ? built : new URL('./main.ts', import.meta.url);
const { main } = await import(entry.href);
process.exitCode = await main(process.argv.slice(2));
// Timers of libraries that outlive their work must not keep a finished command waiting.
setTimeout(() => process.exit(), 100).unref();
