// SPDX-License-Identifier: Apache-2.0
// WordPiece as "bert", RWKV's vocabulary as "rwkv".
#include "text/gguf/gguf_draft.hpp"
#include "unicode/unicode.hpp"
#include <unordered_set>

namespace weft::detail::text {
namespace {

bool is_bracketed(std::string_view token) { return token.size() > 2 && token.starts_with('[') && token.ends_with(']'); }

// A word's first piece begins with U+2581 there, the others with nothing. "" for what would be read as another token.
std::string turned(const std::string& token) {
    if (is_bracketed(token)) return token;
    if (!token.starts_with("##") || token.size() == 2) return std::string(kGgufSpace) + token;
    const std::string rest = token.substr(2);
    return is_bracketed(rest) || rest.starts_with(kGgufSpace) ? "" : rest;
}

// Bytes as Python writes them between the quotes of b''.
std::string python_escaped(std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    const bool quote = bytes.find('\'') != bytes.npos && bytes.find('"') != bytes.npos;
    std::string out;
    for (const char c : bytes) {
        const auto b = static_cast<unsigned char>(c);
        if (c == '\\' || (c == '\'' && quote)) (out += '\\') += c;
        else if (c == '\n') out += "\\n";
        else if (c == '\t') out += "\\t";
        else if (c == '\r') out += "\\r";
        else if (b >= 0x20 && b < 0x7f) out += c;
        else ((out += "\\x") += digits[b >> 4]) += digits[b & 15];
    }
    return out;
}

} // namespace

Status draft_word_pieces(const JsonTokenizer& from, GgufDraft& draft) {
    const Json& model = from.model();
    draft.kind = "bert";
    if (text_of(model, "continuing_subword_prefix", "##") != "##")
        draft.refuse("WordPiece with another continuing_subword_prefix");
    const auto normalizers = from.normalizers(), pre_tokenizers = from.pre_tokenizers();
    for (const Json* part : normalizers) {
        if (kind_of(*part) != "BertNormalizer") draft.refuse("normalizer: " + kind_of(*part));
        for (const char* name : {"clean_text", "handle_chinese_chars"}) {
            if (!flag_of(*part, name, true))
                draft.refuse(std::string("normalizer: BertNormalizer with ") + name + " false");
        }
        const bool lower = flag_of(*part, "lowercase", true),
                   strip = part->contains("strip_accents") && (*part)["strip_accents"].is_boolean()
                               ? (*part)["strip_accents"].get<bool>()
                               : lower;
        draft.flags["normalizer.lowercase"] = lower;
        draft.flags["normalizer.strip_accents"] = strip;
    }
    if (normalizers.size() != 1) draft.refuse("normalizer: not BertNormalizer alone");
    for (const Json* part : pre_tokenizers) {
        if (kind_of(*part) != "BertPreTokenizer") draft.refuse("pre_tokenizer: " + kind_of(*part));
    }
    if (pre_tokenizers.size() != 1) draft.refuse("pre_tokenizer: not BertPreTokenizer alone");
    std::unordered_set<std::string> seen;
    for (size_t id = 0; id < draft.tokens.size(); ++id) {
        std::string& token = draft.tokens[id];
        if (draft.types[id] == SentencePieces::normal) {
            const std::string there = turned(token);
            if (there.empty()) draft.refuse("a token that begins with ##, '" + token.substr(0, 64) + "'");
            token = there;
        } else if (token.starts_with(kGgufSpace)) {
            draft.refuse("an added token that begins with U+2581");
        }
        if (!seen.insert(token).second) draft.refuse("two tokens that read the same, '" + token.substr(0, 64) + "'");
    }
    const std::string unk = text_of(model, "unk_token", "[UNK]");
    if (const auto id = from.parts.model->vocabulary().id_of(unk)) draft.ids["unknown"] = *id;
    draft.differ(true, "max_input_chars_per_word, which GGUF's readers do not have");
    draft.differ(!from.decoder_is({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}), "decoder");
    draft.ids.erase("bos");                                                 // readers would take it for [CLS]
    return draft.surround(from.parts, "cls", "seperator", "add_sep_token"); // the key is spelled so
}

Status draft_world(GgufDraft& draft) {
    draft.kind = "rwkv";
    for (size_t id = 0; id < draft.tokens.size(); ++id) {
        if (draft.types[id] != SentencePieces::normal) {
            draft.types[id] = SentencePieces::control;
            continue;
        }
        const auto bytes = ByteAlphabet::get().decode(draft.tokens[id]);
        if (!bytes) draft.refuse("a token that is not of the byte alphabet");
        else draft.tokens[id] = python_escaped(*bytes);
    }
    if (!draft.tokens.empty() && draft.types[0] == SentencePieces::control)
        draft.tokens[0] = "<s>"; // the end of a text, which the file of tokens does not name
    return Ok{};
}

} // namespace weft::detail::text
