// SPDX-License-Identifier: Apache-2.0
// L6: a prompt as its model takes it in: tokens, and before those that stand for a picture the picture.
#pragma once
#include "pipelines/model_state.hpp"
#include <weft/generate.hpp>

namespace weft::detail {

struct SeenPrompt {
    struct Seen {
        std::vector<float> values; ///< as the model's input has them
        Extent size;
        size_t end = 0; ///< tokens up to the last that stands for it
    };
    std::vector<uint32_t> ids;
    std::vector<Seen> pictures; ///< in the order of their tokens
};

/// `anew`: the text begins a sequence. The model has a tokenizer.
Result<SeenPrompt> seen_prompt(const ModelState& model, const Prompt& prompt, bool anew);
/// Takes in what is before the last picture, and sees that one; `rest` becomes the tokens that are still to be fed.
Status feed_pictures(Session& session, const SeenPrompt& prompt, std::span<const uint32_t>& rest);

} // namespace weft::detail
