// SPDX-License-Identifier: Apache-2.0
// L6: classes: their names, and how probable they are.
#pragma once
#include "io/model_files.hpp"

namespace weft::detail {

struct Classes {
    std::vector<std::string> labels; ///< of all
    bool exclusive = true;           ///< they share one probability; else each has its own

    struct One {
        uint32_t index = 0;
        float probability = 0;
    };
    /// The `most` likeliest, the likeliest first, of logits [labels].
    std::vector<One> likeliest(std::span<const float> logits, size_t most) const;
};

/// id2label and problem_type of config.json, of `count` classes; those that have no name there are LABEL_n, as in
/// transformers.
Result<Classes> read_classes(const ModelFiles& files, uint32_t count);

} // namespace weft::detail
