// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/added_tokens.hpp"
#include "base/json.hpp"
#include "unicode/unicode.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>

namespace weft::detail::text {
namespace {

constexpr size_t kLongestContent = 4096; // the search goes this far ahead from each character of the text

bool word_before(std::string_view text, size_t at) { return at > 0 && is_word(code_point_before(text, at).value); }
bool word_after(std::string_view text, size_t at) { return at < text.size() && is_word(code_point_at(text, at).value); }

size_t skip_space_left(std::string_view text, size_t at) {
    while (at > 0) {
        const CodePoint c = code_point_before(text, at);
        if (!is_white_space(c.value)) break;
        at -= c.bytes;
    }
    return at;
}

size_t skip_space_right(std::string_view text, size_t at) {
    while (at < text.size()) {
        const CodePoint c = code_point_at(text, at);
        if (!is_white_space(c.value)) break;
        at += c.bytes;
    }
    return at;
}

} // namespace

void StringFinder::add(std::string_view text, uint32_t value) {
    const auto known = tree_.longest(text);
    if (text.empty() || (known && known->bytes == text.size())) return;
    starts_[static_cast<unsigned char>(text[0])] = true;
    tree_.add(text, value);
}

std::optional<StringFinder::Hit> StringFinder::find(std::string_view text, size_t from) const {
    if (tree_.empty()) return std::nullopt;
    for (size_t begin = from; begin < text.size(); ++begin) {
        if (!starts_[static_cast<unsigned char>(text[begin])]) continue;
        if (const auto longest = tree_.longest(text.substr(begin)))
            return Hit{begin, begin + longest->bytes, longest->value};
    }
    return std::nullopt;
}

Result<AddedToken> AddedToken::read(const JsonObject& item) {
    AddedToken token;
    weft_ASSIGN(token.content, item.string("content"));
    weft_ASSIGN(token.single_word, item.boolean_or("single_word", false));
    weft_ASSIGN(token.lstrip, item.boolean_or("lstrip", false));
    weft_ASSIGN(token.rstrip, item.boolean_or("rstrip", false));
    weft_ASSIGN(token.special, item.boolean_or("special", false));
    weft_ASSIGN(token.normalized, item.boolean_or("normalized", !token.special));
    token.says_normalized = item.has("normalized");
    if (token.content.size() > kLongestContent) return item.bad("content", "must have at most 4096 bytes");
    return token;
}

Result<AddedTokens> AddedTokens::read(const JsonObject& file, const Vocabulary& model, const Normalizer* normalizer) {
    std::vector<AddedToken> tokens;
    const auto list = file.json().find("added_tokens");
    if (list != file.json().end() && !list->is_null()) {
        if (!list->is_array()) return file.bad("added_tokens", "must be a list");
        for (size_t i = 0; i < list->size(); ++i) {
            const std::string origin = file.origin() + ": added_tokens[" + std::to_string(i) + "]";
            weft_ASSIGN(AddedToken token, AddedToken::read(JsonObject((*list)[i], origin)));
            tokens.push_back(std::move(token));
        }
    }
    return make(std::move(tokens), model, normalizer, file.origin() + ": added_tokens");
}

Result<AddedTokens> AddedTokens::make(std::vector<AddedToken> list, const Vocabulary& model,
                                      const Normalizer* normalizer, const std::string& where) {
    AddedTokens added;
    added.size_ = model.size();
    auto next_id = uint32_t(model.count());
    for (AddedToken& token : list) weft_TRY(added.add(std::move(token), next_id, model, normalizer, where));
    std::vector<uint32_t> order; // of ids, so that of two tokens which normalize to the same the first wins
    for (const auto& [id, token] : added.tokens_) order.push_back(id);
    std::sort(order.begin(), order.end());
    for (const uint32_t id : order) {
        const AddedToken& token = added.tokens_.at(id);
        if (token.normalized) added.after_normalizing_.add(added.decoded(id), id);
        else added.plain_.add(token.content, id);
    }
    return added;
}

Status AddedTokens::add(AddedToken token, uint32_t& next_id, const Vocabulary& model, const Normalizer* normalizer,
                        const std::string& where) {
    if (token.content.empty()) return Ok{};
    std::optional<uint32_t> id = id_of(token.content);
    if (!id) id = model.id_of(token.content);
    if (token.content.size() > kLongestContent)
        return Error{ErrorCode::malformed, where + ": a token has more than 4096 bytes", {}};
    if (!id) {
        if (next_id > kHighestToken)
            return Error{ErrorCode::malformed, where + ": there are more than 2^24 tokens", {}};
        id = next_id++;
    }
    if (token.normalized && normalizer) {
        NormalText text{token.content, 0, growth_limit(token.content.size())};
        if (auto status = normalizer->apply(text); !status) return in_context(where, std::move(status).error());
        if (text.text.size() > kLongestContent)
            return Error{ErrorCode::malformed, where + ": normalizes to more than 4096 bytes", {}};
        if (text.text != token.content) normalized_[*id] = std::move(text.text);
    }
    size_ = std::max(size_, *id + 1);
    ids_[token.content] = *id;
    if (token.special) special_.insert(token.content);
    tokens_.insert_or_assign(*id, std::move(token));
    return Ok{};
}

std::optional<uint32_t> AddedTokens::id_of(std::string_view content) const {
    const auto it = ids_.find(std::string(content));
    if (it == ids_.end()) return std::nullopt;
    return it->second;
}

const AddedToken* AddedTokens::token(uint32_t id) const {
    const auto it = tokens_.find(id);
    return it == tokens_.end() ? nullptr : &it->second;
}

std::string_view AddedTokens::decoded(uint32_t id) const {
    const auto it = normalized_.find(id);
    return it == normalized_.end() ? std::string_view(tokens_.at(id).content) : std::string_view(it->second);
}

void AddedTokens::cut(const StringFinder& finder, const Pieces::Piece& stretch, const Pieces& from, Pieces& to) const {
    const std::string_view text = from.view(stretch);
    const auto add = [&](size_t begin, size_t end, std::optional<uint32_t> token) {
        to.add(stretch.begin + begin, stretch.begin + end, stretch.head > begin ? stretch.head - begin : 0, token);
    };
    size_t done = 0;
    for (auto hit = finder.find(text, 0); hit; hit = finder.find(text, hit->end)) {
        const AddedToken& token = tokens_.at(hit->value);
        if (split_special_ && is_special(token.content)) continue;
        if (token.single_word && (word_before(text, hit->begin) || word_after(text, hit->end))) continue;
        size_t begin = hit->begin, end = hit->end;
        if (token.lstrip) begin = std::max(skip_space_left(text, begin), done);
        if (token.rstrip) end = skip_space_right(text, end);
        if (done < begin) add(done, begin, std::nullopt);
        add(begin, end, hit->value);
        done = end; // after rstrip the next hit may begin before this, if it begins with spaces: it counts all the same
    }
    if (done != text.size()) add(done, text.size(), std::nullopt);
}

Result<Pieces> AddedTokens::extract(std::string_view text, const Normalizer* normalizer) const {
    const size_t limit = growth_limit(text.size());
    Pieces whole;
    whole.text = text;
    if (text.empty()) return whole;
    Pieces pieces;
    cut(plain_, {0, text.size(), code_point_at(text, 0).bytes, std::nullopt}, whole, pieces);
    pieces.text = std::move(whole.text);
    if (normalizer) {
        weft_TRY(pieces.rewrite(limit, [&](NormalText& t) { return normalizer->apply(t); }));
    }
    Pieces done;
    for (const Pieces::Piece& piece : pieces.all) {
        if (piece.token) done.all.push_back(piece);
        else cut(after_normalizing_, piece, pieces, done);
    }
    done.text = std::move(pieces.text);
    return done;
}

} // namespace weft::detail::text
