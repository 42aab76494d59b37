import { assert, assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "./errors.ts";
import { decodeText } from "./text.ts";

const TEXT = "Grüße\nκόσμε 𝄞\n\tend", utf8 = new TextEncoder();

function utf16(text: string, bigEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(2 * text.length), view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), !bigEndian);
  return bytes;
}

Deno.test("decodeText() reads UTF-8 and UTF-16 with and without marks, and every line end", () => {
  for (const written of [TEXT, TEXT.replaceAll("\n", "\r\n"), TEXT.replaceAll("\n", "\r")]) {
    for (
      const bytes of [
        utf8.encode(written),
        utf8.encode(`\uFEFF${written}`),
        utf16(`\uFEFF${written}`, false),
        utf16(`\uFEFF${written}`, true),
      ]
    ) assertEquals(decodeText(bytes, "f"), TEXT);
  }
  assertEquals(decodeText(new Uint8Array(0), "f"), "");
  assertEquals(decodeText(utf8.encode("a"), "f"), "a");
});

Deno.test("decodeText() refuses what is not text, and does not repeat it", () => {
  const cases = [
    utf16(TEXT, false),
    utf16(`\uFEFF${TEXT}`, false).subarray(0, 7),
    Uint8Array.of(...utf16("\uFEFF", false), 0x00, 0xd8),
    Uint8Array.of(0x47, 0x72, 0xfc, 0xdf, 0x65),
    utf8.encode("secret\0"),
    utf8.encode("secret\x1a"),
    Uint8Array.of(0x1f, 0x8b, 8, 0),
  ];
  for (const bytes of cases) {
    const error = assertThrows(() => decodeText(bytes, "prompts.txt"), ModelError, "prompts.txt");
    assert(!error.message.includes("secret"), error.message);
  }
});
