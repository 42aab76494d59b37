// Kernels of the CPU engine. Every kernel has the signature (args, segment, from, to): a list of argument words, a segment (one block of the lane: eight
// words), and a range of its items. Ranges are disjoint, so that threads share one call. Nothing here branches, indexes or loops on a share, a mask or a
// key bit; masked and opened values are public.

export { expand, setScratch } from "./chacha";
export { combine, pack, unpack } from "./openings";
export { add, addWrap, columns, distance, extend, rotate, rowSum, shift } from "./lanes";
export { cacheStore, mix, scores } from "./attention";
export { matrixAdd, packPanels, subtractMask } from "./matrix";
export { multiply, squareSum } from "./products";
export { truncateFinish, truncateSymbols } from "./truncate";
export { maximumMerge, maximumSelect, maximumSymbols } from "./maximum";
export { expClip, expFinish, expSymbols } from "./exp";
export { expDitheredFinish, expDitheredValues } from "./exp_dithered";
export { spliceBits, spliceFinish, spliceSymbols } from "./splice";
export { rowFinish, rowSymbols } from "./row";
export {
  addWide,
  addWrapWide,
  extendWide,
  matrixAddSigned,
  matrixAddWide,
  multiplyWide,
  shiftWide,
  squareSumWide,
  subtractWide,
  truncateFinishWide,
  truncateSymbolsWide,
} from "./wide";
