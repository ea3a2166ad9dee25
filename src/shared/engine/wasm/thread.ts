// The program of a helper thread (thread-pool.ts).
import { workerData } from "node:worker_threads";
import { instantiate } from "./executor.js";
import { kernelsOf } from "./kernel-list.js";
import type { ThreadData } from "./thread-pool.js";
import { ThreadWork } from "./thread-work.js";

const { module, memory, buffer, thread } = workerData as ThreadData;
const kernels = kernelsOf(instantiate(module, memory));
new ThreadWork(
  kernels.map(({ kernel }) => kernel),
  buffer,
).serve(thread);
