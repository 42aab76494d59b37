// _path: follows opened symbols of a permuted comparison to the last selected bit: 2·path + bit. Opened symbols are public.

fn permuted_path(opened: u32, chunk_count: u32) -> u32 {
  var path = 0u;
  var bit = opened & 1u;
  for (var level = 1u; level < chunk_count; level++) {
    path = 2u * path + bit;
    bit = (opened >> ((1u << level) - 1u + path)) & 1u;
  }
  return 2u * path + bit;
}
