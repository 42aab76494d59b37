import { assertEquals, assertThrows } from "@std/assert";
import { dither } from "./dither/gate.ts";
import { extend } from "./extend/gate.ts";
import type { ClearReader } from "./key.ts";
import type { Primitive } from "./primitive.ts";
import { type Kind, wire } from "./tensor.ts";
import { splice } from "./splice/gate.ts";
import { squares } from "./squares/gate.ts";
import { truncate } from "./truncate/gate.ts";

/** A reader whose coins never round up. */
const reader: Pick<ClearReader, "coins"> = { coins: (bits, count) => new Uint32Array(count).fill(2 ** bits - 1) };

/** Tests that a gate declares the limit, reads what lies within it, and refuses the rest. */
function testLimit<P>(
  { name, limit, clear }: Pick<Primitive<P, ["wire"], Kind>, "name" | "limit" | "clear">,
  params: P,
  ringBits: number,
  expected: number,
): void {
  const input = (value: number) =>
    wire("clear", { ringBits, scale: 10, extent: { rows: 1, cols: [1] } }, Float64Array.of(value));
  const read = (value: number) => clear(params, [input(value)], reader as ClearReader);
  Deno.test(`${name} reads what lies within its limit of ${expected} in ${ringBits} bits, and nothing beyond`, () => {
    assertEquals(limit!(params, [input(0)]), expected);
    for (const value of [expected - 1, -expected]) read(value);
    for (const value of [expected, -expected - 1]) assertThrows(() => read(value), RangeError, "as the value must lie");
  });
}

const knownTo = "both", splicing = { digits: [5, 9, 6], skip: 0, valueBits: 32, ringBits: 32, knownTo } as const;
testLimit(truncate, { by: 12, to: 32, rounding: "floor", full: 0, knownTo }, 32, 2 ** 30);
testLimit(truncate, { by: 12, to: 20, rounding: "floor", full: 0, knownTo }, 32, 2 ** 31);
testLimit(truncate, { by: 10, to: 20, rounding: "floor", full: 0, knownTo }, 32, 2 ** 29);
testLimit(dither, { by: 12, to: 21, knownTo }, 32, 2 ** 30);
testLimit(dither, { by: 12, to: 20, knownTo }, 32, 2 ** 31);
testLimit(dither, { by: 10, to: 20, knownTo }, 32, 2 ** 29);
testLimit(extend, { to: 40, knownTo }, 32, 2 ** 30);
testLimit(squares, { outBits: 40, operandBits: 20 }, 20, 2 ** 18);
testLimit(splice, { ...splicing, function: "silu" }, 32, 2 ** 19 - 2 ** 13);
testLimit(splice, { ...splicing, function: "silu" }, 20, 2 ** 18);
testLimit(splice, { ...splicing, function: "tanh_plus_1" }, 20, 2 ** 19 - 2 ** 13);
