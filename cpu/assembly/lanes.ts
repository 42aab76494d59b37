// SIMD helpers.

/** Sum of the four lanes. */
// @inline
export function laneSum(x: v128): u32 {
  const pairs = i32x4.add(x, v128.shuffle<u32>(x, x, 2, 3, 0, 1));
  return <u32> i32x4.extract_lane(i32x4.add(pairs, v128.shuffle<u32>(pairs, pairs, 1, 0, 3, 2)), 0);
}
