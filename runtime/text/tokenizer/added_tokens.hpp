// SPDX-License-Identifier: Apache-2.0
// L5: added tokens, which are found in the text before anything else touches it, and the tokens that count as special.
#pragma once
#include "text/tokenizer/normalizers.hpp"
#include "text/tokenizer/prefix_tree.hpp"
#include "text/tokenizer/token_model.hpp"
#include <array>
#include <span>
#include <unordered_map>
#include <unordered_set>

namespace weft::detail {
class JsonObject;
}

namespace weft::detail::text {

struct AddedToken {
    std::string content;
    bool single_word = false; ///< only where no word character is on either side
    bool lstrip = false;      ///< takes the white space on its left
    bool rstrip = false;
    bool normalized = false; ///< looked for, in its normalized form, after the normalizer
    bool special = false;
    bool says_normalized = true; ///< the file does; else special tokens are not normalized and others are
    std::optional<uint32_t> id;  ///< as the file says; only for what is not in the model's vocabulary

    /// Reads an object with these names as keys, but the id.
    static Result<AddedToken> read(const JsonObject& item);
};

/// A set of strings to find in a text: at each place the longest one.
class StringFinder {
public:
    /// The first of two equal strings wins. Empty ones are not added.
    void add(std::string_view text, uint32_t value);
    struct Hit {
        size_t begin, end;
        uint32_t value;
    };
    /// The leftmost hit from `from` on.
    std::optional<Hit> find(std::string_view text, size_t from) const;

private:
    PrefixTree tree_;
    std::array<bool, 256> starts_{};
};

class AddedTokens {
public:
    /// Reads the key `added_tokens` of `file`. A token that the model knows keeps its id; others follow the model's in
    /// order. The file's own ids are not read: the library does not heed them either.
    static Result<AddedTokens> read(const JsonObject& file, const Vocabulary& model, const Normalizer* normalizer);
    /// The same from a list. `where` opens every message.
    static Result<AddedTokens> make(std::vector<AddedToken> list, const Vocabulary& model, const Normalizer* normalizer,
                                    const std::string& where);

    /// Special tokens are text like any other from now on.
    void split_special() { split_special_ = true; }

    /// Cuts `text` at its added tokens and normalizes what lies between.
    Result<Pieces> extract(std::string_view text, const Normalizer* normalizer) const;

    std::optional<uint32_t> id_of(std::string_view content) const;
    /// The token, or null.
    const AddedToken* token(uint32_t id) const;
    /// What the decoder sees of an added token: its normalized form, if it has one.
    std::string_view decoded(uint32_t id) const;
    bool is_special(std::string_view content) const { return special_.contains(std::string(content)); }
    uint32_t size() const { return size_; } ///< one more than the highest id

private:
    Status add(AddedToken token, uint32_t& next_id, const Vocabulary& model, const Normalizer* normalizer,
               const std::string& where);
    /// Cuts one stretch of text, [begin, end) of `from`, into `to`, which holds the same text.
    void cut(const StringFinder& finder, const Pieces::Piece& stretch, const Pieces& from, Pieces& to) const;

    std::unordered_map<std::string, uint32_t> ids_;
    std::unordered_map<uint32_t, AddedToken> tokens_;
    std::unordered_map<uint32_t, std::string> normalized_; // where it differs from the content
    std::unordered_set<std::string> special_;
    StringFinder plain_, after_normalizing_;
    uint32_t size_ = 0;
    bool split_special_ = false;
};

} // namespace weft::detail::text
