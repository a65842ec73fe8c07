/**
 * What the index tables of resources are keyed by in place of site, type and parameter: one number below 2^53, so that
 * a key takes a few bytes. Two of the few thousand names that there are share a number with a chance below 1 in 10^8;
 * names come from the definitions of search parameters and from the configuration, never from a request.
 */
export function scopeOf(site: string, type: string, param: string): number {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (const part of [site, type, param]) {
    for (let index = 0; index <= part.length; index++) {
      // Past the end: a mark, so that no part runs into the next.
      const unit = index < part.length ? part.charCodeAt(index) : 0x10ffff;
      high = Math.imul(high ^ unit, 2_654_435_761);
      low = Math.imul(low ^ unit, 1_597_334_677);
    }
  }
  high = mixed(high, low);
  low = mixed(low, high);
  return 2 ** 32 * (high & 0x1fffff) + (low >>> 0);
}

const mixed = (one: number, other: number): number =>
  Math.imul(one ^ (one >>> 16), 2_246_822_507) ^ Math.imul(other ^ (other >>> 13), 3_266_489_909);

/** An entry's own number: that of its resource, and its place among the entries of its kind in these many bits. */
export const PLACE_BITS = 20;
export const MOST_ENTRIES = 2 ** PLACE_BITS;

/** The rowid of the resource that an entry belongs to. */
export const resourceOf = (entry: string): string => `(${entry}.entry >> ${PLACE_BITS})`;

/** The entry belongs to the resource with this rowid; to be used with NOT INDEXED, as entries lie by resource. */
export const isOfResource = (entry: string, rid: string): string =>
  `${entry}.entry BETWEEN (${rid} << ${PLACE_BITS}) AND (${rid} << ${PLACE_BITS}) + ${MOST_ENTRIES - 1}`;
