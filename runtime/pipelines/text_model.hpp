// SPDX-License-Identifier: Apache-2.0
// L6: what TextModel holds.
#pragma once
#include "pipelines/generation_defaults.hpp"
#include "pipelines/load.hpp"
#include "schedule/session.hpp"
#include <weft/text.hpp>
#include <weft/tokenizer.hpp>

namespace weft {

class TextModelState {
public:
    std::shared_ptr<const Model> model;
    std::unique_ptr<Session> session;
    std::optional<Tokenizer> tokenizer;
    GenerationDefaults defaults;
    bool add_special = true;

    /// Whether prompts are an encoder's, and the text is what its decoder makes of them.
    bool encoder() const { return has_encoder(model->schedule); }
};

} // namespace weft
