/** Entry of a helper thread where the application does not name its own. */

import { runKernelWorkerIfNamed } from "./threads.ts";

runKernelWorkerIfNamed();
