/**
 * JSON that people read: whatever fits on a line stands on one.
 *
 * @module
 */

const WIDTH = 120;

/** A value as JSON text, with a newline at its end. */
export function jsonText(value: unknown): string {
  return `${pretty(value, 0)}\n`;
}

function pretty(value: unknown, indent: number): string {
  const flat = oneLine(value);
  if (indent + flat.length <= WIDTH || typeof value !== "object" || value === null) return flat;
  const inner = " ".repeat(indent + 2), outer = " ".repeat(indent);
  if (Array.isArray(value)) {
    return value.every((item) => typeof item === "number") && value.length > 8
      ? `[\n${inner}${wrapped(value as number[], inner)}\n${outer}]`
      : `[\n${value.map((item) => inner + pretty(item, indent + 2)).join(",\n")}\n${outer}]`;
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const lines = entries.map(([name, item]) => `${inner}${JSON.stringify(name)}: ${pretty(item, indent + 2)}`);
  return `{\n${lines.join(",\n")}\n${outer}}`;
}

/** Numbers, as many to a line as fit. */
function wrapped(numbers: readonly number[], indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const [i, number] of numbers.entries()) {
    const text = i === numbers.length - 1 ? `${number}` : `${number}, `;
    if (indent.length + line.length + text.trimEnd().length > WIDTH) {
      lines.push(line.trimEnd());
      line = "";
    }
    line += text;
  }
  return [...lines, line].join(`\n${indent}`);
}

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{ ${entries.map(([name, item]) => `${JSON.stringify(name)}: ${oneLine(item)}`).join(", ")} }`;
}
