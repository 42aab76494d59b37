/**
 * Public tables are made once. They are part of the plan's digest: both parties must build the same integers.
 *
 * @module
 */

const made = new Map<string, unknown>();

/** What `make` gives for a key, which begins with the name of the table and says all that the table follows from. */
export function memo<T>(key: string, make: () => T): T {
  let value = made.get(key) as T | undefined;
  if (value === undefined) made.set(key, value = make());
  return value;
}
