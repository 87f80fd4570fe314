// SPDX-License-Identifier: Apache-2.0
// Vocabularies without the rest: vocab.txt (BERT), vocab.json and merges.txt (GPT-2, RoBERTa, CLIP, Qwen2),
// vocab.json alone (CTC models). The class of the tokenizer says the rest.
#include "text/files/tokenizer_class.hpp"
#include "text/files/tokenizer_readers.hpp"
#include "text/regex/split_patterns.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>

namespace weft::detail::text {
namespace {

using Name = std::optional<std::string>; // of a special token, if the vocabulary has it

// Gives `json` the special tokens of the settings, with these as what there is without: {"bos_token", "<s>"}, ...
Status add_special_tokens(Json& json, const TokenizerSettings& settings,
                          std::initializer_list<std::pair<const char*, const char*>> defaults) {
    Json added = Json::array();
    for (const auto& [key, otherwise] : defaults) {
        weft_ASSIGN(const auto given, settings.token(key));
        AddedToken token;
        token.content = given.value_or(otherwise);
        token.special = true;
        token.lstrip = token.content == "<mask>";
        if (token.content.empty() || (!given && !json["model"]["vocab"].contains(token.content))) continue;
        if (std::none_of(added.begin(), added.end(), [&](const Json& t) { return t["content"] == token.content; }))
            added.push_back(as_json(token));
    }
    for (const AddedToken& token : settings.added) added.push_back(as_json(token));
    json["added_tokens"] = std::move(added);
    return Ok{};
}

Result<Name> special_name(const Json& json, const TokenizerSettings& settings, const char* key, const char* otherwise) {
    weft_ASSIGN(const auto given, settings.token(key));
    Name name = given.value_or(otherwise);
    if (!json["model"]["vocab"].contains(*name)) name.reset();
    return name;
}

// `before` A `after`, and for a pair `before` A `after` `between` B `after`.
void surround(Json& json, const Name& before, const Name& after, const Name& between) {
    Json single = Json::array(), pair = Json::array(), names = Json::object();
    const auto add = [&](Json& list, const Name& name, int type) {
        if (!name) return;
        list.push_back({{"SpecialToken", {{"id", *name}, {"type_id", type}}}});
        names[*name] = {
            {"id", *name}, {"ids", Json::array({json["model"]["vocab"][*name]})}, {"tokens", Json::array({*name})}};
    };
    const auto add_text = [](Json& list, const char* which, int type) {
        list.push_back({{"Sequence", {{"id", which}, {"type_id", type}}}});
    };
    for (Json* list : {&single, &pair}) {
        add(*list, before, 0);
        add_text(*list, "A", 0);
        add(*list, after, 0);
    }
    add(pair, between, 1);
    add_text(pair, "B", 1);
    add(pair, after, 1);
    json["post_processor"] = {
        {"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", names}};
}

bool is_cased(const Json& vocabulary) {
    for (const auto& [token, id] : vocabulary.items()) {
        const bool special = token.starts_with('[') || token.starts_with('<');
        if (!special && std::any_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
            return true;
    }
    return false;
}

void add_settings(Json& vocabulary, const TokenizerSettings& settings) {
    for (const AddedToken& token : settings.added) {
        if (!vocabulary.contains(token.content)) vocabulary[token.content] = *token.id;
    }
}

Error not_utf8(const std::string& origin, size_t line) {
    return {ErrorCode::malformed, origin + ": line " + std::to_string(line) + " is not UTF-8", {}};
}

// Calls `use(line, its number from 0)`; what ends a line is not a part of it.
template <class Use>
Status each_line(std::string_view text, const std::string& origin, Use use) {
    for (size_t at = 0, number = 0; at < text.size(); ++number) {
        const size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, end - at);
        at = end + 1;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (valid_utf8_prefix(line) != line.size()) return not_utf8(origin, number + 1);
        if (!line.empty()) weft_TRY(use(std::string(line), number));
    }
    return Ok{};
}

// Characters, spaces as the word delimiter, and a decoder that drops blanks and repeats.
Result<Json> ctc_as_json(const Json& root, const TokenizerSettings& settings) {
    weft_ASSIGN(const auto unk, settings.token("unk_token"));
    weft_ASSIGN(const auto pad, settings.token("pad_token"));
    weft_ASSIGN(const auto delimiter, settings.token("word_delimiter_token"));
    Json json = {{"model", {{"type", "WordLevel"}, {"unk_token", unk.value_or("<unk>")}}}};
    json["model"]["vocab"] = root;
    add_settings(json["model"]["vocab"], settings);
    json["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", delimiter.value_or("|")}};
    json["pre_tokenizer"] = {
        {"type", "Split"}, {"pattern", {{"String", ""}}}, {"behavior", "Isolated"}, {"invert", false}};
    json["decoder"] = {{"type", "CTC"},
                       {"pad_token", pad.value_or("<pad>")},
                       {"word_delimiter_token", delimiter.value_or("|")},
                       {"cleanup", true}};
    weft_TRY(add_special_tokens(
        json, settings, {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}}));
    return json;
}

