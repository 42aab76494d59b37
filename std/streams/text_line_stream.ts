/** Options of {@link TextLineStream}. */
export interface TextLineStreamOptions {
  /** Whether a lone `\r` also ends a line; by default only `\n` and `\r\n` do. */
  allowCR?: boolean;
}

/** Splits a stream of strings into lines, without their line ends. */
export class TextLineStream extends TransformStream<string, string> {
  constructor(options: TextLineStreamOptions = {}) {
    const lineEnd = options.allowCR ? /\r\n|\n|\r(?!$)/ : /\r?\n/;
    let rest = "";
    super({
      transform(chunk, out) {
        const lines = (rest + chunk).split(lineEnd);
        rest = lines.pop() ?? "";
        for (const line of lines) out.enqueue(line);
      },
      flush(out) {
        // A trailing "\r" waited for a "\n" that never came.
        if (options.allowCR && rest.endsWith("\r")) rest = rest.slice(0, -1);
        if (rest !== "") out.enqueue(rest);
      },
    });
  }
}
