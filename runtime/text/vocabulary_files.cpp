// SPDX-License-Identifier: Apache-2.0
// Vocabularies without the rest: vocab.txt (BERT), vocab.json and merges.txt (GPT-2, RoBERTa, CLIP, Qwen2), vocab.json alone (CTC models).
#include "text/bert_normalizer.hpp"
#include "text/bpe.hpp"
#include "text/split_patterns.hpp"
#include "text/tokenizer_readers.hpp"
#include "text/word_models.hpp"
#include "text/part.hpp"
#include <algorithm>

namespace weft::text {
namespace {

// Finds the special tokens of the settings, with these as what there is without: {"bos_token", "<s>"}, ...
Result<std::vector<AddedToken>> special_tokens(const TokenizerSettings& settings, const Vocabulary& vocabulary, std::initializer_list<std::pair<const char*, const char*>> defaults) {
    std::vector<AddedToken> added;
    for (const auto& [key, otherwise] : defaults) {
        weft_ASSIGN(const auto given, settings.token(key));
        const std::string content = given.value_or(otherwise);
        if (content.empty() || (!given && !vocabulary.id_of(content))) continue;
        if (std::any_of(added.begin(), added.end(), [&](const AddedToken& t) { return t.content == content; })) continue;
        AddedToken token;
        token.content = content;
        token.special = true;
        added.push_back(std::move(token));
    }
    for (const AddedToken& token : settings.added) added.push_back(token);
    return added;
}

Result<std::vector<uint32_t>> ids_of(const TokenizerSettings& settings, const Vocabulary& vocabulary, const char* key, const char* otherwise) {
    weft_ASSIGN(const auto given, settings.token(key));
    const auto id = vocabulary.id_of(given.value_or(otherwise));
    return id ? std::vector<uint32_t>{*id} : std::vector<uint32_t>();
}

bool is_cased(const Vocabulary& vocabulary) {
    bool cased = false;
    vocabulary.each([&](std::string_view token, uint32_t) {
        const bool special = token.starts_with('[') || token.starts_with('<');
        cased = cased || (!special && std::any_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
    });
    return cased;
}

} // namespace

Result<TokenizerParts> read_vocab_txt(std::string_view text, const std::string& origin, const TokenizerSettings& settings) {
    WordConfig config;
    config.origin = origin;
    uint32_t id = 0;
    for (size_t at = 0; at < text.size(); ++id) {
        const size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, end - at);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (valid_utf8_prefix(line) != line.size()) return Error{ErrorCode::malformed, origin + ": line " + std::to_string(id + 1) + " is not UTF-8", {}};
        if (!line.empty()) weft_TRY(config.vocabulary.add_checked(line, id, origin + ": the lines"));
        at = end + 1;
    }
    if (config.vocabulary.count() == 0) return Error{ErrorCode::malformed, origin + ": holds no tokens", {}};
    weft_TRY(settings.add_to(config.vocabulary));
    weft_ASSIGN(const auto unk, settings.token("unk_token"));
    config.unk_token = unk.value_or("[UNK]");
    if (!config.vocabulary.id_of(config.unk_token)) return Error{ErrorCode::malformed, origin + ": the unknown token '" + config.unk_token.substr(0, 64) + "' is not a line of it", {}};

