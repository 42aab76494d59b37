/** Twin of the canonical CBOR of frame heads, RFC 8949 as SPEC.md §9.4 narrows it: whole numbers, texts, arrays, maps in their order, null. Imports nothing. */

/** A head of a kind and a value, in the fewest bytes. */
function head(major: number, value: number): number[] {
  const bytes = value < 24 ? 0 : value < 2 ** 8 ? 1 : value < 2 ** 16 ? 2 : 4;
  const extra = Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** (bytes - 1 - i)) % 256);
  return [32 * major + (bytes === 0 ? value : 24 + Math.log2(bytes)), ...extra];
}

/** The encoding of a value. */
export function encode(value: unknown): number[] {
  if (value === null) return [0xf6];
  if (typeof value === "number") return head(0, value);
  if (typeof value === "string") {
    const bytes = new TextEncoder().encode(value);
    return [...head(3, bytes.length), ...bytes];
  }
  if (Array.isArray(value)) return [...head(4, value.length), ...value.flatMap(encode)];
  const entries = Object.entries(value as object);
  return [...head(5, entries.length), ...entries.flatMap(([name, item]) => [...encode(name), ...encode(item)])];
}
