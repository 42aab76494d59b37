import { ModelError } from "../core/errors.ts";
import type { Architecture } from "./architecture.ts";
import { DECODERS } from "./decoders.ts";
import { ENCODERS } from "./encoders.ts";

const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map(
  [...DECODERS, ...ENCODERS].flatMap((architecture) =>
    Object.keys(architecture.classes).map((name) => [name, architecture] as const)
  ),
);

/** Lists the names of all known classes. */
export function knownArchitectures(): string[] {
  return [...ARCHITECTURES.keys()];
}

/**
 * Returns the architecture of a class by the name that Hugging Face writes into `config.json`.
 *
 * @throws {ModelError} If the name is unknown; the message lists the known ones.
 */
export function architectureOf(name: string): Architecture {
  const architecture = ARCHITECTURES.get(name);
  if (architecture === undefined) {
    throw new ModelError(
      `Cannot load model as its architecture must be one of ${knownArchitectures().join(", ")}: received ${name}`,
    );
  }
  return architecture;
}
