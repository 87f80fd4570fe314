// SPDX-License-Identifier: Apache-2.0
// L6: text of connectionist temporal classification (Graves et al. 2006): a letter, or none, for every frame.
#pragma once
#include "io/model_files.hpp"
#include <limits>

namespace weft::detail {

struct CtcLetters {
    std::vector<std::string> all; ///< by id; an id that has none is ""
    uint32_t blank = 0;           ///< parts two letters that are the same
    uint32_t space = 0;           ///< stands between words
};

/// What vocab.json says, and `config`, the object of tokenizer_config.json. Fails (malformed, unsupported) with
/// `origin`, the former's path.
Result<CtcLetters> ctc_letters(const Json& vocabulary, const Json& config, const std::string& origin);
/// Reads vocab.json, and what tokenizer_config.json says of it. Fails (not_found, malformed, unsupported) by the file.
Result<CtcLetters> read_ctc_letters(const ModelFiles& files);

/// Frame by frame; what it returns, joined, is the text. One thread at a time.
class CtcDecoder {
public:
    explicit CtcDecoder(const CtcLetters& letters) : letters_(letters) {}
    /// The likeliest id of each frame.
    std::string push(std::span<const uint32_t> ids);

private:
    const CtcLetters& letters_;
    uint32_t last_ = std::numeric_limits<uint32_t>::max();
    bool begun_ = false;
    size_t spaces_ = 0; // wait for the word behind them
};

} // namespace weft::detail
