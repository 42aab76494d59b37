// Kernels of the CPU engine. Every kernel has the signature (args, segment, from, to): a list of argument words, a segment (one block of the lane: eight
// words), and a range of its items. Ranges are disjoint, so that threads share one call. Nothing here branches, indexes or loops on a share, a mask or a
// key bit; masked and opened values are public.

export { expand, setScratch } from "./chacha";
export { combine, pack, unpack } from "./openings";
export { cacheStore, mix, scores } from "./attention";
export { matrixAdd, packPanels, subtract } from "./matrix";
export { matrixAddSigned, matrixAddWide } from "./matrix_wide";
