import type { PackReader, SitedPack } from '../ports/index.ts';

const PAGE = 500;

/** Every pack that has a row, by name, in pages: what is written meanwhile may or may not be among them. */
export async function* everyPack(packs: Pick<PackReader, 'list'>): AsyncGenerator<SitedPack> {
  for (let after = ''; ; ) {
    const page = await packs.list(after, PAGE);
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)!.row.pack;
  }
}
