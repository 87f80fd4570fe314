// SPDX-License-Identifier: Apache-2.0
#include "text/gguf/gguf_draft.hpp"
#include <algorithm>

namespace weft::detail::text {
namespace {

void collect_parts(const Json& part, const char* list, int depth, std::vector<const Json*>& out) {
    if (!part.is_object()) return;
    if (part.contains(list) && part[list].is_array() && depth < 16) {
        for (const Json& p : part[list]) collect_parts(p, list, depth + 1, out);
    } else {
        out.push_back(&part);
    }
}

// A part without the settings that say nothing: offsets, and what is not given.
Json plain_part(Json part) {
    if (part.is_object()) {
        for (const char* key : {"trim_offsets", "add_prefix_space", "use_regex"}) part.erase(key);
        for (auto& value : part) value = plain_part(value);
    } else if (part.is_array()) {
        for (auto& value : part) value = plain_part(value);
    }
    return part;
}

} // namespace

std::optional<uint32_t> GgufDraft::id_of(std::string_view token) const {
    const auto at = std::find(tokens.begin(), tokens.end(), token);
    return at == tokens.end() ? std::nullopt : std::optional<uint32_t>(uint32_t(at - tokens.begin()));
}

Status GgufDraft::fill(const TokenizerParts& parts, uint32_t size, const std::string& origin) {
    const Vocabulary& vocabulary = parts.model->vocabulary();
    if (vocabulary.size() > size)
        return Error{ErrorCode::malformed,
                     origin + ": token " + std::to_string(vocabulary.size() - 1) + " is beyond the " +
                         std::to_string(size) + " rows of the embedding",
                     {}};
    if (vocabulary.shares_ids()) refuse("two tokens with one id");
    tokens.assign(size, {});
    types.assign(size, SentencePieces::unused);
    vocabulary.each([&](std::string_view token, uint32_t id) {
        tokens[id] = token;
        types[id] = SentencePieces::normal;
    });
    differ(parts.added.size() > size, "added tokens beyond the rows of the embedding");
    bool strips = false, normalized = false;
    for (uint32_t id = 0; id < std::min(parts.added.size(), size); ++id) {
        const AddedToken* token = parts.added.token(id);
        if (!token) continue;
        tokens[id] = token->content;
        types[id] = parts.added.is_special(token->content) ? SentencePieces::control : SentencePieces::user_defined;
        strips = strips || token->lstrip || token->rstrip || token->single_word;
        normalized = normalized || (token->normalized && parts.normalizer);
    }
    differ(strips, "added tokens that take spaces or stand as words of their own");
    differ(normalized, "added tokens that are looked for after normalizing");
    for (uint32_t id = 0; id < size; ++id) {
        if (types[id] != SentencePieces::unused) continue;
        tokens[id] = "[PAD" + std::to_string(id) + "]";
        while (vocabulary.id_of(tokens[id]) || parts.added.id_of(tokens[id])) tokens[id] += '_';
    }
    return Ok{};
}

Status GgufDraft::surround(const TokenizerParts& parts, const std::string& begin, const std::string& end,
                           const std::string& end_flag) {
    const uint32_t text = kHighestToken + 1; // which no token is
    std::vector<Sequence> sequences(1);
    sequences[0].append(text, 0);
    if (parts.post_processor) weft_TRY(parts.post_processor->apply(sequences, true));
    std::vector<uint32_t> all;
    for (const Sequence& s : sequences) all.insert(all.end(), s.ids.begin(), s.ids.end());
    const auto at = std::find(all.begin(), all.end(), text);
    if (at == all.end()) {
        refuse("post_processor: one that drops the text");
        return Ok{};
    }
    const auto before = size_t(at - all.begin()), after = all.size() - before - 1;
    const auto say = [&](bool there, const std::string& name, uint32_t id, const std::string& flag) {
        flags[flag] = there;
        if (!there) return;
        differ(id >= tokens.size() || (ids.contains(name) && ids[name] != id && name != "cls" && name != "seperator"),
               "the token that is put at the " + std::string(name == begin ? "beginning" : "end") + " of a text");
        if (id < tokens.size()) ids[name] = id;
    };
    differ(before > 1 || after > 1, "several tokens around a text");
    say(before == 1, begin, all[0], "add_bos_token");
    say(after == 1, end, all.back(), end_flag);
    return Ok{};
}

std::vector<const Json*> JsonTokenizer::stage(const char* name, const char* list) const {
    std::vector<const Json*> parts_of_it;
    if (json.contains(name)) collect_parts(json[name], list, 0, parts_of_it);
    return parts_of_it;
}

bool JsonTokenizer::decoder_is(const Json& expected) const {
    return json.contains("decoder") && plain_part(json["decoder"]) == plain_part(expected);
}

std::string text_of(const Json& part, const char* key, const char* otherwise) {
    return part.contains(key) && part[key].is_string() ? part[key].get<std::string>() : otherwise;
}
bool flag_of(const Json& part, const char* key, bool otherwise) {
    return part.contains(key) && part[key].is_boolean() ? part[key].get<bool>() : otherwise;
}

std::vector<std::pair<std::string, std::string>> merges_of(const Json& model) {
    std::vector<std::pair<std::string, std::string>> merges;
    for (const Json& merge : model["merges"]) {
        if (!merge.is_string()) {
            merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
            continue;
        }
        const auto& line = merge.get_ref<const std::string&>();
        const size_t space = line.find(' ');
        if (!line.starts_with("#version"))
            merges.emplace_back(line.substr(0, space), space == line.npos ? "" : line.substr(space + 1));
    }
    return merges;
}

bool looks_for(const Json& part, const char* kind, std::string_view text) {
    return part.contains("pattern") && part["pattern"].is_object() && part["pattern"].contains(kind) &&
           part["pattern"][kind] == text;
}

} // namespace weft::detail::text