// What CLIP's tokenizer does beyond BPE: lower case, words that end in </w>.
void add_clip_stages(Json& json) {
    json["model"]["end_of_word_suffix"] = "</w>";
    const Json space = {{"type", "Replace"}, {"pattern", {{"Regex", "\\s+"}}}, {"content", " "}};
    json["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}, space, {{"type", "Lowercase"}}}}};
    const Json words = {
        {"type", "Split"},
        {"behavior", "Removed"},
        {"invert", true},
        {"pattern",
         {{"Regex",
           R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)"}}}};
    const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
    json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {words, bytes}}};
    const Json suffix = {{"type", "Replace"}, {"pattern", {{"String", "</w>"}}}, {"content", " "}};
    json["decoder"] = {{"type", "Sequence"}, {"decoders", {suffix, {{"type", "ByteLevel"}}}}};
}

Status add_byte_level_stages(Json& json, const TokenizerSettings& settings) {
    weft_ASSIGN(const bool prefix_space, settings.flag("add_prefix_space", false));
    const std::string_view qwen_patterns[] = {kQwen2Split};
    const bool qwen = settings.is_class("Qwen2");
    if (qwen) json["normalizer"] = {{"type", "NFC"}};
    json["pre_tokenizer"] = byte_level_pre_tokenizer(
        qwen ? std::span<const std::string_view>(qwen_patterns) : std::span<const std::string_view>(), prefix_space);
    json["decoder"] = {{"type", "ByteLevel"}};
    return Ok{};
}

} // namespace

Result<Json> vocab_txt_as_json(std::string_view text, const std::string& origin, const TokenizerSettings& settings) {
    Json vocabulary = Json::object();
    weft_TRY(each_line(text, origin, [&](const std::string& line, size_t number) -> Status {
        if (vocabulary.emplace(line, number).second) return Ok{};
        return Error{ErrorCode::malformed,
                     origin + ": line " + std::to_string(number + 1) + " repeats '" + line.substr(0, 64) + "'",
                     {}};
    }));
    if (vocabulary.empty()) return Error{ErrorCode::malformed, origin + ": holds no tokens", {}};
    add_settings(vocabulary, settings);
    weft_ASSIGN(const auto given, settings.token("unk_token"));
    const std::string unk = given.value_or("[UNK]");
    if (!vocabulary.contains(unk))
        return Error{
            ErrorCode::malformed, origin + ": the unknown token '" + unk.substr(0, 64) + "' is not a line of it", {}};

    weft_ASSIGN(const bool lowercase, settings.flag("do_lower_case", !is_cased(vocabulary)));
    weft_ASSIGN(const bool strip_accents, settings.flag("strip_accents", lowercase));
    weft_ASSIGN(const bool chinese, settings.flag("tokenize_chinese_chars", true));
    Json json = {{"model",
                  {{"type", "WordPiece"},
                   {"unk_token", unk},
                   {"continuing_subword_prefix", "##"},
                   {"max_input_chars_per_word", 100}}}};
    json["model"]["vocab"] = std::move(vocabulary);
    json["normalizer"] = {{"type", "BertNormalizer"},
                          {"clean_text", true},
                          {"handle_chinese_chars", chinese},
                          {"strip_accents", strip_accents},
                          {"lowercase", lowercase}};
    json["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
    json["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
    weft_TRY(add_special_tokens(json, settings,
                                {{"pad_token", "[PAD]"},
                                 {"unk_token", "[UNK]"},
                                 {"cls_token", "[CLS]"},
                                 {"sep_token", "[SEP]"},
                                 {"mask_token", "[MASK]"}}));
    weft_ASSIGN(const Name cls, special_name(json, settings, "cls_token", "[CLS]"));
    weft_ASSIGN(const Name sep, special_name(json, settings, "sep_token", "[SEP]"));
    surround(json, cls, sep, {});
    return json;
}

Result<std::optional<Json>> nucleotides_as_json(const TokenizerSettings& settings) {
    const auto type = settings.model.find("model_type");
    const auto is = [&](const char* name, const char* model) {
        return settings.is_class(name) || (type != settings.model.end() && *type == model);
    };
    const bool caduceus = is("Caduceus", "caduceus");
    if (!caduceus && !is("HyenaDNA", "hyenadna")) return std::optional<Json>();
    Json json = {{"model", {{"type", "WordLevel"}, {"unk_token", "[UNK]"}}}};
    uint32_t id = 0;
    for (const char* token :
         {"[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]", "A", "C", "G", "T", "N"})
        json["model"]["vocab"][token] = id++;
    json["pre_tokenizer"] = {
        {"type", "Split"}, {"pattern", {{"String", ""}}}, {"behavior", "Isolated"}, {"invert", false}};
    json["decoder"] = {{"type", "Fuse"}};
    if (caduceus) { // letters of any case
        Json each = Json::array();
        for (const auto& [from, to] : {std::pair{"a", "A"}, {"c", "C"}, {"g", "G"}, {"t", "T"}, {"n", "N"}})
            each.push_back({{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}});
        json["normalizer"] = {{"type", "Sequence"}, {"normalizers", each}};
    }
    weft_TRY(add_special_tokens(json, settings,
                                {{"bos_token", "[BOS]"},
                                 {"eos_token", "[SEP]"},
                                 {"unk_token", "[UNK]"},
                                 {"sep_token", "[SEP]"},
                                 {"pad_token", "[PAD]"},
                                 {"cls_token", "[CLS]"},
                                 {"mask_token", "[MASK]"}}));
    surround(json, {}, Name("[SEP]"), {});
    weft_TRY(apply_settings(json, settings));
    return std::optional(std::move(json));
}

Result<Json> vocab_json_as_json(const Json& root, const std::string& origin, const std::optional<std::string>& merges,
                                const std::string& merges_origin, const TokenizerSettings& settings) {
    if (!root.is_object()) return Error{ErrorCode::malformed, origin + ": must be a JSON object", {}};
    if (!merges) return ctc_as_json(root, settings);
    Json json = {{"model", {{"type", "BPE"}, {"merges", Json::array()}}}};
    json["model"]["vocab"] = root;
    Json& lines = json["model"]["merges"];
    weft_TRY(each_line(*merges, merges_origin, [&](std::string line, size_t) -> Status {
        lines.push_back(std::move(line));
        return Ok{};
    }));
    bool clip = settings.is_class("CLIP");
    for (auto it = root.begin(); !clip && it != root.end(); ++it)
        clip = it.key().size() > 4 && it.key().ends_with("</w>");
    add_settings(json["model"]["vocab"], settings);
    weft_ASSIGN(const auto unk, settings.token("unk_token"));
    if (unk && root.contains(*unk)) json["model"]["unk_token"] = *unk;
    if (clip) add_clip_stages(json);
    else weft_TRY(add_byte_level_stages(json, settings));

    const bool roberta = settings.is_class("Roberta") || settings.is_class("Bart") || settings.is_class("Longformer") ||
                         settings.is_class("LED");
    weft_ASSIGN(const bool add_bos, settings.flag("add_bos_token", roberta || clip));
    weft_ASSIGN(const bool add_eos, settings.flag("add_eos_token", roberta || clip));
    const char* const bos = roberta ? "<s>" : clip ? "<|startoftext|>" : "<|endoftext|>";
    const char* const eos = roberta ? "</s>" : "<|endoftext|>";
    weft_TRY(add_special_tokens(json, settings,
                                {{"bos_token", bos},
                                 {"eos_token", eos},
                                 {"unk_token", roberta ? "<unk>" : ""},
                                 {"pad_token", roberta ? "<pad>" : ""},
                                 {"mask_token", roberta ? "<mask>" : ""}}));
    weft_ASSIGN(const Name before, special_name(json, settings, "bos_token", bos));
    weft_ASSIGN(const Name after, special_name(json, settings, "eos_token", eos));
    surround(json, add_bos ? before : Name(), add_eos ? after : Name(), roberta ? after : Name());
    return json;
}

} // namespace weft::detail::text
