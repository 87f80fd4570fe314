// SPDX-License-Identifier: Apache-2.0
// L5: a vocabulary: tokens and their ids, found both ways.
#pragma once
#include "base/result.hpp"
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail {
class JsonObject;
}

namespace weft::detail::text {

/// So that tables by id stay small; the largest known vocabulary has 2^20.
constexpr uint32_t kHighestToken = (1u << 24) - 1;

/// Tokens and their ids. Not every id below size() need have a token. All tokens lie in one string:
/// a vocabulary has 10^5 of them.
class Vocabulary {
public:
    /// Reads the object under `key`: each value an id of at most kHighestToken.
    static Result<Vocabulary> read(const JsonObject& part, const std::string& key);

    /// Adds a token, or gives a known one another id. Of two tokens with one id, token() gives the later.
    void add(std::string_view token, uint32_t id);
    /// The same for a token of a file; fails if the id or all tokens together are too large. `where` opens the message.
    Status add_checked(std::string_view token, uint32_t id, const std::string& where);
    std::optional<uint32_t> id_of(std::string_view token) const;
    /// The token with this id, or nothing. Valid until the next add().
    std::optional<std::string_view> token(uint32_t id) const;
    /// Calls `use(token, id)` for every token.
    template <class Use>
    void each(Use use) const {
        for (const Entry& e : entries_) use(text(e), e.id);
    }
    /// Whether two tokens have the same id.
    bool shares_ids() const { return shares_ids_; }
    /// How many tokens there are.
    size_t count() const { return entries_.size(); }
    /// One more than the highest id.
    uint32_t size() const { return size_; }

private:
    struct Entry {
        uint32_t begin, length, id;
    };
    std::string_view text(const Entry& e) const { return std::string_view(bytes_).substr(e.begin, e.length); }
    size_t slot_of_text(std::string_view token) const;
    size_t slot_of_id(uint32_t id) const;
    void grow(size_t count);

    std::string bytes_;
    std::vector<Entry> entries_;
    std::vector<uint32_t> by_text_, by_id_; // open addressing, at most half full: an entry's index, or kFree
    uint32_t size_ = 0;
    bool shares_ids_ = false;
};

} // namespace weft::detail::text
