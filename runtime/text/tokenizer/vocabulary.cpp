// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/vocabulary.hpp"
#include "base/json.hpp"
#include <algorithm>
#include <bit>

namespace weft::detail::text {
namespace {

constexpr uint32_t kFree = ~0u;

size_t hash_of(uint32_t id) { return size_t((uint64_t(id) * 0x9e3779b97f4a7c15u) >> 32); }

} // namespace

Result<Vocabulary> Vocabulary::read(const JsonObject& part, const std::string& key) {
    weft_ASSIGN(const JsonObject object, part.object(key));
    Vocabulary vocabulary;
    vocabulary.grow(object.json().size());
    for (auto it = object.json().begin(); it != object.json().end(); ++it) {
        if (!it->is_number_unsigned() || it->get<uint64_t>() > kHighestToken) {
            return part.bad(key,
                            "must map tokens to ids from 0 to 2^24 - 1; '" + it.key().substr(0, 64) + "' breaks that");
        }
        weft_TRY(vocabulary.add_checked(it.key(), it->get<uint32_t>(), part.origin() + ": key '" + key + "'"));
    }
    return vocabulary;
}

size_t Vocabulary::slot_of_text(std::string_view token) const {
    const size_t mask = by_text_.size() - 1;
    size_t slot = std::hash<std::string_view>()(token) & mask;
    while (by_text_[slot] != kFree && text(entries_[by_text_[slot]]) != token) slot = (slot + 1) & mask;
    return slot;
}

size_t Vocabulary::slot_of_id(uint32_t id) const {
    const size_t mask = by_id_.size() - 1;
    size_t slot = hash_of(id) & mask;
    while (by_id_[slot] != kFree && entries_[by_id_[slot]].id != id) slot = (slot + 1) & mask;
    return slot;
}

void Vocabulary::grow(size_t count) {
    entries_.reserve(count);
    by_text_.assign(std::bit_ceil(std::max<size_t>(16, 2 * count + 2)), kFree);
    by_id_.assign(by_text_.size(), kFree);
    for (uint32_t i = 0; i < entries_.size(); ++i) {
        by_text_[slot_of_text(text(entries_[i]))] = i;
        by_id_[slot_of_id(entries_[i].id)] = i;
    }
}

void Vocabulary::add(std::string_view token, uint32_t id) {
    if (2 * entries_.size() + 2 > by_text_.size()) grow(2 * entries_.size() + 8);
    const size_t slot = slot_of_text(token);
    const bool known = by_text_[slot] != kFree;
    if (known && entries_[by_text_[slot]].id == id) return;
    if (known) { // its old id may lie on the way to others: make the tables anew
        if (this->token(id)) shares_ids_ = true;
        entries_[by_text_[slot]].id = id;
        grow(entries_.size());
    } else {
        by_text_[slot] = uint32_t(entries_.size());
        entries_.push_back({uint32_t(bytes_.size()), uint32_t(token.size()), id});
        bytes_ += token;
        uint32_t& of_id = by_id_[slot_of_id(id)];
        if (of_id != kFree && entries_[of_id].id == id) shares_ids_ = true;
        of_id = uint32_t(entries_.size()) - 1;
    }
    size_ = std::max(size_, id + 1);
}

Status Vocabulary::add_checked(std::string_view token, uint32_t id, const std::string& where) {
    if (id > kHighestToken) return Error{ErrorCode::malformed, where + " must have ids below 2^24", {}};
    if (bytes_.size() + token.size() >= kFree)
        return Error{ErrorCode::malformed, where + " must hold less than 2^32 bytes of tokens", {}};
    add(token, id);
    return Ok{};
}

std::optional<uint32_t> Vocabulary::id_of(std::string_view token) const {
    if (by_text_.empty()) return std::nullopt;
    const uint32_t entry = by_text_[slot_of_text(token)];
    if (entry == kFree) return std::nullopt;
    return entries_[entry].id;
}

std::optional<std::string_view> Vocabulary::token(uint32_t id) const {
    if (by_id_.empty()) return std::nullopt;
    const uint32_t entry = by_id_[slot_of_id(id)];
    if (entry == kFree) return std::nullopt;
    return text(entries_[entry]);
}

} // namespace weft::detail::text
