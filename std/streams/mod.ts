/**
 * The part of `@std/streams` that this project uses.
 *
 * @module
 */
export * from "./merge_readable_streams.ts";
export * from "./text_line_stream.ts";
export * from "./to_array_buffer.ts";
export * from "./to_text.ts";
