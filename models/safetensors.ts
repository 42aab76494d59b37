import { ModelError } from "../core/errors.ts";
import { describe, Fields, isJsonObject, parseJsonObject } from "./fields.ts";

/** Bytes before the header: its length as a little-endian u64. */
export const SAFETENSORS_PREFIX_BYTES = 8;

/** Longest header that is read; the format's own limit. */
export const MAX_SAFETENSORS_HEADER_BYTES = 100_000_000;

/** Bytes of one element of the types that can be read. */
const ELEMENT_BYTES: ReadonlyMap<string, number> = new Map([["F32", 4], ["F16", 2], ["BF16", 2]]);

/** Bytes of one element of the other types of the format: their place in the file is checked, their content is refused. */
const OTHER_ELEMENT_BYTES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    BOOL: 1,
    U8: 1,
    I8: 1,
    F8_E4M3: 1,
    F8_E5M2: 1,
    I16: 2,
    U16: 2,
    I32: 4,
    U32: 4,
    F64: 8,
    I64: 8,
    U64: 8,
  }),
);

/** A tensor in row-major order. */
export interface Tensor {
  /** Lengths, outermost first. */
  readonly shape: readonly number[];
  /** Elements, as many as the product of the lengths. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** One tensor's place in a file, checked against its shape and type. */
export interface TensorEntry {
  /** Element type, as the format names it. */
  readonly dtype: string;
  /** Lengths, outermost first. */
  readonly shape: readonly number[];
  /** First byte, from the file's beginning. */
  readonly beginBytes: number;
  /** One past the last byte, from the file's beginning. */
  readonly endBytes: number;
}

/** What a safetensors file says it holds. */
export interface SafetensorsHeader {
  /** The file's name, for errors. */
  readonly file: string;
  /** Entries by tensor name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/**
 * Reads the header's length from a file's first 8 bytes.
 *
 * @throws {ModelError} If the file is shorter than its header, or the header is longer than the format allows.
 */
export function safetensorsHeaderBytes(prefix: Uint8Array, place: { file: string; sizeBytes: number }): number {
  const { file, sizeBytes } = place;
  if (sizeBytes < SAFETENSORS_PREFIX_BYTES || prefix.length < SAFETENSORS_PREFIX_BYTES) {
    throw new ModelError(
      `Cannot read ${file} as it must hold at least ${SAFETENSORS_PREFIX_BYTES} bytes: received ${sizeBytes}`,
    );
  }
  const headerBytes = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (headerBytes > BigInt(MAX_SAFETENSORS_HEADER_BYTES)) {
    throw new ModelError(
      `Cannot read ${file} as its header must have at most ${MAX_SAFETENSORS_HEADER_BYTES} bytes: received ${headerBytes}`,
    );
  }
  const neededBytes = SAFETENSORS_PREFIX_BYTES + Number(headerBytes);
  if (neededBytes > sizeBytes) {
    throw new ModelError(`Cannot read ${file} as its header needs ${neededBytes} bytes: received ${sizeBytes}`);
  }
  return Number(headerBytes);
}

/**
 * Decodes and checks the header of a safetensors file: every tensor's bytes follow the one before it without a gap or an
 * overlap, have the length that shape and type give, and together fill the file.
 *
 * @param header The header's bytes, without the 8 bytes of its length.
 * @throws {ModelError} If the header is malformed, or the file is truncated or too long.
 */
export function decodeSafetensorsHeader(
  header: Uint8Array,
  place: { file: string; sizeBytes: number },
): SafetensorsHeader {
  const { file, sizeBytes } = place;
  const json = parseJsonObject(header, `${file} (header)`);
  const dataBytes = SAFETENSORS_PREFIX_BYTES + header.length;
  const entries: [string, TensorEntry][] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") continue;
    entries.push([name, decodeEntry(value, { file, name, dataBytes })]);
  }
  // Empty tensors share an offset with their neighbour, so the end breaks the tie.
  entries.sort(([, a], [, b]) => a.beginBytes - b.beginBytes || a.endBytes - b.endBytes);
  let endBytes = dataBytes;
  for (const [name, entry] of entries) {
    if (entry.beginBytes !== endBytes) {
      throw new ModelError(
        `Cannot read ${file} as tensor ${name} must begin where the one before it ends, at byte ` +
          `${endBytes - dataBytes} of the data: received ${entry.beginBytes - dataBytes}`,
      );
    }
    endBytes = entry.endBytes;
  }
  if (endBytes !== sizeBytes) {
    throw new ModelError(`Cannot read ${file} as its tensors need ${endBytes} bytes: received ${sizeBytes}`);
  }
  return { file, tensors: new Map(entries) };
}

/** Checks one header entry: type, shape, and a length that fits both. */
function decodeEntry(value: unknown, at: { file: string; name: string; dataBytes: number }): TensorEntry {
  const { file, name, dataBytes } = at;
  const place = `${file} (tensor ${name})`;
  if (!isJsonObject(value)) {
    throw new ModelError(`Cannot read ${place} as its entry must be an object: received ${describe(value)}`);
  }
  const fields = new Fields(value, place);
  const dtype = fields.raw("dtype");
  const elementBytes = typeof dtype === "string"
    ? ELEMENT_BYTES.get(dtype) ?? OTHER_ELEMENT_BYTES.get(dtype)
    : undefined;
  if (elementBytes === undefined) throw fields.error("dtype", "must be a known element type", dtype);
  const shape = fields.raw("shape");
  if (!isCounts(shape)) throw fields.error("shape", "must be a list of counts", shape);
  const offsets = fields.raw("data_offsets");
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw fields.error("data_offsets", "must be two byte offsets", offsets);
  }
  const [begin, end] = offsets as readonly [number, number];
  const neededBytes = shape.reduce((product, count) => product * count, elementBytes);
  if (end - begin !== neededBytes) {
    throw fields.error("data_offsets", `must span ${neededBytes} bytes`, end - begin);
  }
  return { dtype: dtype as string, shape, beginBytes: dataBytes + begin, endBytes: dataBytes + end };
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}

