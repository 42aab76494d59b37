/**
 * Key folders: what the dealer hands one party. This file knows `keys.bin`, `link.key` and `USED`; other files in the
 * folder are the caller's.
 *
 * ```text
 * keys.bin = "SLUICEK2" (8 bytes) || u32 header bytes (little-endian) || header (canonical CBOR) || key stream in chunks
 * link.key = 32 bytes, the same in both folders
 * USED     = the session id and a newline; a folder that has it is refused
 * ```
 *
 * The header is public; chunks are those of sealed_chunks.ts. Files have mode 0600 and folders 0700; the key stream is
 * written to `keys.bin.part` and renamed when it is complete.
 */

import type { Party } from "../core/channel.ts";
import { hinted, KeyError } from "../core/errors.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { assertFormat } from "../core/format.ts";
import { ignoreMissing, onDisk, syncFolder, writeNewFile } from "./durable.ts";
import { LINK_KEY_BYTES, TAG_BYTES } from "./seal.ts";
import { CHUNK_BYTES, SealedChunks } from "./sealed_chunks.ts";

/** Name of the key stream's file in a key folder. */
export const KEYS_FILE = "keys.bin";
/** Name of the link key's file in a key folder. */
export const LINK_KEY_FILE = "link.key";
/** Name of the file that marks a key folder as used. */
export const USED_FILE = "USED";
/** Most bytes of a header. */
export const MAX_KEY_HEADER_BYTES = 2 ** 20;

const MAGIC = "SLUICEK2";
const LENGTH_BYTES = 4;
const PART_SUFFIX = ".part";
const HINT = "deal new keys";

/** The public header of a key stream: these fields, and whatever else the caller puts in. */
export interface KeyHeader {
  /** Whose keys these are. */
  readonly party: Party;
  /** Id of the key set, the same for both parties. */
  readonly session: string;
  /** Id of the prepared weights. */
  readonly weightsId: string;
  /** Digest of the plan. */
  readonly planDigest: string;
  /** Bytes of the key stream. */
  readonly streamBytes: number;
  /** Any other public field that CBOR holds. */
  readonly [field: string]: unknown;
}

/** What an opened key stream must be for. */
export interface ExpectedKeys {
  /** The party that opens them. */
  readonly party: Party;
  /** The weights that will be run. */
  readonly weightsId?: string;
}

/** Creates a key folder that only its owner can enter; parents are created too. */
export async function createKeyFolder(dir: string): Promise<void> {
  await onDisk("make", dir, async () => {
    await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
    // An existing folder keeps its mode, and the process's mask may widen nothing but may narrow: set it in any case.
    if (Deno.build.os !== "windows") await Deno.chmod(dir, 0o700);
  });
}

/** Writes a party's link key: `LINK_KEY_BYTES` bytes, drawn once for both folders. */
export async function writeLinkKey(dir: string, linkKey: Uint8Array): Promise<void> {
  if (linkKey.length !== LINK_KEY_BYTES) {
    throw new RangeError(`Cannot write link key as it must have ${LINK_KEY_BYTES} bytes: received ${linkKey.length}`);
  }
  const path = `${dir}/${LINK_KEY_FILE}`;
  await onDisk("write", path, () => Deno.writeFile(path, linkKey, { createNew: true, mode: 0o600 }));
}

/**
 * Reads a party's link key.
 *
 * @throws {KeyError} If the file is missing or has another length.
 */
export async function readLinkKey(dir: string): Promise<Uint8Array> {
  const path = `${dir}/${LINK_KEY_FILE}`;
  const linkKey = await Deno.readFile(path).catch((cause) => {
    throw missing(path, cause);
  });
  if (linkKey.length !== LINK_KEY_BYTES) {
    throw new KeyError(
      `Cannot read ${path} as a link key must have ${LINK_KEY_BYTES} bytes: received ${linkKey.length} bytes; ${HINT}`,
    );
  }
  return linkKey;
}

/** A file of which regions are read or written one after the other, whatever order they are asked for in. */
class RegionFile {
  readonly #file: Deno.FsFile;
  readonly #startBytes: number;
  #positionBytes = -1;
  #tail: Promise<unknown> = Promise.resolve();

