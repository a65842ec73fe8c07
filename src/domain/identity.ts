import { createHash } from 'node:crypto';

/** sha256, lower-case hex, of the given parts; each part is length-prefixed so that no two lists collide. */
export function digestOf(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest('hex');
}

/**
 * A UID that is the same each time for the same run and purpose: "2.25." + 128 bits in decimal
 * (PS3.5 B.2, at most 44 characters). The bits carry the version and variant of an RFC 9562 version 8 UUID.
 */
export function deriveUid(runKey: string, purpose: string): string {
  return `2.25.${BigInt(`0x${deriveUuid(runKey, purpose).replaceAll('-', '')}`)}`;
}

/** RFC 9562 version 8 UUID over the same bits as `deriveUid`; FHIR ids and urn:uuid references use it. */
export function deriveUuid(runKey: string, purpose: string): string {
  const hex = digestOf([runKey, purpose]).slice(0, 32).split('');
  hex[12] = '8';
  hex[16] = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  const h = hex.join('');
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}

/**
 * A UUID that grows with time (version 7, RFC 9562 5.7): rows with such ids are neighbours in an index when they were
 * made together, so that a commit touches few of its pages.
 *
 * @param milliseconds since 1970. @param random ten bytes.
 */
export function timeUuid(milliseconds: number, random: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(milliseconds, 0, 6);
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
