// SPDX-License-Identifier: Apache-2.0
// Public: how text is to be made.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include <weft/progress.hpp>

namespace weft {

/// Filters apply in this order: repeat penalty, temperature, top-k, top-p, min-p. Model::generate_options() has what
/// the model's files ask for.
struct SamplingOptions {
    bool greedy = false;
    float temperature = 1.0f;
    uint32_t top_k = 0;               ///< 0: off
    float top_p = 1.0f, min_p = 0.0f; ///< a top_p of 0 leaves the likeliest
    float repeat_penalty = 1.0f;
    uint32_t no_repeat_ngram = 0; ///< n: no n tokens occur a second time; 0: off
    uint64_t seed = 0;            ///< the same seed and prompt give the same text on the same device
};

struct GenerateOptions {
    SamplingOptions sampling;
    uint32_t max_tokens = 256;
    uint32_t max_length = 0; ///< most tokens of the prompt and what is made together; 0: as many as fit
    bool ignore_end = false; ///< go on after an end-of-text token
    /// Text ends before any of these; the name of a special token stands for the token.
    std::vector<std::string> stop;
    /// Tokens the device makes before the host looks; more is less host time, less is smoother.
    uint32_t steps_per_wait = 4;
    ProgressFunction progress; ///< stages pipelines and prefill
};

} // namespace weft
