import { assertEquals, assertThrows } from "@std/assert";
import type { Handle } from "../engine.ts";
import { type Gate, open, type Opening, par } from "./opening.ts";

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
