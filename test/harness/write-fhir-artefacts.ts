/** Run with `node test/harness/write-fhir-artefacts.ts` after a change of the codes or of the bundle. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fhirArtefacts, textOf } from './fhir-artefacts.ts';

for (const { path, resource } of fhirArtefacts()) {
  const file = fileURLToPath(new URL(`../../${path}`, import.meta.url));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, textOf(resource));
}
