/** Entry of a socket thread for programs that are not bundled into one file: benches and tests. */

import { runSocketThreadIfNamed } from "./socket_thread.ts";

runSocketThreadIfNamed();