/**
 * Returns the entry of one tensor.
 *
 * @throws {ModelError} If the file has no such tensor.
 */
export function tensorEntry(header: SafetensorsHeader, name: string): TensorEntry {
  const entry = header.tensors.get(name);
  if (entry === undefined) {
    throw new ModelError(
      `Cannot read tensor ${name} as ${header.file} must hold it: received ${header.tensors.size} other tensors`,
    );
  }
  return entry;
}

/**
 * Decodes one tensor's bytes to 32-bit floats: F32 as it is, F16 and BF16 exactly.
 *
 * @param bytes The tensor's bytes, little-endian like every machine that runs Deno.
 * @param entry The tensor's entry.
 * @param name The tensor's name, for the error.
 * @throws {ModelError} If the element type cannot be read.
 */
export function decodeTensor(bytes: Uint8Array, entry: TensorEntry, name: string): Tensor {
  const { shape, dtype } = entry;
  if (!ELEMENT_BYTES.has(dtype)) {
    throw new ModelError(
      `Cannot read tensor ${name} as its type must be one of ${
        [...ELEMENT_BYTES.keys()].join(", ")
      }: received ${dtype}`,
    );
  }
  // A copy is aligned to its elements; the file's own offset need not be.
  const buffer = new Uint8Array(bytes).buffer;
  if (dtype === "F32") return { shape, data: new Float32Array(buffer) };
  if (dtype === "F16") return { shape, data: new Float32Array(new Float16Array(buffer)) };
  const halves = new Uint16Array(buffer);
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16; // BF16 is the upper half of F32
  return { shape, data: new Float32Array(words.buffer) };
}