    BertNormalizerConfig normal;
    weft_ASSIGN(normal.lowercase, settings.flag("do_lower_case", !is_cased(config.vocabulary)));
    weft_ASSIGN(normal.strip_accents, settings.flag("strip_accents", normal.lowercase));
    weft_ASSIGN(normal.handle_chinese_chars, settings.flag("tokenize_chinese_chars", true));
    TokenizerParts parts;
    parts.normalizer = make_bert_normalizer(normal);
    weft_ASSIGN(parts.pre_tokenizer, pre_tokenizer_from({{"type", "BertPreTokenizer"}}, origin));
    weft_ASSIGN(parts.decoder, decoder_from({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}, origin));
    weft_ASSIGN(auto added, special_tokens(settings, config.vocabulary, {{"pad_token", "[PAD]"}, {"unk_token", "[UNK]"}, {"cls_token", "[CLS]"}, {"sep_token", "[SEP]"}, {"mask_token", "[MASK]"}}));
    weft_ASSIGN(const auto cls, ids_of(settings, config.vocabulary, "cls_token", "[CLS]"));
    weft_ASSIGN(const auto sep, ids_of(settings, config.vocabulary, "sep_token", "[SEP]"));
    parts.post_processor = make_surround(cls, sep, {});
    parts.model = make_word_piece(std::move(config));
    weft_ASSIGN(parts.added, AddedTokens::make(std::move(added), parts.model->vocabulary(), parts.normalizer.get(), origin));
    return parts;
}

namespace {

// Characters, spaces as the word delimiter, and a decoder that drops blanks and repeats.
Result<TokenizerParts> make_ctc(const Json& root, const std::string& origin, const TokenizerSettings& settings) {
    WordConfig config;
    config.origin = origin;
    const Json model = {{"vocab", root}};
    weft_ASSIGN(config.vocabulary, Vocabulary::read(JsonObject(model, origin), "vocab"));
    weft_TRY(settings.add_to(config.vocabulary));
    weft_ASSIGN(const auto unk, settings.token("unk_token"));
    weft_ASSIGN(const auto pad, settings.token("pad_token"));
    weft_ASSIGN(const auto delimiter, settings.token("word_delimiter_token"));
    config.unk_token = unk.value_or("<unk>");
    TokenizerParts parts;
    weft_ASSIGN(parts.normalizer, normalizer_from({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", delimiter.value_or("|")}}, origin));
    weft_ASSIGN(parts.pre_tokenizer, pre_tokenizer_from({{"type", "Split"}, {"pattern", {{"String", ""}}}, {"behavior", "Isolated"}, {"invert", false}}, origin));
    const Json decoder = {{"type", "CTC"}, {"pad_token", pad.value_or("<pad>")}, {"word_delimiter_token", delimiter.value_or("|")}, {"cleanup", true}};
    weft_ASSIGN(parts.decoder, decoder_from(decoder, origin));
    weft_ASSIGN(auto added, special_tokens(settings, config.vocabulary, {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}}));
    parts.model = make_word_level(std::move(config));
    weft_ASSIGN(parts.added, AddedTokens::make(std::move(added), parts.model->vocabulary(), parts.normalizer.get(), origin));
    return parts;
}

} // namespace

Result<TokenizerParts> read_vocab_json(const Json& root, const std::string& origin, const std::optional<std::string>& merges, const std::string& merges_origin, const TokenizerSettings& settings) {
    if (!merges) return make_ctc(root, origin, settings);
    Json lines = Json::array();
    if (const size_t valid = valid_utf8_prefix(*merges); valid != merges->size()) return Error{ErrorCode::malformed, merges_origin + ": not UTF-8 at offset " + std::to_string(valid), {}};
    for (size_t at = 0; at < merges->size();) {
        const size_t end = std::min(merges->find('\n', at), merges->size());
        std::string line = merges->substr(at, end - at);
        at = end + 1;
        if (line.ends_with('\r')) line.pop_back();
        if (!line.empty()) lines.push_back(std::move(line));
    }
    bool clip = settings.is_class("CLIP");
    for (auto it = root.begin(); !clip && it != root.end(); ++it) clip = it.key().size() > 4 && it.key().ends_with("</w>");
    Json model = {{"type", "BPE"}, {"vocab", root}, {"merges", lines}};
    if (clip) model["end_of_word_suffix"] = "</w>";
    for (const AddedToken& token : settings.added) {
        if (!root.contains(token.content)) model["vocab"][token.content] = *token.id;
    }
    weft_ASSIGN(const auto unk, settings.token("unk_token"));
    if (unk && root.contains(*unk)) model["unk_token"] = *unk;

    TokenizerParts parts;
    weft_ASSIGN(parts.model, read_bpe(PartReader(JsonObject(model, origin), 0)));
    const Vocabulary& vocabulary = parts.model->vocabulary();
    const bool roberta = settings.is_class("Roberta") || settings.is_class("Bart") || settings.is_class("Longformer") || settings.is_class("LED");
    const bool qwen = settings.is_class("Qwen2");
    weft_ASSIGN(const bool prefix_space, settings.flag("add_prefix_space", false));
    weft_ASSIGN(const bool add_bos, settings.flag("add_bos_token", roberta || clip));
    weft_ASSIGN(const bool add_eos, settings.flag("add_eos_token", roberta || clip));
    if (clip) {
        const Json space = {{"type", "Replace"}, {"pattern", {{"Regex", "\\s+"}}}, {"content", " "}};
        weft_ASSIGN(parts.normalizer, normalizer_from({{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}, space, {{"type", "Lowercase"}}}}}, origin));
        const Json words = {{"type", "Split"}, {"behavior", "Removed"}, {"invert", true},
                            {"pattern", {{"Regex", R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)"}}}};
        const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
        weft_ASSIGN(parts.pre_tokenizer, pre_tokenizer_from({{"type", "Sequence"}, {"pretokenizers", {words, bytes}}}, origin));
        const Json suffix = {{"type", "Replace"}, {"pattern", {{"String", "</w>"}}}, {"content", " "}};
        weft_ASSIGN(parts.decoder, decoder_from({{"type", "Sequence"}, {"decoders", {suffix, {{"type", "ByteLevel"}}}}}, origin));
    } else {
        const std::string_view qwen_patterns[] = {kQwen2Split};
        if (qwen) {
            weft_ASSIGN(parts.normalizer, normalizer_from({{"type", "NFC"}}, origin));
        }
        weft_ASSIGN(parts.pre_tokenizer, pre_tokenizer_from(byte_level_pre_tokenizer(qwen ? std::span<const std::string_view>(qwen_patterns) : std::span<const std::string_view>(), prefix_space), origin));
        weft_ASSIGN(parts.decoder, decoder_from({{"type", "ByteLevel"}}, origin));
    }
    const char* const bos = roberta ? "<s>" : clip ? "<|startoftext|>" : "<|endoftext|>";
    const char* const eos = roberta ? "</s>" : "<|endoftext|>";
    weft_ASSIGN(auto added, special_tokens(settings, vocabulary, {{"bos_token", bos}, {"eos_token", eos}, {"unk_token", ""}, {"pad_token", ""}, {"mask_token", roberta ? "<mask>" : ""}}));
    weft_ASSIGN(const auto before, ids_of(settings, vocabulary, "bos_token", bos));
    weft_ASSIGN(const auto after, ids_of(settings, vocabulary, "eos_token", eos));
    parts.post_processor = make_surround(add_bos ? before : std::vector<uint32_t>(), add_eos ? after : std::vector<uint32_t>(), roberta ? after : std::vector<uint32_t>());
    for (AddedToken& token : added) {
        if (roberta && token.content == "<mask>") token.lstrip = true;
    }
    weft_ASSIGN(parts.added, AddedTokens::make(std::move(added), vocabulary, parts.normalizer.get(), origin));
    return parts;
}

} // namespace weft::text
