// SPDX-License-Identifier: Apache-2.0
// L5, stage 3: the model turns each piece of text into token ids, and knows the vocabulary.
#pragma once
#include "text/tokenizer/vocabulary.hpp"
#include <memory>

namespace weft::detail::text {

struct PartReader;

/// One text on its way through a model. Holds what the model reuses from piece to piece; one thread at a time.
class TokenSession {
public:
    virtual ~TokenSession() = default;
    /// Appends the ids of `piece`, which is not empty and outlives the session.
    virtual Status tokenize(std::string_view piece, std::vector<uint32_t>& ids) = 0;
};

/// Immutable; shareable between threads.
class TokenModel {
public:
    virtual ~TokenModel() = default;
    virtual const Vocabulary& vocabulary() const = 0;
    /// Begins a text. The model must outlive the session.
    virtual std::unique_ptr<TokenSession> begin() const = 0;
};

Result<std::unique_ptr<TokenModel>> read_token_model(const PartReader& part);

} // namespace weft::detail::text
