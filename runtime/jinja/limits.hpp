// SPDX-License-Identifier: Apache-2.0
// L0: what one rendering may use. Templates come from strangers' model files, so each of these
// ends in an error and never in a hang or a crash.
#pragma once
#include <cstdint>

namespace weft::detail::jinja {

struct Limits {
    uint64_t work = 30'000'000; ///< evaluated nodes, items passed over, and every 64 bytes of text read or written
    uint64_t memory = uint64_t(1) << 29; ///< bytes of values and text alive at one time
    uint64_t output = uint64_t(1) << 28; ///< bytes of rendered text
    uint32_t depth = 400;                ///< evaluations within one another; a call of a macro takes about four
};

constexpr uint32_t kDeepestSource = 200;      ///< nested brackets, blocks and chained operators of a template
constexpr uint32_t kDeepestValue = 250;       ///< lists within lists; files nested deeper are refused by base/json too
constexpr uint64_t kLongestRange = 100'000;   ///< items of range(), as in Jinja's sandbox
constexpr uint64_t kMostKeywords = 200;       ///< keyword arguments of one call
constexpr uint64_t kLargestSource = 64 << 20; ///< bytes of a template

/// What the values of one rendering take; every object counts itself in and out.
struct Meter {
    uint64_t bytes = 0;
    uint32_t deepest = 0; ///< nesting of the deepest value that was made
};

} // namespace weft::detail::jinja
