// Written by `deno task kernels`: every kernel of a gate, with its WGSL.

import type { GateKernel } from "../kernel.ts";
import * as exp from "./exp/kernels.ts";
import exp_clip_wgsl from "./exp/exp_clip.wgsl" with { type: "text" };
import exp_finish_wgsl from "./exp/exp_finish.wgsl" with { type: "text" };
import exp_symbols_wgsl from "./exp/exp_symbols.wgsl" with { type: "text" };
import * as exp_dithered from "./exp_dithered/kernels.ts";
import exp_dithered_finish_wgsl from "./exp_dithered/exp_dithered_finish.wgsl" with { type: "text" };
import exp_dithered_values_wgsl from "./exp_dithered/exp_dithered_values.wgsl" with { type: "text" };
import * as extend from "./extend/kernels.ts";
import add_wrap_wgsl from "./extend/add_wrap.wgsl" with { type: "text" };
import extend_wgsl from "./extend/extend.wgsl" with { type: "text" };
import * as local from "./local/kernels.ts";
import add_wgsl from "./local/add.wgsl" with { type: "text" };
import columns_wgsl from "./local/columns.wgsl" with { type: "text" };
import distance_wgsl from "./local/distance.wgsl" with { type: "text" };
import rotate_wgsl from "./local/rotate.wgsl" with { type: "text" };
import row_sum_wgsl from "./local/row_sum.wgsl" with { type: "text" };
import shift_wgsl from "./local/shift.wgsl" with { type: "text" };
import * as maximum from "./maximum/kernels.ts";
import maximum_merge_wgsl from "./maximum/maximum_merge.wgsl" with { type: "text" };
import maximum_select_wgsl from "./maximum/maximum_select.wgsl" with { type: "text" };
import maximum_symbols_wgsl from "./maximum/maximum_symbols.wgsl" with { type: "text" };
import * as products from "./products/kernels.ts";
import multiply_wgsl from "./products/multiply.wgsl" with { type: "text" };
import multiply_row_wgsl from "./products/multiply_row.wgsl" with { type: "text" };
import * as row_function from "./row_function/kernels.ts";
import row_finish_wgsl from "./row_function/row_finish.wgsl" with { type: "text" };
import row_symbols_wgsl from "./row_function/row_symbols.wgsl" with { type: "text" };
import row_thresholds_wgsl from "./row_function/row_thresholds.wgsl" with { type: "text" };
import * as splice from "./splice/kernels.ts";
import splice_bits_wgsl from "./splice/splice_bits.wgsl" with { type: "text" };
import splice_finish_wgsl from "./splice/splice_finish.wgsl" with { type: "text" };
import splice_symbols_wgsl from "./splice/splice_symbols.wgsl" with { type: "text" };
import * as squares from "./squares/kernels.ts";
import square_sum_wgsl from "./squares/square_sum.wgsl" with { type: "text" };
import * as truncate from "./truncate/kernels.ts";
import truncate_finish_wgsl from "./truncate/truncate_finish.wgsl" with { type: "text" };
import truncate_symbols_wgsl from "./truncate/truncate_symbols.wgsl" with { type: "text" };

/** All kernels of gates. */
export const GATE_KERNELS: readonly GateKernel[] = [
  { kernel: exp.CLIP, source: exp_clip_wgsl },
  { kernel: exp.FINISH, source: exp_finish_wgsl },
  { kernel: exp.SYMBOLS, source: exp_symbols_wgsl },
  { kernel: exp_dithered.FINISH, source: exp_dithered_finish_wgsl },
  { kernel: exp_dithered.VALUES, source: exp_dithered_values_wgsl },
  { kernel: extend.ADD_WRAP, source: add_wrap_wgsl },
  { kernel: extend.EXTEND, source: extend_wgsl },
  { kernel: local.ADD, source: add_wgsl },
  { kernel: local.COLUMNS, source: columns_wgsl },
  { kernel: local.DISTANCE, source: distance_wgsl },
  { kernel: local.ROTATE, source: rotate_wgsl },
  { kernel: local.ROW_SUM, source: row_sum_wgsl },
  { kernel: local.SHIFT, source: shift_wgsl },
  { kernel: maximum.MERGE, source: maximum_merge_wgsl },
  { kernel: maximum.SELECT, source: maximum_select_wgsl },
  { kernel: maximum.SYMBOLS, source: maximum_symbols_wgsl },
  { kernel: products.MULTIPLY, source: multiply_wgsl },
  { kernel: products.MULTIPLY_ROW, source: multiply_row_wgsl },
  { kernel: row_function.FINISH, source: row_finish_wgsl },
  { kernel: row_function.SYMBOLS, source: row_symbols_wgsl },
  { kernel: row_function.THRESHOLDS, source: row_thresholds_wgsl },
  { kernel: splice.BITS, source: splice_bits_wgsl },
  { kernel: splice.FINISH, source: splice_finish_wgsl },
  { kernel: splice.SYMBOLS, source: splice_symbols_wgsl },
  { kernel: squares.SQUARE_SUM, source: square_sum_wgsl },
  { kernel: truncate.FINISH, source: truncate_finish_wgsl },
  { kernel: truncate.SYMBOLS, source: truncate_symbols_wgsl },
];
