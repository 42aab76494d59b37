import { assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { decodeSafetensors, encodeSafetensors, SAFETENSORS_PREFIX_BYTES } from "./safetensors.ts";

/** Lays out a file of this header (an object, or text as it is) and so many zero bytes. */
function fileOf(header: unknown, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(SAFETENSORS_PREFIX_BYTES + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, SAFETENSORS_PREFIX_BYTES);
  return bytes;
}

function entry(shape: unknown, begin: number, end: number, dtype: unknown = "F32"): Record<string, unknown> {
  return { dtype, shape, data_offsets: [begin, end] };
}

const values = Float32Array.of(0, -0, 1, -1.5, 0.25, 65504);

for (const dtype of ["F32", "F16", "BF16"] as const) {
  Deno.test(`decodeSafetensors() reads what encodeSafetensors() wrote as ${dtype}`, () => {
    const representable = dtype === "BF16" ? values.map((x) => (x === 65504 ? 65280 : x)) : values;
    const bytes = encodeSafetensors({
      scalar: { shape: [], data: Float32Array.of(3) },
      empty: { shape: [0, 4], data: new Float32Array() },
      "w.é": { shape: [2, 3], data: representable },
    }, dtype);

    const file = decodeSafetensors(bytes);

    assertEquals([...file.header.tensors.keys()].sort(), ["empty", "scalar", "w.é"]);
    assertEquals(file.tensor("w.é"), { shape: [2, 3], data: representable });
    assertEquals(file.tensor("scalar").data, Float32Array.of(3));
    assertEquals(file.tensor("empty").data.length, 0);
  });
}

Deno.test("decodeSafetensors() reads bytes at any offset of a larger buffer", () => {
  const bytes = encodeSafetensors({ w: { shape: [6], data: values } });
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);

  assertEquals(decodeSafetensors(shifted.subarray(3)).tensor("w").data, values);
});

Deno.test("decodeSafetensors() accepts files whose header lists tensors in another order than their bytes", () => {
  const bytes = fileOf({ b: entry([1], 4, 8), a: entry([1], 0, 4), __metadata__: { format: "pt" } }, 8);

  assertEquals([...decodeSafetensors(bytes).header.tensors.keys()], ["a", "b"]);
});

Deno.test("encodeSafetensors() refuses data that does not fit its shape", () => {
  assertThrows(
    () => encodeSafetensors({ w: { shape: [2, 2], data: values } }),
    TypeError,
    "needs 4 elements: received 6",
  );
});

Deno.test("decodeSafetensors() names a missing tensor and the file", () => {
  const file = decodeSafetensors(fileOf({ w: entry([1], 0, 4) }, 4), "part-1.safetensors");

  assertThrows(() => file.tensor("v"), ModelError, "Cannot read tensor v as part-1.safetensors must hold it");
});

Deno.test("decodeSafetensors() refuses a type that is no float when the tensor is asked for, naming both", () => {
  const file = decodeSafetensors(fileOf({ ids: entry([1], 0, 8, "I64"), w: entry([1], 8, 12) }, 12));

  assertEquals(file.tensor("w").shape, [1]);
  assertThrows(
    () => file.tensor("ids"),
    ModelError,
    "Cannot read tensor ids as its type must be one of F32, F16, BF16: received I64",
  );
});

Deno.test("decodeSafetensors() says how many bytes a file truncated at any point must have", () => {
  const bytes = encodeSafetensors({ w: { shape: [6], data: values } });
  for (let length = 0; length < bytes.length; length++) {
    const error = assertThrows(() => decodeSafetensors(bytes.subarray(0, length)), ModelError);
    assertEquals(error.message.endsWith(`received ${length}`), true, `length=${length}: ${error.message}`);
  }
  assertThrows(() => decodeSafetensors(bytes.subarray(0, -1)), ModelError, `need ${bytes.length} bytes: received`);
});

const BAD: readonly [what: string, file: Uint8Array, message: string][] = [
  ["bytes after the last tensor", fileOf({ w: entry([1], 0, 4) }, 5), "need"],
  ["a header that is not JSON", fileOf("{oops", 0), "must be JSON"],
  ["a header that is a list", fileOf([], 0), "must hold a JSON object: received a list of 0"],
  ["an entry that is no object", fileOf({ w: 3 }, 0), "tensor w) as its entry must be an object: received 3"],
  ["an unknown type", fileOf({ w: entry([1], 0, 4, "Q4") }, 4), 'dtype must be a known element type: received "Q4"'],
  ["a negative length", fileOf({ w: entry([-1], 0, 4) }, 4), "shape must be a list of counts"],
  ["an absent shape", fileOf({ w: entry(null, 0, 4) }, 4), "shape must be a list of counts: received no value"],
  ["one offset", fileOf({ w: { dtype: "F32", shape: [1], data_offsets: [0] } }, 4), "must be two byte offsets"],
  ["offsets in the wrong order", fileOf({ w: entry([1], 4, 0) }, 4), "must span 4 bytes: received -4"],
  ["a span that does not fit the shape", fileOf({ w: entry([2], 0, 4) }, 4), "must span 8 bytes: received 4"],
  ["a shape that overflows", fileOf({ w: entry([2 ** 50, 2 ** 50], 0, 4) }, 4), "must span"],
  ["tensors that overlap", fileOf({ a: entry([2], 0, 8), b: entry([2], 4, 12) }, 12), "tensor b must begin"],
  [
    "a gap between tensors",
    fileOf({ a: entry([1], 0, 4), b: entry([1], 8, 12) }, 12),
    "at byte 4 of the data: received 8",
  ],
  ["a tensor past the end", fileOf({ w: entry([3], 0, 12) }, 8), "need"],
];
for (const [what, file, message] of BAD) {
  Deno.test(`decodeSafetensors() refuses ${what}`, () => {
    assertThrows(() => decodeSafetensors(file), ModelError, message);
  });
}

Deno.test("decodeSafetensors() refuses a header longer than the format allows", () => {
  const bytes = new Uint8Array(16).fill(0xff);

  assertThrows(() => decodeSafetensors(bytes), ModelError, "its header must have at most 100000000 bytes");
});
