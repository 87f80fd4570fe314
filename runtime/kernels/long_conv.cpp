// SPDX-License-Identifier: Apache-2.0
#include "kernels/long_conv.hpp"
#include "kernels/row_grid.hpp"
#include "long_conv.gen.hpp"
#include "long_conv_blocks.gen.hpp"
#include "long_conv_direct.gen.hpp"

namespace weft::detail::kernel {
namespace {

constexpr uint32_t kSmall = 512, kLarge = 4096;   // of a transform; twice the rows of a block
constexpr uint64_t kSpectra = uint64_t(64) << 20; // bytes of those of some channels
constexpr uint32_t kDirect = 256;                 // rows up to which terms are fewer than those of transforms

uint32_t parts_of(const LongConvArgs& a) { return (a.before ? 1u : 0u) | (a.after ? 2u : 0u) | (a.skip ? 4u : 0u); }

void direct(Recorder& r, const LongConvArgs& a) {
    using K = shader::long_conv_direct;
    const RowGrid grid = row_grid(a.x.columns(), a.y.rows(), {1, Quantity::tokens});
    r.dispatch<K>(K::Variant::core, {.LOCAL_X = grid.x, .LOCAL_Y = grid.y, .PARTS = parts_of(a)},
                  {.sequences = a.step.sequences,
                   .token_sequence = a.step.token_sequence,
                   .x = a.x,
                   .before = r.or_unused(a.before),
                   .after = r.or_unused(a.after),
                   .taps = a.filter,
                   .skip = r.or_unused(a.skip),
                   .y = a.y},
                  {.channels = a.x.columns(),
                   .rows = uint32_t(a.y.rows()),
                   .taps = uint32_t(a.filter.rows()),
                   .x_stride = a.x.stride,
                   .x_start = a.x.start,
                   .before_stride = a.before.stride,
                   .before_start = a.before.start,
                   .after_stride = a.after.stride,
                   .after_start = a.after.start,
                   .filter_stride = a.filter.stride,
                   .filter_start = a.filter.start,
                   .skip_start = a.skip.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start},
                  grid.threads);
}

// Channels `first` on, two by two, in blocks of half a transform of `size`.
void in_blocks(Recorder& r, const LongConvArgs& a, uint32_t size, uint32_t first, uint32_t pairs) {
    const uint32_t block = size / 2, local = size / 8, taps = uint32_t(a.filter.rows()),
                   rows = a.step.max_tokens / block + a.step.max_sequences,
                   filter_rows = (std::min(taps, a.step.max_tokens) + block - 1) / block;
    const Tensor spectra = r.temporary(DType::f32, {rows * pairs, 2 * size}, "spectra of rows"),
                 filter = r.temporary(DType::f32, {filter_rows * pairs, 2 * size}, "spectra of a filter");
    using Blocks = shader::long_conv_blocks;
    const Threads threads{.x = {pairs * local}, .y = {1, Quantity::longest_new, block}, .z = {1, Quantity::sequences}};
    r.dispatch<Blocks>(Blocks::Variant::core, {.LOCAL = local, .FILTER = 0, .GATED = a.before ? 1u : 0u},
                       {.sequences = a.step.sequences, .x = a.x, .gate = r.or_unused(a.before), .spectra = spectra},
                       {.channels = a.x.columns(),
                        .first_channel = first,
                        .pairs = pairs,
                        .taps = taps,
                        .x_stride = a.x.stride,
                        .x_start = a.x.start,
                        .gate_stride = a.before.stride,
                        .gate_start = a.before.start},
                       threads);
    r.dispatch<Blocks>(Blocks::Variant::core, {.LOCAL = local, .FILTER = 1, .GATED = 0},
                       {.sequences = a.step.sequences, .x = a.filter, .gate = r.or_unused({}), .spectra = filter},
                       {.channels = a.x.columns(),
                        .first_channel = first,
                        .pairs = pairs,
                        .taps = taps,
                        .x_stride = a.filter.stride,
                        .x_start = a.filter.start,
                        .gate_stride = 0,
                        .gate_start = 0},
                       {.x = threads.x, .y = threads.y, .z = {}}, "long_conv filter");
    using K = shader::long_conv;
    r.dispatch<K>(K::Variant::core, {.LOCAL = local, .PARTS = parts_of(a)},
                  {.sequences = a.step.sequences,
                   .x = a.x,
                   .before = r.or_unused(a.before),
                   .after = r.or_unused(a.after),
                   .skip = r.or_unused(a.skip),
                   .row_spectra = spectra,
                   .filter_spectra = filter,
                   .y = a.y},
                  {.channels = a.x.columns(),
                   .first_channel = first,
                   .pairs = pairs,
                   .taps = taps,
                   .x_stride = a.x.stride,
                   .x_start = a.x.start,
                   .before_stride = a.before.stride,
                   .before_start = a.before.start,
                   .after_stride = a.after.stride,
                   .after_start = a.after.start,
                   .skip_start = a.skip.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start},
                  threads);
}

LongConvForm choose(const Recorder& r, const Step& step) {
    if (step.max_tokens <= kDirect) return LongConvForm::direct;
    const auto& limits = r.device().limits();
    const bool fits = r.machine().invocations >= kLarge / 8 && limits.shared_bytes >= 8 * kLarge;
    // Every sequence begins a block of its own.
    return fits && step.max_tokens >= kLarge * step.max_sequences ? LongConvForm::large_blocks
                                                                  : LongConvForm::small_blocks;
}

} // namespace

void long_conv(Recorder& r, const LongConvArgs& a, LongConvForm form) {
    const uint32_t channels = a.x.columns();
    weft_CHECK(a.step.sequences && a.step.max_tokens > 0 && a.step.max_sequences > 0, "step must be filled");
    weft_CHECK(a.y.columns() == channels && a.y.rows() <= a.x.rows(), "y must be as x");
    weft_CHECK(!a.before || (a.before.columns() == channels && a.before.rows() >= a.y.rows()), "before must be as x");
    weft_CHECK(!a.after || (a.after.columns() == channels && a.after.rows() >= a.y.rows()), "after must be as x");
    weft_CHECK(a.filter.columns() == channels && a.filter.rows() > 0, "filter must be [L, C] with the columns of x");
    weft_CHECK(!a.skip || (a.skip.columns() == channels), "skip must be [C]");
    if (form == LongConvForm::chosen) form = choose(r, a.step);
    if (form == LongConvForm::direct) return direct(r, a);
    const uint32_t size = form == LongConvForm::large_blocks ? kLarge : kSmall, pairs = (channels + 1) / 2;
    const uint64_t each = uint64_t(a.step.max_tokens / (size / 2) + a.step.max_sequences) * size * 8;
    const auto most =
        uint32_t(std::clamp<uint64_t>(std::min(kSpectra, r.device().limits().storage_range) / each, 1, pairs));
    for (uint32_t first = 0; first < pairs; first += most)
        in_blocks(r, a, size, 2 * first, std::min(most, pairs - first));
}

void long_conv(Recorder& r, const LongConvArgs& a) { long_conv(r, a, LongConvForm::chosen); }

} // namespace weft::detail::kernel
