// SPDX-License-Identifier: Apache-2.0
// L4: the rows of one sequence in a view, as the host lists them for a step.
#pragma once
#include "schedule/schedule.hpp"
#include <span>

namespace weft::detail {

/// A sequence of a view: which of the stage's rows follow each other, numbered within their own sequence.
struct ViewSequence {
    std::vector<uint32_t> rows;
    uint32_t across = 0; ///< of windows: how wide it is
};

/// The sequences that a view makes of one: of a picture with rows that are no patches in the places `extra`, or of
/// tokens, which are a picture of one row. Each row is in one of them, once; windows take no extra rows.
std::vector<ViewSequence> sequences_of(const View& view, PictureRows picture, std::span<const uint32_t> extra = {});
/// The way to each of these rows of one sequence from the one before: ViewRows::turns.
std::vector<uint32_t> turns_of(std::span<const uint32_t> rows, PictureRows picture,
                               std::span<const uint32_t> extra = {});

} // namespace weft::detail
