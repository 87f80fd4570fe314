// SPDX-License-Identifier: Apache-2.0
// L4: the order of a program's calls: what does not wait for each other stands side by side.
#pragma once
#include "vulkan/program.hpp"

namespace weft::detail {

/// Sorts the calls of each segment by levels: a call is one level behind the last of those that it waits for; within a
/// level what has the longest way to the segment's end comes first, then what was recorded first. Temporaries of a
/// level are needed at the same time: a segment that would then need over a 32nd more than the program's fullest call
/// does in the order of recording keeps that order, each call a level of its own. Returns the level of each call,
/// counted through the program.
std::vector<uint32_t> sort_by_levels(vk::Program& program);

/// The levels at which temporaries, by number of resource, are needed; others are not `used`.
struct Life {
    uint32_t first = ~0u, last = 0;
    bool used() const { return first <= last; }
};
std::vector<Life> lives_of(const vk::Program& program, std::span<const uint32_t> levels);

} // namespace weft::detail
