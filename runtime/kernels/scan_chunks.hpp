// SPDX-License-Identifier: Apache-2.0
// L2: how scans of channels cut long sequences into chunks that run side by side. Not for use by layers.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

struct ScanChunks {
    uint32_t tokens = 0; ///< of a chunk
    uint32_t rows = 0;   ///< of a buffer of all chunks' states; 0: sequences are not cut
};
/// `asked`: tokens of a chunk; 0: chosen. `threads` are those of one pass over a sequence, `row` the bytes that a chunk
/// leaves.
ScanChunks scan_chunks(const Recorder& r, const Step& step, uint32_t asked, uint32_t threads, uint64_t row);

} // namespace weft::detail::kernel