/** A safetensors file in memory. */
export interface Safetensors {
  /** What the file holds. */
  readonly header: SafetensorsHeader;
  /** Decodes one tensor; throws a ModelError that names it when it is missing or of a type that cannot be read. */
  tensor(name: string): Tensor;
}

/**
 * Decodes a whole safetensors file.
 *
 * @param bytes The file's bytes; kept, not copied.
 * @param file The file's name, for errors.
 * @throws {ModelError} If the header is malformed, or the file is truncated or too long.
 *
 * @example A round trip
 * ```ts
 * import { decodeSafetensors, encodeSafetensors } from "sluice/models/safetensors.ts";
 * import assert from "node:assert/strict";
 *
 * const bytes = encodeSafetensors({ "a.weight": { shape: [1, 2], data: Float32Array.of(0.5, -2) } });
 *
 * assert.deepEqual([...decodeSafetensors(bytes).tensor("a.weight").data], [0.5, -2]);
 * ```
 */
export function decodeSafetensors(bytes: Uint8Array, file = "model.safetensors"): Safetensors {
  const place = { file, sizeBytes: bytes.length };
  const headerBytes = safetensorsHeaderBytes(bytes, place);
  const dataBytes = SAFETENSORS_PREFIX_BYTES + headerBytes;
  const header = decodeSafetensorsHeader(bytes.subarray(SAFETENSORS_PREFIX_BYTES, dataBytes), place);
  return {
    header,
    tensor: (name) => {
      const entry = tensorEntry(header, name);
      return decodeTensor(bytes.subarray(entry.beginBytes, entry.endBytes), entry, name);
    },
  };
}

/**
 * Encodes tensors as a safetensors file, in the order given.
 *
 * @param tensors Names and tensors; each tensor's data must have as many elements as its shape says.
 * @param dtype `F32`, or `F16` and `BF16`, which round (BF16 towards zero).
 * @throws {TypeError} If a tensor's data does not fit its shape.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  dtype: "F32" | "F16" | "BF16" = "F32",
): Uint8Array<ArrayBuffer> {
  const blobs: Uint8Array[] = [];
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const count = shape.reduce((product, length) => product * length, 1);
    if (count !== data.length) {
      throw new TypeError(`Cannot encode tensor ${name} as its shape needs ${count} elements: received ${data.length}`);
    }
    blobs.push(encodeElements(data, dtype));
  }
  const head = safetensorsHead(Object.entries(tensors).map(([name, { shape }]) => ({ name, shape })), dtype);
  const out = new Uint8Array(blobs.reduce((sum, { length }) => sum + length, head.length));
  let at = 0;
  for (const blob of [head, ...blobs]) {
    out.set(blob, at);
    at += blob.length;
  }
  return out;
}

/** The first bytes of a safetensors file whose tensors follow in this order without gaps. */
export function safetensorsHead(
  tensors: readonly { readonly name: string; readonly shape: readonly number[] }[],
  dtype: "F32" | "F16" | "BF16",
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } }, size = ELEMENT_BYTES.get(dtype)!;
  let endBytes = 0;
  for (const { name, shape } of tensors) {
    const bytes = shape.reduce((product, length) => product * length, size);
    header[name] = { dtype, shape, data_offsets: [endBytes, endBytes += bytes] };
  }
  const json = JSON.stringify(header);
  const text = new TextEncoder().encode(json.padEnd(json.length + (-new TextEncoder().encode(json).length & 7)));
  const out = new Uint8Array(SAFETENSORS_PREFIX_BYTES + text.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(text, SAFETENSORS_PREFIX_BYTES);
  return out;
}

function encodeElements(data: Float32Array, dtype: "F32" | "F16" | "BF16"): Uint8Array {
  if (dtype === "F32") return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (dtype === "F16") return new Uint8Array(new Float16Array(data).buffer);
  const words = new Uint32Array(new Float32Array(data).buffer);
  return new Uint8Array(Uint16Array.from(words, (word) => word >>> 16).buffer);
}
