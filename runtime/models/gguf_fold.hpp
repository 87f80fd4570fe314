// SPDX-License-Identifier: Apache-2.0
// L5: the multipliers of a schedule moved into its weights, as GGUF's converter does it to Falcon-H1.
#pragma once
#include "models/architecture.hpp"

namespace weft::detail {

/// Rows [first, first + count) of a slot's matrix, or elements of a vector, that are to be multiplied.
struct RowFactor {
    WeightId slot = kNoWeight;
    uint32_t first = 0, count = 0;
    float factor = 1;
};

/// Sets every multiplier that a weight can take over to 1 and says what that weight is to be multiplied with.
/// What none can take over stays.
std::vector<RowFactor> fold_multipliers(Schedule& schedule);

} // namespace weft::detail
