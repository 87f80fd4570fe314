// SPDX-License-Identifier: Apache-2.0
// What SentencePiece made: BPE with bytes for unknown characters as "llama", Unigram as "t5";
// from tokenizer.json and from a .model file.
#include "base/base64.hpp"
#include "text/gguf/gguf_draft.hpp"
#include "text/tokenizer/metaspace.hpp"
#include "unicode/unicode.hpp"
#include <unordered_map>
#include <unordered_set>

namespace weft::detail::text {
namespace {

bool is_byte_token(const std::string& token) {
    return token.size() == 6 && token.starts_with("<0x") && token.ends_with('>');
}

bool has_byte_tokens(const GgufDraft& draft) {
    size_t count = 0;
    for (const std::string& token : draft.tokens) count += is_byte_token(token);
    return count == 256;
}

bool has_mark_inside(const GgufDraft& draft) {
    for (size_t id = 0; id < draft.tokens.size(); ++id) {
        if (draft.types[id] == SentencePieces::normal && draft.tokens[id].find(kGgufSpace, 1) != std::string::npos)
            return true;
    }
    return false;
}

void set_unknown(GgufDraft& draft, std::optional<uint32_t> id) {
    if (!id || *id >= draft.tokens.size()) return;
    draft.types[*id] = SentencePieces::unknown;
    draft.ids["unknown"] = *id;
}

bool is_run(std::string_view token, std::string_view character) {
    for (size_t at = 0; at < token.size(); at += character.size()) {
        if (token.substr(at, character.size()) != character) return false;
    }
    return true;
}

// Tokens whose merges mix must have one score. Of equal scores the leftmost pair is joined first;
// the list joins the longest left half first: the same for runs of one character, as spaces are.
void check_equals(const std::vector<std::vector<uint32_t>>& groups, const std::vector<size_t>& left_sizes,
                  GgufDraft& draft) {
    for (size_t g = 0; g < groups.size(); ++g) {
        if (groups[g].size() < 2) continue;
        const std::string& first = draft.tokens[groups[g][0]];
        const std::string_view character = std::string_view(first).substr(0, code_point_at(first, 0).bytes);
        for (const uint32_t id : groups[g]) {
            if (left_sizes[g] == 0 || !is_run(draft.tokens[id], character))
                draft.refuse("merges: their order is not one of tokens ('" + draft.tokens[id] + "')");
        }
    }
}

// Readers join the pair whose token has the best score. That is what the list of merges says if it has every pair that
// spells a token, one token's pairs after the other's.
void score_by_merges(const Json& model, GgufDraft& draft) {
    std::unordered_map<std::string_view, uint32_t> found; // what can be met in a text
    for (uint32_t id = 0; id < draft.tokens.size(); ++id) {
        if (draft.types[id] == SentencePieces::normal) found[draft.tokens[id]] = id;
    }
    const auto known = [&](std::string_view token) { return found.find(token) != found.end(); };
    std::unordered_set<std::string> pairs; // "left right": no token has a space
    std::unordered_map<uint32_t, size_t> group_of;
    std::vector<std::vector<uint32_t>> groups; // tokens of one score, the best first
    std::vector<size_t> left_sizes;            // of a group's last pair; 0 once they have grown
    for (const auto& [left, right] : merges_of(model)) {
        const std::string joined = left + right;
        if (is_byte_token(joined)) draft.refuse("merges: one spells " + joined);
        if (!known(left) || !known(right) || !known(joined)) continue; // never met
        const uint32_t id = found[joined];
        pairs.insert(left + " " + right);
        const auto before = group_of.find(id);
        if (before == group_of.end()) {
            group_of[id] = groups.size();
            groups.push_back({id});
            left_sizes.push_back(left.size());
            continue;
        }
        while (groups.size() > before->second + 1) {
            for (const uint32_t other : groups.back()) {
                group_of[other] = before->second;
                groups[before->second].push_back(other);
            }
            if (left_sizes.back() > left_sizes[before->second]) left_sizes[before->second] = 0;
            else left_sizes[before->second] = left_sizes.back();
            groups.pop_back();
            left_sizes.pop_back();
        }
        if (left.size() > left_sizes.back()) left_sizes.back() = 0;
        else left_sizes.back() = left.size();
    }
    check_equals(groups, left_sizes, draft);
    draft.scores.assign(draft.tokens.size(), 0);
    for (const auto& [token, id] : found) draft.scores[id] = group_of.contains(id) ? -float(group_of[id]) - 1 : -1e6f;
    for (const auto& [token, id] : found) {
        for (size_t at = code_point_at(token, 0).bytes; at < token.size(); at += code_point_at(token, at).bytes) {
            const std::string_view left = token.substr(0, at), right = token.substr(at);
            if (!known(left) || !known(right) || pairs.contains(std::string(left) + " " + std::string(right))) continue;
            draft.refuse("merges: scores would join '" + std::string(left) + "' and '" + std::string(right) + "' too");
        }
    }
}

// How the spaces of a text become U+2581; true if one is put in front.
Result<bool> read_spaces(const JsonTokenizer& from, GgufDraft& draft) {
    bool prefix = false, replaced = false;
    for (const Json* part : from.normalizers()) {
        const std::string kind = kind_of(*part);
        if (kind == "Prepend" && text_of(*part, "prepend") == kGgufSpace && !replaced) prefix = true;
        else if (kind == "Replace" && looks_for(*part, "String", " ") && text_of(*part, "content") == kGgufSpace)
            replaced = true;
        else draft.refuse("normalizer: " + kind);
    }
    for (const Json* part : from.pre_tokenizers()) {
        const std::string kind = kind_of(*part);
        if (kind == "Split" && replaced && looks_for(*part, "String", " ")) continue; // there are none left
        if (kind != "Metaspace" || replaced) {
            draft.refuse("pre_tokenizer: " + kind);
            continue;
        }
        weft_ASSIGN(const Metaspace metaspace, Metaspace::read(JsonObject(*part, "pre_tokenizer")));
        if (metaspace.replacement != kGgufSpace) draft.refuse("pre_tokenizer: Metaspace with another replacement");
        prefix = metaspace.scheme != Metaspace::never;
        replaced = true;
        draft.differ(prefix,
                     metaspace.scheme == Metaspace::first
                         ? "pre_tokenizer: Metaspace puts a space before the text only, and where it begins with none"
                         : "pre_tokenizer: Metaspace puts a space before texts that begin with none");
        draft.differ(metaspace.split && has_mark_inside(draft), "pre_tokenizer: Metaspace splits");
    }
    if (!replaced) draft.refuse("spaces that stay spaces");
    return prefix;
}

} // namespace

Status draft_pieces_bpe(const JsonTokenizer& from, GgufDraft& draft) {
    const Json& model = from.model();
    draft.kind = "llama";
    weft_ASSIGN(const bool prefix, read_spaces(from, draft));
    draft.flags["add_space_prefix"] = prefix;
    if (!has_byte_tokens(draft)) draft.refuse("BPE with byte_fallback, but without tokens for all bytes");
    for (size_t id = 0; id < draft.tokens.size(); ++id) {
        if (is_byte_token(draft.tokens[id])) draft.types[id] = SentencePieces::byte;
    }
    score_by_merges(model, draft);
    if (const std::string unk = text_of(model, "unk_token"); !unk.empty()) set_unknown(draft, draft.id_of(unk));
    draft.differ(flag_of(model, "ignore_merges", false), "ignore_merges: true");
    draft.differ(!from.decoder_is(space_mark_decoder(prefix)), "decoder");
    return draft.surround(from.parts, "bos", "eos", "add_eos_token");
}

Status draft_unigram(const JsonTokenizer& from, GgufDraft& draft) {
    const Json& model = from.model();
    draft.kind = "t5";
    bool squeezes = false, prefix = false, spaces = false;
    for (const Json* part : from.normalizers()) {
        const std::string kind = kind_of(*part);
        if (kind == "Precompiled" && draft.charsmap.empty()) {
            const auto map = from_base64(text_of(*part, "precompiled_charsmap"));
            if (map) draft.charsmap = *map;
        } else if (kind == "Replace" && looks_for(*part, "Regex", " {2,}")) squeezes = true;
        else if (kind != "Strip" && kind != "Precompiled") draft.refuse("normalizer: " + kind);
    }
    for (const Json* part : from.pre_tokenizers()) {
        const std::string kind = kind_of(*part);
        if (kind == "WhitespaceSplit" && !spaces) squeezes = true;
        else if (kind != "Metaspace" || spaces) draft.refuse("pre_tokenizer: " + kind);
        if (kind != "Metaspace") continue;
        weft_ASSIGN(const Metaspace metaspace, Metaspace::read(JsonObject(*part, "pre_tokenizer")));
        if (metaspace.replacement != kGgufSpace) draft.refuse("pre_tokenizer: Metaspace with another replacement");
        prefix = metaspace.scheme != Metaspace::never;
        spaces = true;
    }
    if (!spaces) draft.refuse("pre_tokenizer: no Metaspace");
    if (flag_of(model, "byte_fallback", false)) draft.refuse("Unigram with byte_fallback");
    draft.differ(true, "spaces, which GGUF's readers take as SentencePiece does");
    draft.flags["add_space_prefix"] = prefix;
    draft.flags["remove_extra_whitespaces"] = squeezes;
    draft.scores.assign(draft.tokens.size(), 0);
    for (size_t id = 0; id < model["vocab"].size() && id < draft.scores.size(); ++id)
        draft.scores[id] = model["vocab"][id][1].get<float>();
    if (model.contains("unk_id") && model["unk_id"].is_number_unsigned())
        set_unknown(draft, model["unk_id"].get<uint32_t>());
    return draft.surround(from.parts, "bos", "eos", "add_eos_token");
}

Status draft_sentencepiece(const SentencePieces& file, GgufDraft& draft) {
    const bool unigram = file.kind == SentencePieces::unigram;
    draft.kind = unigram ? "t5" : "llama";
    if (!unigram && file.kind != SentencePieces::bpe) draft.refuse("a SentencePiece model of words or characters");
    if (unigram && file.byte_fallback) draft.refuse("Unigram with byte_fallback");
    if (!unigram && (!file.byte_fallback || !has_byte_tokens(draft))) draft.refuse("BPE without tokens for all bytes");
    if (!file.escape_whitespaces) draft.refuse("escape_whitespaces: false");
    draft.scores.assign(draft.tokens.size(), 0);
    bool symbols = false;
    for (uint32_t id = 0; id < file.pieces.size() && id < draft.tokens.size(); ++id) {
        draft.scores[id] = float(file.pieces[id].score);
        draft.types[id] = file.pieces[id].type;
        symbols = symbols || file.pieces[id].type == SentencePieces::user_defined;
        if (file.pieces[id].type != SentencePieces::unknown) continue;
        set_unknown(draft, id);
        draft.differ(true, "the text " + file.pieces[id].text + ", which GGUF's readers take for the token");
    }
    draft.differ(symbols && (file.add_dummy_prefix || file.remove_extra_whitespaces),
                 "spaces beside user-defined symbols");
    draft.flags["add_space_prefix"] = file.add_dummy_prefix;
    draft.flags["remove_extra_whitespaces"] = file.remove_extra_whitespaces;
    if (file.space_is_suffix) draft.flags["treat_whitespace_as_suffix"] = true;
    draft.charsmap = file.charsmap;
    return Ok{};
}

} // namespace weft::detail::text
