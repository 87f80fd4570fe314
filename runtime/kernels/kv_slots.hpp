// SPDX-License-Identifier: Apache-2.0
// L2: key and value caches wider than a buffer may be bound are served by several
// dispatches, each for a range of slots.
#pragma once
#include "kernels/cache_row.hpp"
#include "kernels/step.hpp"
#include <algorithm>
#include <vector>

namespace weft::detail::kernel {

/// Whether it is [slots, kv_heads, capacity, rows of `size` channels].
inline bool cache_fits(const Tensor& cache, uint32_t kv_heads, uint32_t size) {
    return cache.rank == 4 && cache.contiguous() && cache.shape[1] == kv_heads && cache.shape[2] > 0 &&
           cache.shape[3] == cache_row(cache_type(cache.dtype), size).columns;
}

struct SlotRange {
    uint32_t first, count;
};

/// A cache restricted to the slots of `range`.
inline Tensor slots_of(Tensor cache, SlotRange range) {
    cache.offset += uint64_t(range.first) * cache.shape[1] * cache.shape[2] * cache.stride * size_of(cache.dtype);
    cache.shape[0] = range.count;
    weft_CHECK(cache.offset % Tensor::kAlignment == 0,
               "a slot of a cache split by slots must end on the alignment of bound buffers");
    return cache;
}

/// One range of all slots, or as many as it takes to bind both caches. A sequence is served
/// by the dispatch that has its slot.
inline std::vector<SlotRange> slot_ranges(Recorder& r, const Tensor& k_cache, const Tensor& v_cache) {
    const uint32_t slots = k_cache.shape[0];
    const uint64_t widest = std::max(k_cache.bytes(), v_cache.bytes()) / std::max(slots, 1u);
    const uint64_t limit = r.device().limits().storage_range;
    if (widest > limit) {
        r.misfit("the cache of one sequence is larger than this device binds at once");
        return {};
    }
    const uint32_t step = widest == 0 ? slots : uint32_t(std::min<uint64_t>(slots, limit / widest));
    std::vector<SlotRange> ranges;
    for (uint32_t first = 0; first < slots; first += step) ranges.push_back({first, std::min(step, slots - first)});
    return ranges;
}

} // namespace weft::detail::kernel
