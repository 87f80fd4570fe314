// SPDX-License-Identifier: Apache-2.0
// L6: a schedule made one that embeds: a vector for each sequence in place of logits.
#pragma once
#include "schedule/schedule.hpp"
#include <weft/embed.hpp>

namespace weft::detail {

inline constexpr const char* kEmbedding = "embedding";

/// Takes the heads off the stage that tokens enter last, and adds the output "embedding": its rows behind the last
/// norm, pooled, of unit length if `normalize`. Fails where there is no such stage.
Status make_embedder(Schedule& schedule, Pooling pooling, bool normalize);

} // namespace weft::detail
