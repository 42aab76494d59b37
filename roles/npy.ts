/** The bytes of a `.npy` file (format 1.0) of 32-bit floats in row-major order. */
export function encodeNpy(values: ArrayLike<number>, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const lengths = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${lengths}), }`, prefix = 10;
  // The data begin at a multiple of 64 bytes, after a line feed.
  const text = header.padEnd(Math.ceil((prefix + header.length + 1) / 64) * 64 - prefix - 1) + "\n";
  const out = new Uint8Array(prefix + text.length + 4 * values.length), view = new DataView(out.buffer);
  out.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0]);
  view.setUint16(8, text.length, true);
  out.set(new TextEncoder().encode(text), prefix);
  for (let i = 0; i < values.length; i++) view.setFloat32(prefix + text.length + 4 * i, values[i]!, true);
  return out;
}
