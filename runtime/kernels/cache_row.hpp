// SPDX-License-Identifier: Apache-2.0
// L2: how a row of a cache of keys or values lies in memory, as shaders/lib/cache.glsl reads and writes it.
#pragma once
#include "base/dtype.hpp"

namespace weft::detail::kernel {

/// Channels of a q8_0 row that share a scale.
inline constexpr uint32_t kCacheGroup = 32;

/// A row as a tensor holds it. Of q8_0 it is words: a signed byte a channel, then halves, by which kCacheGroup channels
/// each are multiplied, the last one those that are left. Numbers that lie together are aligned for any load, which
/// those in blocks, each behind its scale, are not.
struct CacheRow {
    DType dtype = DType::f32;
    uint32_t columns = 0;
    constexpr uint64_t bytes() const { return bytes_of(dtype, columns); }
};

/// The row of `size` channels, a multiple of 4, in a cache of f32, f16 or q8_0.
constexpr CacheRow cache_row(DType type, uint32_t size) {
    weft_CHECK(type == DType::f32 || type == DType::f16 || type == DType::q8_0,
               "caches of keys and values are of f32, f16 or q8_0");
    if (type != DType::q8_0) return {type, size};
    const uint32_t scales = (size + kCacheGroup - 1) / kCacheGroup;
    return {DType::u32, size / 4 + (scales + 1) / 2};
}

/// The type of a cache that tensors hold so.
constexpr DType cache_type(DType held) { return held == DType::u32 ? DType::q8_0 : held; }

/// Its number in shaders, and among the variants of a form that reads it.
constexpr uint32_t cache_format(DType held) { return held == DType::u32 ? 2 : held == DType::f16 ? 1 : 0; }

} // namespace weft::detail::kernel
