/** Writes the test vectors and the worked examples of SPEC anew: `deno task vectors`. */

import { write, writtenFiles } from "./files.ts";

for (const file of await writtenFiles()) write(file);
