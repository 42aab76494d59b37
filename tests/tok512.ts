/** A tokenizer file of llama2.c, decoding only: the 260,000-parameter story model has no `tokenizer.json`. */
export interface Tok512 {
  /** Returns the text of ids that follow the beginning-of-text token (id 1). */
  decode(ids: readonly number[]): string;
}

/**
 * Reads the file: u32 longest piece in bytes, then for each id f32 score, i32 length, bytes, all little-endian.
 *
 * @throws {SyntaxError} If the file ends inside an entry.
 */
export function readTok512(bytes: Uint8Array): Tok512 {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: Uint8Array[] = [];
  for (let at = 4; at < bytes.length;) {
    if (at + 8 > bytes.length || at + 8 + view.getInt32(at + 4, true) > bytes.length) {
      throw new SyntaxError(`Cannot read tok512.bin as it must hold whole entries: received ${bytes.length} bytes`);
    }
    const begin = at + 8;
    at = begin + view.getInt32(at + 4, true);
    pieces.push(pieceBytes(bytes.subarray(begin, at)));
  }
  return {
    decode: (ids) => {
      const parts = ids.map((id) => pieces[id]!);
      const text = new TextDecoder().decode(Uint8Array.from(parts.flatMap((part) => [...part])));
      return text.startsWith(" ") ? text.slice(1) : text; // the first piece after the beginning carries a space
    },
  };
}

/** A piece spelled `<0x0A>` stands for that one byte. */
function pieceBytes(piece: Uint8Array): Uint8Array {
  const hex = /^<0x([0-9A-F]{2})>$/.exec(new TextDecoder().decode(piece))?.[1];
  return hex === undefined ? piece : Uint8Array.of(parseInt(hex, 16));
}
