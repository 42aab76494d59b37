/**
 * Fills an array with reproducible normal values: sfc32 for the bits, Marsaglia's polar method for the shape.
 *
 * This is NOT cryptographic and must never make a share, mask or seed: it makes public test data, the same on every
 * machine, and quickly (weights of billions of parameters).
 *
 * @param out Filled with values of N(0, sigma^2).
 * @param sigma Standard deviation.
 * @param label Names the stream: the same label gives the same values.
 */
export function fillNormal(out: Float32Array, sigma: number, label: string): void {
  let [a, b, c] = hashWords(label);
  let counter = 1;
  // The state lives in locals, not in an object, because this loop is all that synthetic weights cost.
  const nextWord = (): number => {
    const word = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + word | 0;
    return word;
  };
  for (let warmUp = 0; warmUp < 16; warmUp++) nextWord();

  for (let i = 0; i < out.length; i += 2) {
    let x: number, y: number, square: number;
    do { // a point in the unit disc; its direction is uniform and its squared radius is too
      x = nextWord() * 2 ** -31;
      y = nextWord() * 2 ** -31;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const stretch = sigma * Math.sqrt(-2 * Math.log(square) / square);
    out[i] = x * stretch;
    if (i + 1 < out.length) out[i + 1] = y * stretch;
  }
}

/** Hashes a label to three words: FNV-1a with three offsets, each finished so that all bits depend on all others. */
function hashWords(label: string): [number, number, number] {
  const words = [0x811c9dc5, 0x9e3779b9, 0x7f4a7c15].map((offset) => {
    let hash = offset;
    for (const byte of new TextEncoder().encode(label)) hash = Math.imul(hash ^ byte, 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  });
  return words as [number, number, number];
}
