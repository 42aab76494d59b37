import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertExists,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertIsError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "./mod.ts";
import nodeAssert from "node:assert/strict";

/** What passes and what fails, per assertion; `node:assert` judges, so that no assertion judges itself. */
const CASES: Record<string, { passes: readonly (() => void)[]; fails: readonly (() => void)[] }> = {
  assert: { passes: [() => assert(1)], fails: [() => assert(0), () => assert("", "note")] },
  assertEquals: {
    passes: [
      () => assertEquals({ a: [1, NaN] }, { a: [1, NaN] }),
      () => assertEquals(new Uint32Array([1, 2]), new Uint32Array([1, 2])),
    ],
    fails: [() => assertEquals([1], [2]), () => assertEquals<unknown>(1, "1"), () => assertEquals([1], [2], "note")],
  },
  assertNotEquals: { passes: [() => assertNotEquals([1], [2])], fails: [() => assertNotEquals([1], [1])] },
  assertStrictEquals: { passes: [() => assertStrictEquals(1, 1)], fails: [() => assertStrictEquals({}, {})] },
  assertExists: { passes: [() => assertExists(0)], fails: [() => assertExists(null), () => assertExists(undefined)] },
  assertInstanceOf: {
    passes: [() => assertInstanceOf(new RangeError(), Error)],
    fails: [() => assertInstanceOf({}, Error)],
  },
  assertAlmostEquals: {
    passes: [() => assertAlmostEquals(1, 1 + 1e-9), () => assertAlmostEquals(1, 1.4, 0.5)],
    fails: [() => assertAlmostEquals(1, 1.1), () => assertAlmostEquals(NaN, 1)],
  },
  assertStringIncludes: {
    passes: [() => assertStringIncludes("abc", "b")],
    fails: [() => assertStringIncludes("abc", "x")],
  },
  assertMatch: { passes: [() => assertMatch("abc", /^a/)], fails: [() => assertMatch("abc", /^b/)] },
  assertGreater: { passes: [() => assertGreater(2, 1)], fails: [() => assertGreater(1, 1)] },
  assertGreaterOrEqual: { passes: [() => assertGreaterOrEqual(1, 1)], fails: [() => assertGreaterOrEqual(0, 1)] },
  assertLess: { passes: [() => assertLess(1, 2)], fails: [() => assertLess(1, 1)] },
  assertLessOrEqual: { passes: [() => assertLessOrEqual(1, 1)], fails: [() => assertLessOrEqual(2, 1)] },
  assertIsError: {
    passes: [() => assertIsError(new RangeError("abc"), RangeError, /b/)],
    fails: [() => assertIsError("abc"), () => assertIsError(new Error("abc"), Error, "x")],
  },
  assertThrows: {
    passes: [() => assertThrows(raise), () => assertThrows(raise, RangeError), () => assertThrows(raise, Error, "bc")],
    fails: [() => assertThrows(() => 1), () => assertThrows(raise, TypeError), () => assertThrows(raise, Error, "x")],
  },
  fail: { passes: [], fails: [() => fail(), () => fail("note")] },
};

function raise(): never {
  throw new RangeError("Abcd");
}

for (const [name, { passes, fails }] of Object.entries(CASES)) {
  Deno.test(`${name}() accepts what it states and throws an AssertionError otherwise`, () => {
    for (const run of passes) run();
    for (const run of fails) nodeAssert.throws(run, AssertionError);
  });
}

Deno.test("assertThrows() returns the error, typed by its class", () => {
  const error: RangeError = assertThrows(raise, RangeError);
  nodeAssert.equal(error.message, "Abcd");
});

Deno.test("assertRejects() resolves to the reason and refuses a value or a synchronous throw", async () => {
  const reject = () => Promise.reject(new RangeError("Abcd"));
  const error: RangeError = await assertRejects(reject, RangeError, "bc");
  nodeAssert.equal(error.message, "Abcd");
  await assertRejects(reject);
  await nodeAssert.rejects(assertRejects(() => Promise.resolve(1)), AssertionError);
  await nodeAssert.rejects(assertRejects(reject, TypeError), AssertionError);
  await nodeAssert.rejects(assertRejects(raise), AssertionError);
});

Deno.test("an assertion's note is part of its message", () => {
  for (
    const run of [() => assertEquals(1, 2, "the note"), () => assertLess(2, 1, "the note"), () => fail("the note")]
  ) {
    nodeAssert.throws(run, /the note/);
  }
});
