/**
 * `sluice identity`: makes the key by which others know this party.
 *
 * @module
 */

import { createIdentity, type Role, ROLES } from "../transport/identity.ts";
import type { Command, Options } from "./args.ts";
import { type Ui, UsageError } from "./ui.ts";

/** The command. */
export const IDENTITY: Command = {
  name: "identity",
  summary: "make the key by which others know you, once (every role)",
  flags: [
    { name: "role", value: "ROLE", help: `one of ${ROLES.join(", ")}`, required: true },
    { name: "out", value: "FILE", help: "new file for the secret half: keep it", required: true },
  ],
  example: "sluice identity --role client --out ./client.id",
};

/** Runs the command. */
export async function identity(options: Options, ui: Ui): Promise<void> {
  const role = options.required("role") as Role;
  if (!ROLES.includes(role)) {
    throw new UsageError(`Cannot use --role ${role} as it must be one of: ${ROLES.join(", ")}`);
  }
  const { publicLine } = await createIdentity(options.required("out"), role);
  ui.result({ public: publicLine }, () => publicLine);
}
