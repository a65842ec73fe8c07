import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BlobLocation, BlobStore } from '../../src/ports/index.ts';

/** Behaviour of every BlobStore, wherever the bytes lie. `close` ends what the opening began. */
export function describeBlobs(
  name: string,
  open: () => Promise<{ readonly blobs: BlobStore; readonly close?: () => Promise<void> }>,
): void {
  describe(`BlobStore: ${name}`, () => {
    let opened: Awaited<ReturnType<typeof open>> | undefined;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened?.close?.();
    });
    const store = (): BlobStore => opened!.blobs;

    const sealed = async (...pieces: readonly Uint8Array[]): Promise<BlobLocation[]> => {
      const pack = await store().openPack('main', '1.2.3');
      const locations: BlobLocation[] = [];
      for (const piece of pieces) locations.push(await pack.append(piece));
      await pack.seal();
      return locations;
    };
    const packs = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const pack of store().packs()) found.push(pack);
      return found;
    };
    const textOf = async (location: BlobLocation, range?: readonly [number, number]): Promise<string> =>
      new TextDecoder().decode(await store().read(location, range));
    const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

    it('gives back what was appended, each piece by its location', async () => {
      const pieces = [randomBytes(1000), randomBytes(1), randomBytes(70_000)];
      const locations = await sealed(...pieces);
      expect(locations.map(({ offset, length }) => [offset, length])).toEqual([
        [0, 1000],
        [1000, 1],
        [1001, 70_000],
      ]);
      for (const [i, location] of locations.entries()) {
        expect(Buffer.compare(await store().read(location), pieces[i]!)).toBe(0);
      }
    });

    it('keeps its bytes when those of the caller change after the append', async () => {
      const bytes = bytesOf('before');
      const [location] = await sealed(bytes);
      bytes.fill(0);
      expect(await textOf(location!)).toBe('before');
    });

    it('gives ranges with both ends, within the piece and not beyond', async () => {
      const [, location] = await sealed(bytesOf('xxxx'), bytesOf('0123456789'), bytesOf('yyyy'));
      expect(await textOf(location!, [0, 0])).toBe('0');
      expect(await textOf(location!, [3, 5])).toBe('345');
      expect(await textOf(location!, [0, 9])).toBe('0123456789');
      for (const range of [
        [0, 10],
        [-1, 3],
        [5, 4],
        [10, 10],
        [Number.NaN, 3],
      ] as const) {
        await expect(store().read(location!, range)).rejects.toMatchObject({ kind: 'invalid-request' });
      }
    });

    it('reads across pieces that lie side by side', async () => {
      const [first, second] = await sealed(bytesOf('0123'), bytesOf('4567'));
      const joined = { ...first!, length: first!.length + second!.length };
      expect(await textOf(joined)).toBe('01234567');
      expect(await textOf(joined, [2, 5])).toBe('2345');
    });

    it('reads into memory that is handed in, or into its own', async () => {
      const [location] = await sealed(bytesOf('0123456789'));
      for (const into of [new Uint8Array(4), new Uint8Array(10), new Uint8Array(100)]) {
        expect(new TextDecoder().decode(await store().read(location!, undefined, into))).toBe('0123456789');
        expect(new TextDecoder().decode(await store().read(location!, [2, 4], into))).toBe('234');
      }
    });

    it('holds an empty piece', async () => {
      const [empty, other] = await sealed(new Uint8Array(), bytesOf('x'));
      expect(await store().read(empty!)).toHaveLength(0);
      expect(other!.offset).toBe(0);
      for await (const chunk of store().stream(empty!)) expect(chunk).toHaveLength(0);
    });

    it('streams in bounded chunks', async () => {
      const bytes = randomBytes(2 ** 21 + 12_345);
      const [, location] = await sealed(randomBytes(10), bytes);
      const chunks: Buffer[] = [];
      for await (const chunk of store().stream(location!)) chunks.push(Buffer.from(chunk as Uint8Array));
      expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(2 ** 20);
      expect(Buffer.compare(Buffer.concat(chunks), bytes)).toBe(0);
    });

    it('keeps the order of appends that nobody waited for', async () => {
      const pack = await store().openPack('main', '1.2.3');
      const pieces = Array.from({ length: 20 }, (_, i) => bytesOf(`piece ${i} `.repeat(i + 1)));
      const locations = await Promise.all(pieces.map((piece) => pack.append(piece)));
      await pack.seal();
      let end = 0;
      for (const [i, location] of locations.entries()) {
        expect(location.offset).toBe(end);
        end += location.length;
        expect(Buffer.compare(await store().read(location), pieces[i]!)).toBe(0);
      }
    });

    it('lists packs, unfinished ones among them, and gives each a name of its own', async () => {
      const before = new Set(await packs());
      const [done] = await sealed(bytesOf('x'));
      const unfinished = await store().openPack('../../etc', '1/../../2');
      const { pack } = await unfinished.append(bytesOf('y'));
      const now = (await packs()).filter((one) => !before.has(one));
      expect(now.sort()).toEqual([done!.pack, pack].sort());
      for (const one of now) expect(one).toMatch(/^[0-9a-f]{32}$/);
      await unfinished.discard();
      expect(await packs()).not.toContain(pack);
    });

    it('takes nothing more after the seal, and nothing after a discard', async () => {
      const pack = await store().openPack('main', '1.2.3');
      const location = await pack.append(bytesOf('x'));
      await pack.seal();
      await expect(pack.append(bytesOf('y'))).rejects.toThrow('the pack takes nothing more');
      await expect(pack.seal()).rejects.toThrow('the pack takes nothing more');
      expect(await textOf(location)).toBe('x');
      await pack.discard();
      await pack.discard();
      await expect(store().read(location)).rejects.toMatchObject({ kind: 'not-found' });
      const other = await store().openPack('main', '1.2.3');
      await other.discard();
      await expect(other.append(bytesOf('y'))).rejects.toThrow('the pack takes nothing more');
    });

    it('removes a pack for good, once or more, also while it is read', async () => {
      const [location] = await sealed(randomBytes(2 ** 20));
      const reading = Promise.allSettled(Array.from({ length: 5 }, () => store().read(location!)));
      await store().remove(location!.pack);
      await store().remove(location!.pack);
      for (const { status } of await reading) expect(['fulfilled', 'rejected']).toContain(status);
      await expect(store().read(location!)).rejects.toMatchObject({ kind: 'not-found' });
      expect(await packs()).not.toContain(location!.pack);
      const stream = store().stream(location!);
      await expect(stream.toArray()).rejects.toMatchObject({ kind: 'not-found' });
    });

    it.each([
      '',
      '..',
      '../../../etc/passwd',
      '0'.repeat(31),
      `${'0'.repeat(31)}/`,
      'A'.repeat(32),
      `${'0'.repeat(32)}\n`,
    ])('finds nothing in a pack with the name %j', async (pack) => {
      const location = { pack, offset: 0, length: 10 };
      await expect(store().read(location)).rejects.toMatchObject({ kind: 'not-found' });
      await expect(store().stream(location).toArray()).rejects.toMatchObject({ kind: 'not-found' });
    });

    it('says that a pack is shorter than its rows say, rather than give other bytes', async () => {
      const [location] = await sealed(bytesOf('0123'));
      await expect(store().read({ ...location!, length: 5 })).rejects.toThrow('shorter than its rows say');
      expect(await textOf(location!)).toBe('0123');
    });

    it('serves many readers of many packs at once', async () => {
      const locations = (await Promise.all(Array.from({ length: 100 }, (_, i) => sealed(bytesOf(`pack ${i}`))))).flat();
      const order = [...locations.keys(), ...[...locations.keys()].reverse()];
      const texts = await Promise.all(order.map((i) => textOf(locations[i]!)));
      expect(texts).toEqual(order.map((i) => `pack ${i}`));
    });

    it('knows how much room is left', async () => {
      expect(await store().freeBytes()).toBeGreaterThan(0);
    });
  });
}
