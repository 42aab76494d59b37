/**
 * Tables of Markdown pages, as tests read them.
 *
 * @module
 */

/** A table: its header and its rows, cell by cell. */
export interface MarkdownTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The tables of a page, in order. */
export function tablesOf(page: string): MarkdownTable[] {
  return [...page.matchAll(/(?:^\|.*\|\n)+/gm)].map(([text]) => {
    const lines = text.trimEnd().split("\n").map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()));
    return { header: lines[0]!, rows: lines.slice(2) };
  });
}

/** The table of a page whose first column is so called. */
export function tableOf(page: string, firstColumn: string): MarkdownTable | undefined {
  return tablesOf(page).find(({ header }) => header[0] === firstColumn);
}
