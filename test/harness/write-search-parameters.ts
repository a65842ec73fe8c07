/** Run with `node test/harness/write-search-parameters.ts` after a change of the supported resource types. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { searchParameterFiles } from './search-parameter-files.ts';

for (const { path, text } of searchParameterFiles()) {
  writeFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), text);
}
