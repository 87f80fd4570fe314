// SPDX-License-Identifier: Apache-2.0
// Public: how well a model predicts a text.
#pragma once
#include <string_view>
#include <weft/sequence.hpp>

namespace weft {

struct PerplexityOptions {
    uint32_t window = 0; ///< tokens that are read together, at least 2; 0: the context
    SequenceOptions sequence;
    ProgressFunction progress; ///< stage prefill: tokens scored
};

struct Perplexity {
    uint64_t tokens = 0, bytes = 0;
    double nats = 0;
    weft_API double perplexity() const;
    weft_API double bits_per_byte() const;
};

/// In windows that each start without context; a window begins with the last token of the one before, so that every
/// token but the text's first is scored, and once.
weft_API Result<Perplexity> measure_perplexity(const Model& model, std::string_view text,
                                               const PerplexityOptions& options = {});

} // namespace weft
