// SPDX-License-Identifier: Apache-2.0
// L5, stage 3: the model turns each piece of text into token ids, and knows the vocabulary.
#pragma once
#include "text/part.hpp"
#include <optional>
#include <string>
#include <unordered_map>

namespace weft::text {

constexpr uint32_t kHighestToken = (1u << 24) - 1; ///< so that tables by id stay small; the largest known vocabulary has 2^20

/// Tokens and their ids. Not every id below size() need have a token.
class Vocabulary {
public:
    Vocabulary() = default;
    Vocabulary(Vocabulary&&) = default;
    Vocabulary& operator=(Vocabulary&&) = default;

    /// Reads the object under `key`: each value an id of at most kHighestToken.
    static Result<Vocabulary> read(const JsonObject& part, const std::string& key);

    /// Adds a token, or gives a known one another id.
    void add(std::string_view token, uint32_t id);
    std::optional<uint32_t> id_of(std::string_view token) const;
    /// The token with this id, or nothing.
    std::optional<std::string_view> token(uint32_t id) const;
    /// How many tokens there are.
    size_t count() const { return ids_.size(); }
    /// One more than the highest id.
    uint32_t size() const { return size_; }

private:
    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> ids_;
    std::unordered_map<uint32_t, std::string_view> tokens_; // into the keys of ids_, which never move
    uint32_t size_ = 0;
};

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

} // namespace weft::text