  /** @param startBytes Where offset 0 lies in the file. */
  constructor(file: Deno.FsFile, startBytes: number) {
    this.#file = file;
    this.#startBytes = startBytes;
  }

  read(into: Uint8Array, offset: number): Promise<void> {
    return this.#inTurn(into, offset, (rest) => this.#file.read(rest));
  }

  write(bytes: Uint8Array, offset: number): Promise<void> {
    return this.#inTurn(bytes, offset, (rest) => this.#file.write(rest));
  }

  #inTurn(bytes: Uint8Array, offset: number, move: (rest: Uint8Array) => Promise<number | null>): Promise<void> {
    const turn = this.#tail.then(async () => {
      const position = this.#startBytes + offset;
      if (this.#positionBytes !== position) await this.#file.seek(position, Deno.SeekMode.Start);
      // Unknown until the whole region has passed.
      this.#positionBytes = -1;
      for (let rest = bytes; rest.length > 0;) {
        const count = await move(rest);
        if (count === null) throw new KeyError(`Cannot read key stream as it must not end: received its end; ${HINT}`);
        rest = rest.subarray(count);
      }
      this.#positionBytes = position + bytes.length;
    });
    this.#tail = turn.catch(() => {});
    return turn;
  }
}

function assertRegion(verb: string, header: KeyHeader, bytes: number, offset: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + bytes > header.streamBytes) {
    throw new RangeError(
      `Cannot ${verb} keys as the region must lie in the stream of ${header.streamBytes} bytes: received ${bytes} bytes at ${offset}`,
    );
  }
}

/** The pieces of a region of the stream that lie in one chunk each. */
function* piecesOf(bytes: Uint8Array, offset: number): Generator<{ index: number; from: number; piece: Uint8Array }> {
  for (let at = 0; at < bytes.length;) {
    const index = Math.floor((offset + at) / CHUNK_BYTES), from = (offset + at) % CHUNK_BYTES;
    const piece = bytes.subarray(at, at + CHUNK_BYTES - from);
    yield { index, from, piece };
    at += piece.length;
  }
}

/** Writes one party's key stream, in any order. A chunk lies there in the clear until its last byte has come. */
export class KeyFileWriter {
  /** As written. */
  readonly header: KeyHeader;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #regions: RegionFile;
  readonly #chunks: SealedChunks;
  /** Plain bytes that every chunk lacks. */
  readonly #missingBytes: number[];
  #writtenBytes = 0;
  #open = true;

  /** Made by `createKeyFile`. */
  constructor(path: string, file: Deno.FsFile, startBytes: number, header: KeyHeader, chunks: SealedChunks) {
    this.header = header;
    this.#path = path;
    this.#file = file;
    this.#regions = new RegionFile(file, startBytes);
    this.#chunks = chunks;
    this.#missingBytes = Array.from({ length: chunks.count }, (_, index) => chunks.plainBytes(index));
  }

