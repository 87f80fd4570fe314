// SPDX-License-Identifier: Apache-2.0
#include "text/token_model.hpp"
#include "text/bpe.hpp"

namespace weft::text {
namespace {

constexpr PartType<TokenModel> kTypes[] = {
    {"BPE", read_bpe},
};

} // namespace

Result<std::unique_ptr<TokenModel>> read_token_model(const PartReader& part) {
    if (!part.has("type") && part.has("merges")) return read_bpe(part); // older files have no type
    return read_typed(part, kTypes);
}

Result<Vocabulary> Vocabulary::read(const JsonObject& part, const std::string& key) {
    weft_ASSIGN(const JsonObject object, part.object(key));
    Vocabulary vocabulary;
    vocabulary.ids_.reserve(object.json().size());
    vocabulary.tokens_.reserve(object.json().size());
    for (const auto& [token, id] : object.json().items()) {
        if (!id.is_number_unsigned() || id.get<uint64_t>() > kHighestToken) {
            return part.bad(key, "must map tokens to ids from 0 to 2^24 - 1; '" + token.substr(0, 64) + "' breaks that");
        }
        vocabulary.add(token, id.get<uint32_t>());
    }
    return vocabulary;
}

void Vocabulary::add(std::string_view token, uint32_t id) {
    auto [it, added] = ids_.try_emplace(std::string(token), id);
    if (!added) {
        const auto old = tokens_.find(it->second);
        if (old != tokens_.end() && old->second == it->first) tokens_.erase(old);
        it->second = id;
    }
    tokens_[id] = it->first;
    size_ = std::max(size_, id + 1);
}

std::optional<uint32_t> Vocabulary::id_of(std::string_view token) const {
    const auto it = ids_.find(token);
    if (it == ids_.end()) return std::nullopt;
    return it->second;
}

std::optional<std::string_view> Vocabulary::token(uint32_t id) const {
    const auto it = tokens_.find(id);
    if (it == tokens_.end()) return std::nullopt;
    return it->second;
}

} // namespace weft::text
