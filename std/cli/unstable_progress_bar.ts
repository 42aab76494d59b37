/** What a custom format is given at each update. */
export interface ProgressBarFormatter {
  /** Time since the start, as `mm:ss`. */
  styledTime: string;
  /** The bar, as `###-------`. */
  progressBar: string;
  /** Milliseconds since the start. */
  time: number;
  /** The same at the previous update. */
  previousTime: number;
  /** Current value. */
  value: number;
  /** The same at the previous update. */
  previousValue: number;
  /** Value at the end. */
  max: number;
}

/** Options of {@link ProgressBar}. */
export interface ProgressBarOptions {
  /** Where the bar is written; standard error by default. */
  writable?: WritableStream<Uint8Array>;
  /** Value at the start; 0 by default. */
  value?: number;
  /** Value at the end. */
  max: number;
  /** Width of the bar in characters; 50 by default. */
  barLength?: number;
  /** Character of what is done; `#` by default. */
  fillChar?: string;
  /** Character of what is left; `-` by default. */
  emptyChar?: string;
  /** Whether the bar disappears when it stops. */
  clear?: boolean;
  /** Draws the line; by default `[mm:ss] [###-------] [24.00/97.66 KiB]`. */
  fmt?: (fmt: ProgressBarFormatter) => string;
  /** Whether `writable` stays open when the bar stops; true by default. */
  keepOpen?: boolean;
}

const CLEAR_LINE = "\r\x1b[K";
const INTERVAL_MS = 1000;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function drawDefault(x: ProgressBarFormatter): string {
  const power = Math.max(0, Math.min(UNITS.length - 1, Math.floor(Math.log2(x.max) / 10)));
  const digits = power === 0 ? 0 : 2, amount = (bytes: number) => (bytes / 1024 ** power).toFixed(digits);
  return `[${x.styledTime}] [${x.progressBar}] [${amount(x.value)}/${amount(x.max)} ${UNITS[power]}]`;
}

/**
 * A progress bar that redraws itself each second, and once more when it stops.
 *
 * @example Drawing to a stream
 * ```ts
 * import { ProgressBar } from "@std/cli/unstable-progress-bar";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, { highWaterMark: 8 });
 * const bar = new ProgressBar({ writable, max: 4, barLength: 4, keepOpen: false });
 * const text = new Response(readable).text();
 * bar.value = 3;
 * await bar.stop();
 *
 * assertStringIncludes(await text, "[###-] [3/4 B]");
 * ```
 */
export class ProgressBar {
  /** Current value. */
  value: number;
  /** Value at the end. */
  max: number;

  readonly #options: ProgressBarOptions;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #startMs = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  #previousTime = 0;
  #previousValue: number;

  /** Draws the bar, and again each second until `stop`. */
  constructor(options: ProgressBarOptions) {
    this.#options = options;
    this.value = options.value ?? 0;
    this.max = options.max;
    this.#previousValue = this.value;
    this.#writer = (options.writable ?? Deno.stderr.writable).getWriter();
    this.#timer = setInterval(() => void this.#draw(), INTERVAL_MS);
    void this.#draw();
  }

  /** Draws the bar for the last time, and lets go of the stream. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#options.clear) await this.#write(CLEAR_LINE);
    else {
      await this.#draw();
      await this.#write("\n");
    }
    if (this.#options.keepOpen ?? true) this.#writer.releaseLock();
    else await this.#writer.close().catch(() => {});
  }

  #draw(): Promise<void> {
    const { barLength = 50, fillChar = "#", emptyChar = "-", fmt = drawDefault } = this.#options;
    const time = performance.now() - this.#startMs, seconds = Math.floor(time / 1000);
    const fillCount = Math.trunc(Math.min(1, Math.max(0, this.value / this.max)) * barLength);
    const line = fmt({
      styledTime: [Math.floor(seconds / 60), seconds % 60].map((part) => String(part).padStart(2, "0")).join(":"),
      progressBar: fillChar.repeat(fillCount) + emptyChar.repeat(barLength - fillCount),
      time,
      previousTime: this.#previousTime,
      value: this.value,
      previousValue: this.#previousValue,
      max: this.max,
    });
    this.#previousTime = time;
    this.#previousValue = this.value;
    return this.#write(CLEAR_LINE + line);
  }

  async #write(text: string): Promise<void> {
    try {
      await this.#writer.write(new TextEncoder().encode(text));
    } catch {
      // A bar that cannot be drawn, say to a closed pipe, must not end the program.
    }
  }
}
