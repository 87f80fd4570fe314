// SPDX-License-Identifier: Apache-2.0
// L6: how a model's files want text to be made: sampling, ends, and the most tokens.
#pragma once
#include "io/model_files.hpp"
#include <weft/generate_options.hpp>
#include <weft/tokenizer.hpp>

namespace weft::detail {

struct GenerationDefaults {
    SamplingOptions sampling;
    std::optional<uint32_t> max_tokens;
    uint32_t max_length = 0;          ///< GenerateOptions::max_length
    std::vector<uint32_t> end_tokens; ///< of all files that name some, each once
    std::vector<std::string> stop;
};

/// Adds to `ends`, unless it is there already.
void add_end(std::vector<uint32_t>& ends, uint32_t id);
/// Adds the special tokens whose names say that they end a turn, as in llama.cpp.
void add_turn_ends(std::vector<uint32_t>& ends, const Tokenizer& tokenizer);

/// Reads generation_config.json, config.json and the eos_token of tokenizer_config.json, or a GGUF file's metadata.
/// `tokenizer` may be null.
Result<GenerationDefaults> read_generation_defaults(const ModelFiles& files, const Tokenizer* tokenizer);

} // namespace weft::detail
