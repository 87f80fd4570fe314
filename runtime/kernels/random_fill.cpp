// SPDX-License-Identifier: Apache-2.0
#include "kernels/random_fill.hpp"
#include "random_fill.gen.hpp"
#include <algorithm>

namespace weft::detail::kernel {
namespace {

// Words of one dispatch: within the storage range and the number of workgroups that every device allows, and not chosen
// by the device, since the numbers depend on it.
constexpr uint32_t kChunkQuads = uint32_t(1) << 22, kLocal = 128;

} // namespace

void random_fill(Recorder& r, const RandomFillArgs& a) {
    using K = shader::random_fill;
    weft_CHECK(a.words.dtype == DType::u32 && a.words.rank == 1 && a.words.contiguous(),
               "words must be a whole u32 [n]");
    weft_CHECK(a.type == DType::f32 || a.type == DType::f16 || a.type == DType::bf16, "type must be f32, f16 or bf16");
    const uint32_t quad = a.type == DType::f32 ? 4 : 2, all = a.words.columns(), chunk = kChunkQuads * quad;
    const Tensor rows = a.words.reshape({all, 1});
    for (uint32_t first = 0, index = 0; first < all; first += std::min(chunk, all - first), ++index) {
        const uint32_t count = std::min(chunk, all - first);
        r.dispatch<K>(K::Variant::core,
                      {.LOCAL = kLocal,
                       .TYPE = a.type == DType::f32   ? 0u
                               : a.type == DType::f16 ? 1u
                                                      : 2u,
                       .NEGATIVE = a.negative},
                      {.y = rows.slice_rows(first, count)},
                      {.words = count,
                       .chunk = index,
                       .stream = a.stream,
                       .seed_low = uint32_t(a.seed),
                       .seed_high = uint32_t(a.seed >> 32),
                       .step = a.deviation * 0x1p-23f},
                      {.x = {(count + quad - 1) / quad}});
    }
}

} // namespace weft::detail::kernel
