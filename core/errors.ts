/** Errors that a caller or a user tells apart. Messages carry public numbers only: never a share, mask, seed, key, weight or input. */

/** The peer or the dealer broke the protocol, or the link is gone: the session ends and its keys are burnt. */
export class ProtocolError extends Error {
  /** Name of the class. */
  override name = "ProtocolError";
}

/** Key material is missing, of the wrong party or model, truncated, or already used. */
export class KeyError extends Error {
  /** Name of the class. */
  override name = "KeyError";
}

/** A model folder cannot be used: a missing or truncated file, an unknown architecture, a wire that does not fit. */
export class ModelError extends Error {
  /** Name of the class. */
  override name = "ModelError";
}

/** A disk does not take or give a file: it is full, read-only, or lacks the folder. The message names the path. */
export class DiskError extends Error {
  /** Name of the class. */
  override name = "DiskError";
}

/** Bytes do not decode as a frame. */
export class FrameError extends SyntaxError {
  /** Name of the class. */
  override name = "FrameError";
  /** Byte offset at which decoding failed. */
  readonly offset: number;
  /** Makes an error for the byte at `offset`. */
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** A compute device is missing or failed. */
export class DeviceError extends Error {
  /** Name of the class. */
  override name = "DeviceError";
}

/** Says with an error what its reader can do about it, where that is more than its class tells. */
export function hinted<E extends Error>(error: E, hint: string): E & { readonly hint: string } {
  return Object.assign(error, { hint });
}
