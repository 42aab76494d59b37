import { assertEquals, assertThrows } from "@std/assert";
import type { Handle } from "../engine.ts";
import { exp } from "./exp/gate.ts";
import { recordBits } from "./key.ts";
import { type Gate, open, type Opening, par } from "./opening.ts";
import { assertKnownToBoth, assertRange, assertWordRing, type Context } from "./primitive.ts";
import { blockCounts, columnExtent, elementCount, maskWords, type Share, share, type Wire, wire } from "./tensor.ts";
import { add } from "./local/gate.ts";
import { hold, multiply } from "./products/gate.ts";
import { squares } from "./squares/gate.ts";
import { truncate } from "./truncate/gate.ts";

const extent = { rows: 2, cols: [1, 3] };

/** Never called: its lines must not compile, and `deno check` says so where one of them does. */
export function typing(
  clear: Context<"clear">,
  mask: Context<"mask">,
  masked: Context<"masked">,
  z: Share<"masked">,
  x: Wire<"masked">,
  r: Wire<"mask">,
): void {
  masked.gate("right", hold, {}, x);
  // @ts-expect-error A share is not a wire: it has to be opened first.
  masked.gate("share", hold, {}, z);
  // @ts-expect-error A share does not stand in for a masked value.
  masked.gate("share", squares, { outBits: 40, operandBits: 32 }, z);
  // @ts-expect-error Local operations read wires.
  masked.local(add, {}, x, z);
  // @ts-expect-error A wire has no standing share: it has to be held first.
  masked.gate("wire", multiply, { broadcast: false }, x, x);
  // @ts-expect-error The dealer's masks are not masked values.
  masked.gate("mask", hold, {}, r);
  // @ts-expect-error Masked values are not masks.
  mask.gate("masked", hold, {}, x);
  // @ts-expect-error Masked values are not clear.
  clear.gate("masked", hold, {}, x);
  // @ts-expect-error A mask context is not a masked context.
  const wrong: Context<"masked"> = mask;
  // @ts-expect-error Nor the other way round.
  const alsoWrong: Context<"mask"> = masked;
  // @ts-expect-error A wire of masks is not a wire of masked values.
  const data: Wire<"masked"> = r;
  // @ts-expect-error Every parameter is named: no ring by default.
  masked.gate("exp", exp, { digits: [8, 6, 6], tableScale: 11 }, x);
  masked.gate("share", truncate, { by: 1, to: 32, rounding: "nearest", full: 0, knownTo: "both" }, z);
  typing(clear, wrong as never, alsoWrong as never, z, data, r);
}

/** A gate of `exchanges` exchanges that opens `name` and its number. */
function* steps(name: number, exchanges: number): Gate<number> {
  for (let i = 0; i < exchanges; i++) yield [{ kind: "add", bits: [name, i], count: 1, share: null }];
  return name;
}

/** Runs a gate and lists what every exchange opens. */
function trace<T>(gate: Gate<T>): [T, (readonly Opening["bits"][])[]] {
  const exchanges: (readonly Opening["bits"][])[] = [];
  for (let next = gate.next();; next = gate.next([])) {
    if (next.done) return [next.value, exchanges];
    exchanges.push(next.value.map((opening) => opening.bits));
  }
}

Deno.test("par() opens the n-th exchanges of all gates together, in the order of the gates", () => {
  assertEquals(trace(par(steps(7, 2), steps(8, 1), steps(9, 3))), [[7, 8, 9], [
    [[7, 0], [8, 0], [9, 0]],
    [[7, 1], [9, 1]],
    [[9, 2]],
  ]]);
});

Deno.test("par() takes no exchange for gates that have none, and nests", () => {
  assertEquals(trace(par()), [[], []]);
  assertEquals(trace(par(steps(1, 0), steps(2, 0))), [[1, 2], []]);
  assertEquals(trace(par(par(steps(1, 1), steps(2, 2)), steps(3, 1))), [[[1, 2], 3], [
    [[1, 0], [2, 0], [3, 0]],
    [[2, 1]],
  ]]);
});

Deno.test("par() passes a gate's error on", () => {
  // deno-lint-ignore require-yield -- it fails before its first exchange
  function* fails(): Gate<number> {
    throw new RangeError("Cannot go on");
  }
  assertThrows(() => trace(par(steps(1, 1), fails())), RangeError, "Cannot go on");
});

Deno.test("par() gives every gate the answers to its own openings", () => {
  function* asks(...counts: number[]): Gate<number[]> {
    const answers: number[] = [];
    for (const count of counts) {
      const openings = Array.from(
        { length: count },
        () => ({ kind: "xor", bits: [8, 8], count: 1, share: null }) as const,
      );
      for (const answer of yield openings) answers.push(answer[0]!);
    }
    return answers;
  }
  const gate = par(asks(1, 0, 2), asks(2), asks(0, 1));
  let first = 0, next = gate.next();
  for (; !next.done; first += 10) next = gate.next(next.value.map((_, i) => Uint8Array.of(first + i)));
  assertEquals(next.value, [[0, 20, 21], [1, 2], [10]]);
});

Deno.test("open() asks for what the plan says and gives what comes back", () => {
  const sizes = [{ kind: "add", bits: [32, 32], count: 1 }, { kind: "xor", bits: [3, 3], count: 1 }] as const;
  const handle = (): Handle => ({ count: 1, wordsPerElement: 1 }), [a, b] = [handle(), handle()];
  const gate = open(sizes, handle(), handle()), openings = gate.next().value as readonly Opening[];
  assertEquals(openings.map(({ kind, bits, count }) => ({ kind, bits, count })), sizes.map((size) => ({ ...size })));
  const [first, second] = gate.next([a!, b!]).value as Handle[];
  assertEquals([first === a, second === b], [true, true]);
});

Deno.test("extents count elements by block", () => {
  assertEquals(blockCounts(extent), [2, 6]);
  assertEquals(elementCount(extent), 8);
  assertEquals(columnExtent(extent), { rows: 2, cols: [1, 1] });
  assertEquals(recordBits([{ name: "a", bits: 3 }, { name: "b", bits: 32 }]), 35);
});

Deno.test("assertRange() accepts [-limit, limit) and names no value", () => {
  assertRange(Float64Array.of(-8, 7), 8, "hold it");
  for (const value of [8, -9, NaN]) {
    const error = assertThrows(() => assertRange(Float64Array.of(0, value), 8, "hold it"), RangeError, "±2^3");
    assertEquals(error.message.includes(String(value)), false);
  }
});

Deno.test("assertKnownToBoth(), assertWordRing() and maskWords() refuse what a gate cannot read", () => {
  const x = wire("plan", { ringBits: 32, scale: 10, extent }, null);
  assertKnownToBoth(x, "read");
  assertKnownToBoth(share("plan", { ringBits: 32, scale: 10, extent }, null), "read");
  assertThrows(() => assertKnownToBoth({ ...x, knownTo: "party0" }, "read"), RangeError, "both parties");
  for (const ringBits of [0, 33, 1.5]) assertThrows(() => assertWordRing(ringBits, "read"), RangeError, "1 to 32 bits");
  assertThrows(() => maskWords({ data: new BigUint64Array(1) }), TypeError);
});
