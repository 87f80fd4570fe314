// SPDX-License-Identifier: Apache-2.0
// L5, stage 2: pre-tokenizers cut the text into the words that the model sees one by one.
#pragma once
#include "text/tokenizer/pieces.hpp"
#include <memory>

namespace weft::detail::text {

struct PartReader;

/// Immutable; shareable between threads.
class PreTokenizer {
public:
    virtual ~PreTokenizer() = default;
    /// Cuts and rewrites the text pieces; all text together may grow to `limit` bytes.
    virtual Status apply(Pieces& pieces, size_t limit) const = 0;
};

Result<std::unique_ptr<PreTokenizer>> read_pre_tokenizer(const PartReader& part);

} // namespace weft::detail::text