  /**
   * Writes bytes at an offset of the stream; every byte of the stream is written once. The caller keeps `bytes` until
   * the promise resolves.
   *
   * @throws {RangeError} If the region is not inside the stream.
   */
  async write(bytes: Uint8Array, offset: number): Promise<void> {
    assertRegion("write", this.header, bytes.length, offset);
    this.#writtenBytes += bytes.length;
    await onDisk("write", this.#path, () => this.#write(bytes, offset));
  }

  async #write(bytes: Uint8Array, offset: number): Promise<void> {
    for (const { index, from, piece } of piecesOf(bytes, offset)) {
      const at = this.#chunks.sealedAt(index), plainBytes = this.#chunks.plainBytes(index);
      if (piece.length === plainBytes) {
        await this.#regions.write(this.#chunks.seal(index, piece), at);
        continue;
      }
      await this.#regions.write(piece, at + from);
      if ((this.#missingBytes[index]! -= piece.length) > 0) continue;
      const plain = new Uint8Array(plainBytes);
      await this.#regions.read(plain, at);
      await this.#regions.write(this.#chunks.seal(index, plain), at);
    }
  }

  /**
   * Makes the file durable and gives it its name.
   *
   * @throws {KeyError} If not every byte of the stream was written; the file keeps its partial name.
   */
  async finish(): Promise<void> {
    const { streamBytes } = this.header;
    if (this.#writtenBytes !== streamBytes) {
      throw new KeyError(
        `Cannot finish ${this.#path} as its stream must have ${streamBytes} bytes: received ${this.#writtenBytes}`,
      );
    }
    await onDisk("write", this.#path, async () => {
      if (streamBytes === 0) await this.#regions.write(this.#chunks.seal(0, new Uint8Array(0)), 0);
      await this.#file.sync();
      this.close();
      await Deno.rename(`${this.#path}${PART_SUFFIX}`, this.#path);
      await syncFolder(this.#path.slice(0, -KEYS_FILE.length));
    });
  }

  /** Closes an unfinished file, which keeps its partial name. Idempotent. */
  close(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }
}

/**
 * Creates the key file of one party, in a folder that exists and holds its link key.
 *
 * @throws {RangeError} If the header is too long or `streamBytes` is no count of bytes.
 * @throws {KeyError} If the folder holds a key file already.
 */
export async function createKeyFile(dir: string, header: KeyHeader): Promise<KeyFileWriter> {
  const encoded = encodeCbor(header);
  if (encoded.length > MAX_KEY_HEADER_BYTES || !Number.isSafeInteger(header.streamBytes) || header.streamBytes < 0) {
    throw new RangeError(
      `Cannot create key file as its header must have at most ${MAX_KEY_HEADER_BYTES} bytes and name the stream's bytes: received ${encoded.length} bytes and a stream of ${header.streamBytes}`,
    );
  }
  const path = `${dir}/${KEYS_FILE}`, linkKey = await readLinkKey(dir);
  if (await exists(path) || await exists(`${dir}/${USED_FILE}`)) {
    throw new KeyError(`Cannot create ${path} as a key folder must be new: received a folder with keys`);
  }
  const start = new Uint8Array(MAGIC.length + LENGTH_BYTES + encoded.length);
  start.set(new TextEncoder().encode(MAGIC));
  new DataView(start.buffer).setUint32(MAGIC.length, encoded.length, true);
  start.set(encoded, MAGIC.length + LENGTH_BYTES);
  // A part that an interrupted run has left may have another mode: replace it.
  await Deno.remove(`${path}${PART_SUFFIX}`).catch(ignoreMissing);
  const chunks = new SealedChunks(linkKey, encoded, header.party, header.streamBytes),
    open = { read: true, write: true, createNew: true, mode: 0o600 },
    file = await onDisk("write", path, () => Deno.open(`${path}${PART_SUFFIX}`, open));
  try {
    await new RegionFile(file, 0).write(start, 0);
    await file.truncate(start.length + chunks.sealedBytes);
  } catch (error) {
    file.close();
    throw error;
  }
  return new KeyFileWriter(path, file, start.length, header, chunks);
}

/** Opened chunks that a reader keeps: lanes of several requests read from as many places in turn. */
const MAX_KEPT_CHUNKS = 16;

/** One party's key stream in its folder, read in any order. */
export class KeyFileReader {
  /** The key folder. */
  readonly name: string;
  /** As read; its party, session, ids and stream bytes have the right types. */
  readonly header: KeyHeader;
  /** Secret, the same in both folders. */
  readonly linkKey: Uint8Array;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #regions: RegionFile;
  readonly #chunks: SealedChunks;
  /** Chunks that were opened last, the oldest first. */
  readonly #kept = new Map<number, Promise<Uint8Array>>();
  /** Chunks that were opened ahead, and how many of their bytes nobody has read yet. */
  readonly #ahead = new Map<number, { readonly plain: Uint8Array; unreadBytes: number }>();
  #open = true;

  /** Made by `openKeyFile`. */
  constructor(dir: string, file: Deno.FsFile, { header, encoded, startBytes }: ReadHeader, linkKey: Uint8Array) {
    this.name = dir;
    this.header = header;
    this.linkKey = linkKey;
    this.#path = `${dir}/${KEYS_FILE}`;
    this.#file = file;
    this.#regions = new RegionFile(file, startBytes);
    this.#chunks = new SealedChunks(linkKey, encoded, header.party, header.streamBytes);
  }

  /**
   * Fills `into`, which may be a view of shared memory, from an offset of the stream.
   *
   * @throws {RangeError} If the region is not inside the stream.
   * @throws {KeyError} If a chunk of it is not what was dealt.
   */
  async read(into: Uint8Array, offset: number): Promise<void> {
    assertRegion("read", this.header, into.length, offset);
    for (const { index, from, piece } of piecesOf(into, offset)) {
      const ahead = this.#ahead.get(index), chunk = ahead?.plain ?? await this.#chunk(index);
      piece.set(chunk.subarray(from, from + piece.length));
      if (ahead !== undefined && (ahead.unreadBytes -= piece.length) <= 0) this.#ahead.delete(index);
    }
  }

  /**
   * Opens the first chunks before they are wanted, and holds each until it is read.
   *
   * @param bytes How much of the stream, at most.
   * @throws {KeyError} If a chunk is not what was dealt.
   */
  async openAhead(bytes: number): Promise<void> {
    for (let index = 0; index < this.#chunks.count && (index + 1) * CHUNK_BYTES <= bytes; index++) {
      const plain = await this.#openChunk(index);
      this.#ahead.set(index, { plain, unreadBytes: plain.length });
    }
  }

  /** Closes the file. Idempotent. */
  close(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }

  #chunk(index: number): Promise<Uint8Array> {
    const chunk = this.#kept.get(index) ?? this.#openChunk(index);
    this.#kept.delete(index);
    this.#kept.set(index, chunk);
    if (this.#kept.size > MAX_KEPT_CHUNKS) this.#kept.delete(this.#kept.keys().next().value!);
    return chunk;
  }

  async #openChunk(index: number): Promise<Uint8Array> {
    const sealed = new Uint8Array(this.#chunks.plainBytes(index) + TAG_BYTES);
    await this.#regions.read(sealed, this.#chunks.sealedAt(index));
    const plain = this.#chunks.open(index, sealed);
    if (plain === null) {
      throw hinted(
        new KeyError(
          `Cannot use ${this.#path} as it and ${LINK_KEY_FILE} must be as they were dealt: ` +
            `received others, or changed ones, in part ${index + 1} of ${this.#chunks.count}`,
        ),
        `copy both files again, or ${HINT}`,
      );
    }
    return plain;
  }
}

/** A header as it stands in a file. */
interface ReadHeader {
  readonly header: KeyHeader;
  readonly encoded: Uint8Array;
  readonly startBytes: number;
}

/**
 * Opens the key file of a folder and checks that it is complete and the expected one. Every part is checked when it is
 * read; the first one, and with it the header and the link key, here.
 *
 * @throws {KeyError} If it is missing, no key file, truncated or too long, changed, or of another party or other weights.
 */
export async function openKeyFile(dir: string, expected?: ExpectedKeys): Promise<KeyFileReader> {
  const path = `${dir}/${KEYS_FILE}`;
  const file = await Deno.open(path, { read: true }).catch((cause) => {
    throw missing(path, cause);
  });
  try {
    const read = await readHeader(file, path);
    if (expected !== undefined) assertExpected(path, read.header, expected);
    const reader = new KeyFileReader(dir, file, read, await readLinkKey(dir));
    await reader.read(new Uint8Array(Math.min(1, read.header.streamBytes)), 0);
    return reader;
  } catch (error) {
    file.close();
    throw error;
  }
}

async function readHeader(file: Deno.FsFile, path: string): Promise<ReadHeader> {
  const fileBytes = (await file.stat()).size;
  const regions = new RegionFile(file, 0);
  const prefix = new Uint8Array(MAGIC.length + LENGTH_BYTES);
  assertBytes(path, fileBytes, prefix.length, "at least ");
  await regions.read(prefix, 0);
  assertFormat(prefix, { magic: MAGIC, name: path, remedy: HINT, error: KeyError });
  const headerBytes = new DataView(prefix.buffer).getUint32(MAGIC.length, true);
  if (headerBytes > MAX_KEY_HEADER_BYTES) {
    throw new KeyError(
      `Cannot open ${path} as its header must have at most ${MAX_KEY_HEADER_BYTES} bytes: received ${headerBytes}`,
    );
  }
  const startBytes = prefix.length + headerBytes;
  assertBytes(path, fileBytes, startBytes, "at least ");
  const encoded = new Uint8Array(headerBytes);
  await regions.read(encoded, prefix.length);
  const header = decodeHeader(path, encoded);
  const chunkCount = Math.max(1, Math.ceil(header.streamBytes / CHUNK_BYTES));
  assertBytes(path, fileBytes, startBytes + header.streamBytes + chunkCount * TAG_BYTES, "");
  return { header, encoded, startBytes };
}

function assertBytes(path: string, fileBytes: number, expectedBytes: number, qualifier: string): void {
  if (qualifier === "" ? fileBytes !== expectedBytes : fileBytes < expectedBytes) {
    throw new KeyError(
      `Cannot open ${path} as it must have ${qualifier}${expectedBytes} bytes: received ${fileBytes} bytes; copy it again or ${HINT}`,
    );
  }
}

function decodeHeader(path: string, encoded: Uint8Array): KeyHeader {
  let header: unknown;
  try {
    header = decodeCbor(encoded);
  } catch (cause) {
    throw new KeyError(`Cannot open ${path} as its header must be canonical CBOR: received another encoding`, {
      cause,
    });
  }
  if (!isKeyHeader(header)) {
    throw new KeyError(
      `Cannot open ${path} as its header must name party, session, weights, plan and stream bytes: received another form`,
    );
  }
  return header;
}

function isKeyHeader(value: unknown): value is KeyHeader {
  if (typeof value !== "object" || value === null) return false;
  const { party, session, weightsId, planDigest, streamBytes } = value as Record<string, unknown>;
  return (party === 0 || party === 1) && typeof session === "string" && typeof weightsId === "string" &&
    typeof planDigest === "string" && Number.isSafeInteger(streamBytes) && Number(streamBytes) >= 0;
}

function assertExpected(path: string, header: KeyHeader, expected: ExpectedKeys): void {
  if (header.party !== expected.party) {
    throw new KeyError(
      `Cannot open ${path} as it must hold keys of party ${expected.party}: received keys of the wrong party, ${header.party}`,
    );
  }
  if (expected.weightsId !== undefined && header.weightsId !== expected.weightsId) {
    throw new KeyError(
      `Cannot open ${path} as it must hold keys for weights ${expected.weightsId}: received keys for weights ${header.weightsId}`,
    );
  }
}

/**
 * Marks a key folder as used by a session, durably, before the first share leaves. Keys serve once: a second use would reveal the inputs of both.
 *
 * @throws {KeyError} If the folder is used already.
 */
export async function claimKeys(dir: string, session: string): Promise<void> {
  try {
    await writeNewFile(`${dir}/${USED_FILE}`, new TextEncoder().encode(`${session}\n`));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
    throw usedError(dir, await usedBy(dir));
  }
}

/** Takes the mark of a claim back that came to nothing: no share has left. */
export async function unclaimKeys(dir: string): Promise<void> {
  await Deno.remove(`${dir}/${USED_FILE}`);
}

/** Deletes the key stream of a folder whose keys are spent; its mark stays. */
export async function eraseKeys(dir: string): Promise<void> {
  await Deno.remove(`${dir}/${KEYS_FILE}`);
}

/** The session that used a key folder, or null if none has: for a check before the work that precedes `claimKeys`. */
export async function usedBy(dir: string): Promise<string | null> {
  return (await Deno.readTextFile(`${dir}/${USED_FILE}`).catch(ignoreMissing))?.trim() ?? null;
}

function usedError(dir: string, session: string | null): KeyError {
  return new KeyError(
    `Cannot use keys in ${dir} as a key set must be unused: received keys already used by session ${session}; ${HINT}`,
  );
}

function missing(path: string, cause: unknown): KeyError {
  const how = cause instanceof Deno.errors.NotFound ? "no such file" : cause instanceof Error ? cause.name : "nothing";
  return new KeyError(`Cannot open ${path} as it must be a readable file of the key folder: received ${how}`, {
    cause,
  });
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).catch(ignoreMissing) !== undefined;
}
