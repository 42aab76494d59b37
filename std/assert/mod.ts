/**
 * Assertions with the names and types of `@std/assert`, as a thin layer over `node:assert`.
 *
 * @module
 */
import nodeAssert from "node:assert/strict";
import { inspect } from "node:util";

/** Error of a failed assertion. */
export class AssertionError extends Error {
  /** Takes the message, and optionally the cause. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

// The real package lets an abstract class stand for "any error class that a test may name".
// deno-lint-ignore no-explicit-any
type AnyClass<E> = abstract new (...args: any[]) => E;

function withNote(text: string, note: string | undefined): string {
  return note === undefined ? text : `${text}: ${note}`;
}

/** Runs an assertion of `node:assert`, and throws its failure as ours. */
function judge(run: () => void, msg: string | undefined): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof nodeAssert.AssertionError)) throw error;
    throw new AssertionError(msg === undefined ? error.message : `${msg}\n${error.message}`);
  }
}

/** Fails with the given reason. */
export function fail(msg?: string): never {
  throw new AssertionError(withNote("Failed assertion", msg));
}

/** Asserts that `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that two values are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  judge(() => nodeAssert.deepStrictEqual(actual, expected), msg);
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  judge(() => nodeAssert.notDeepStrictEqual(actual, expected), msg);
}

/** Asserts that two values are identical in the sense of `Object.is`. */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  judge(() => nodeAssert.strictEqual(actual, expected), msg);
}

/** Asserts that a value is neither null nor undefined. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    fail(withNote(`Expected actual: "${actual}" to not be null or undefined`, msg));
  }
}

/** Asserts that a value was constructed by a class, or by one that extends it. */
export function assertInstanceOf<T extends AnyClass<unknown>>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (!(actual instanceof expectedType)) {
    fail(withNote(`Expected object to be an instance of "${expectedType.name}" but was ${inspect(actual)}`, msg));
  }
}

/** Asserts that two numbers differ by at most `tolerance`, by default a ten-millionth of `expected`. */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (!(Math.abs(expected - actual) <= allowed)) {
    fail(withNote(`Expected ${actual} to be within ${allowed} of ${expected}`, msg));
  }
}

/** Asserts that a string contains another. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) {
    fail(withNote(`Expected actual: ${inspect(actual)} to contain: ${inspect(expected)}`, msg));
  }
}

/** Asserts that a string matches a regular expression. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) fail(withNote(`Expected actual: ${inspect(actual)} to match: ${expected}`, msg));
}

/** Asserts that `actual` is above `expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) fail(withNote(`Expect ${inspect(actual)} > ${inspect(expected)}`, msg));
}

/** Asserts that `actual` is `expected` or above. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) fail(withNote(`Expect ${inspect(actual)} >= ${inspect(expected)}`, msg));
}

/** Asserts that `actual` is below `expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) fail(withNote(`Expect ${inspect(actual)} < ${inspect(expected)}`, msg));
}

/** Asserts that `actual` is `expected` or below. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) fail(withNote(`Expect ${inspect(actual)} <= ${inspect(expected)}`, msg));
}

/** Asserts that a value is an error, of a class and with a message part where given. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: AnyClass<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) fail(withNote(`Expected "error" to be an Error object`, msg));
  if (ErrorClass !== undefined && !(error instanceof ErrorClass)) {
    fail(withNote(`Expected error to be instance of "${ErrorClass.name}", but was "${error.constructor.name}"`, msg));
  }
  if (msgMatches === undefined) return;
  const found = typeof msgMatches === "string" ? error.message.includes(msgMatches) : msgMatches.test(error.message);
  if (!found) {
    const wanted = inspect(msgMatches);
    fail(withNote(`Expected error message to include ${wanted}, but got ${inspect(error.message)}`, msg));
  }
}

// The last arguments of both overloads, (msg?) and (ErrorClass, msgIncludes?, msg?), told apart by the first of them.
interface Expected<E> {
  readonly ErrorClass: AnyClass<E> | undefined;
  readonly msgIncludes: string | undefined;
  readonly msg: string | undefined;
}

function parseExpected<E>(first: AnyClass<E> | string | undefined, msgIncludes?: string, msg?: string): Expected<E> {
  return typeof first === "function"
    ? { ErrorClass: first, msgIncludes, msg }
    : { ErrorClass: undefined, msgIncludes: undefined, msg: first };
}

function checkThrown<E extends Error>(thrown: unknown, { ErrorClass, msgIncludes, msg }: Expected<E>): unknown {
  if (ErrorClass !== undefined) assertIsError(thrown, ErrorClass, msgIncludes, msg);
  return thrown;
}

/** Asserts that a function throws, and returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Asserts that a function throws an error of a class, whose message contains `msgIncludes`, and returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: AnyClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error>(
  fn: () => unknown,
  first?: AnyClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const expected = parseExpected(first, msgIncludes, msg);
  try {
    fn();
  } catch (thrown) {
    return checkThrown(thrown, expected);
  }
  fail(withNote("Expected function to throw", expected.msg));
}

/** Asserts that a function's promise rejects, and resolves to the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Asserts that a function's promise rejects with an error of a class, whose message contains `msgIncludes`. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: AnyClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  first?: AnyClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const expected = parseExpected(first, msgIncludes, msg);
  let pending: PromiseLike<unknown>;
  try {
    pending = fn();
  } catch {
    // As in the real package, a synchronous throw is not a rejection.
    fail(withNote("Function throws when expected to reject", expected.msg));
  }
  try {
    await pending;
  } catch (reason) {
    return checkThrown(reason, expected);
  }
  fail(withNote("Expected function to reject", expected.msg));
}
