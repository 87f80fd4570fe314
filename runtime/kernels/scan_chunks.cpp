// SPDX-License-Identifier: Apache-2.0
#include "kernels/scan_chunks.hpp"
#include <algorithm>

namespace weft::detail::kernel {
namespace {

/// Tokens a chunk; max_tokens: do not cut. Two passes cost twice the exponentials, so cutting pays only where
/// channels alone leave most of the device idle.
uint32_t choose_chunk(const Machine& machine, uint32_t max_tokens, uint32_t threads) {
    const uint32_t pieces = machine.threads / threads;
    if (pieces < 8) return max_tokens;
    const uint32_t chunk = std::max(64u, (max_tokens / pieces + 15) / 16 * 16);
    return max_tokens / chunk < 8 ? max_tokens : chunk;
}

} // namespace

ScanChunks scan_chunks(const Recorder& r, const Step& step, uint32_t asked, uint32_t threads, uint64_t row) {
    const uint32_t chunk = asked ? asked : choose_chunk(r.machine(), step.max_tokens, threads);
    const uint64_t rows = step.max_tokens / chunk + step.max_sequences;
    if (chunk >= step.max_tokens || rows * row > r.device().limits().storage_range) return {step.max_tokens, 0};
    return {chunk, uint32_t(rows)};
}

} // namespace weft::detail::kernel
