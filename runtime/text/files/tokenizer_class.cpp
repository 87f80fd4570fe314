// SPDX-License-Identifier: Apache-2.0
#include "text/files/tokenizer_class.hpp"
#include "text/regex/split_patterns.hpp"
#include "text/tokenizer/sentencepiece_normalizer.hpp"
#include <algorithm>
#include <cstdlib>
#include <map>

namespace weft::detail::text {
namespace {

struct TokenizerClass {
    std::string_view name;
    std::string_view model;         ///< the type of model that it makes
    std::vector<NamedToken> tokens; ///< that it has where the files say nothing
    /// Makes the parts of `tokenizer` anew.
    Status (*rebuild)(Json& tokenizer, const TokenizerSettings& settings);
    bool plain_special = false; ///< special tokens are added once more, without the settings that files give them
};

NamedToken named(std::string name, std::string content) {
    AddedToken token;
    token.content = std::move(content);
    token.special = true;
    return {std::move(name), std::move(token)};
}

// The vocabulary and merges that are there, and nothing else of the model but these settings.
void rebuild_model(Json& tokenizer, Json settings) {
    Json& model = tokenizer["model"];
    for (const char* key : {"type", "vocab", "merges"})
        if (model.contains(key)) settings[key] = std::move(model[key]);
    model = std::move(settings);
}

Status rebuild_byte_level(Json& tokenizer, const TokenizerSettings& settings, Json normalizer) {
    weft_ASSIGN(const bool prefix, settings.flag("add_prefix_space", false));
    rebuild_model(tokenizer, Json::object());
    tokenizer["normalizer"] = std::move(normalizer);
    tokenizer["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"use_regex", true}};
    tokenizer["decoder"] = {{"type", "ByteLevel"}};
    return Ok{};
}

Status rebuild_gpt2(Json& tokenizer, const TokenizerSettings& settings) {
    return rebuild_byte_level(tokenizer, settings, nullptr);
}

Status rebuild_gpt_neox(Json& tokenizer, const TokenizerSettings& settings) {
    tokenizer["post_processor"] = nullptr; // its own puts nothing around a text beside a tokenizer.json
    return rebuild_byte_level(tokenizer, settings, {{"type", "NFC"}});
}

Status rebuild_qwen2(Json& tokenizer, const TokenizerSettings& settings) {
    weft_TRY(rebuild_byte_level(tokenizer, settings, {{"type", "NFC"}}));
    weft_ASSIGN(const bool prefix, settings.flag("add_prefix_space", false));
    const std::string_view patterns[] = {kQwen2Split};
    tokenizer["pre_tokenizer"] = byte_level_pre_tokenizer(patterns, prefix);
    return Ok{};
}

// BPE with bytes for unknown characters, whose spaces are marks.
void rebuild_marks(Json& tokenizer, const char* scheme, bool strip) {
    rebuild_model(tokenizer, {{"fuse_unk", true}, {"byte_fallback", true}});
    tokenizer["normalizer"] = nullptr;
    tokenizer["pre_tokenizer"] = {
        {"type", "Metaspace"}, {"replacement", kSpaceMark}, {"prepend_scheme", scheme}, {"split", false}};
    tokenizer["decoder"] = space_mark_decoder(strip);
}

Status rebuild_llama(Json& tokenizer, const TokenizerSettings& settings) {
    weft_ASSIGN(const bool prefix, settings.flag("add_prefix_space", true));
    weft_ASSIGN(const bool legacy, settings.flag("legacy", false));
    rebuild_marks(tokenizer, !prefix ? "never" : legacy ? "always" : "first", prefix);
    return Ok{};
}

Status rebuild_code_llama(Json& tokenizer, const TokenizerSettings& settings) {
    weft_ASSIGN(const bool prefix, settings.flag("add_prefix_space", true));
    weft_ASSIGN(const auto unk, settings.token("unk_token"));
    rebuild_marks(tokenizer, prefix ? "first" : "never", true);
    tokenizer["model"]["unk_token"] = unk.value_or("<unk>");
    return Ok{};
}

Status rebuild_gemma(Json& tokenizer, const TokenizerSettings& settings) {
    weft_ASSIGN(const auto unk, settings.token("unk_token"));
    rebuild_model(tokenizer, {{"fuse_unk", true}, {"byte_fallback", true}, {"unk_token", unk.value_or("<unk>")}});
    const Json space = {{"String", " "}};
    tokenizer["normalizer"] = {{"type", "Replace"}, {"pattern", space}, {"content", kSpaceMark}};
    tokenizer["pre_tokenizer"] = {
        {"type", "Split"}, {"pattern", space}, {"behavior", "MergedWithPrevious"}, {"invert", false}};
    tokenizer["decoder"] = space_mark_decoder(false);
    return Ok{};
}

Status rebuild_bert(Json& tokenizer, const TokenizerSettings& settings) {
    weft_ASSIGN(const bool lowercase, settings.flag("do_lower_case", true));
    weft_ASSIGN(const bool strip_accents, settings.flag("strip_accents", lowercase));
    weft_ASSIGN(const bool chinese, settings.flag("tokenize_chinese_chars", true));
    weft_ASSIGN(const auto unk, settings.token("unk_token"));
    rebuild_model(tokenizer, {{"unk_token", unk.value_or("[UNK]")}});
    tokenizer["normalizer"] = {{"type", "BertNormalizer"},
                               {"clean_text", true},
                               {"handle_chinese_chars", chinese},
                               {"strip_accents", strip_accents},
                               {"lowercase", lowercase}};
    tokenizer["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
    tokenizer["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
    return Ok{};
}

std::vector<TokenizerClass> make_classes() {
    const std::string text = "<|endoftext|>";
    using Tokens = std::vector<NamedToken>;
    const Tokens bert = {named("unk_token", "[UNK]"), named("sep_token", "[SEP]"), named("pad_token", "[PAD]"),
                         named("cls_token", "[CLS]"), named("mask_token", "[MASK]")};
    const Tokens gpt2 = {
        named("unk_token", text), named("bos_token", text), named("eos_token", text), {"pad_token", {}}};
    const Tokens gpt_neox = {named("unk_token", text), named("bos_token", text), named("eos_token", text),
                             named("pad_token", "<|padding|>")};
    const Tokens gemma = {named("unk_token", "<unk>"), named("bos_token", "<bos>"), named("eos_token", "<eos>"),
                          named("pad_token", "<pad>"), named("mask_token", "<mask>")};
    const Tokens qwen2 = {named("unk_token", text), named("eos_token", text), named("pad_token", text)};
    const Tokens llama = {named("unk_token", "<unk>"), named("bos_token", "<s>"), named("eos_token", "</s>")};
    Tokens code_llama = llama, roberta = llama;
    for (const auto& [name, token] : {std::pair("prefix_token", "\u2581<PRE>"),
                                      {"middle_token", "\u2581<MID>"},
                                      {"suffix_token", "\u2581<SUF>"},
                                      {"eot_token", "\u2581<EOT>"},
                                      {"fill_token", "<FILL_ME>"}})
        code_llama.push_back(named(name, token));
    for (const auto& [name, token] :
         {std::pair("sep_token", "</s>"), {"cls_token", "<s>"}, {"pad_token", "<pad>"}, {"mask_token", "<mask>"}})
        roberta.push_back(named(name, token));
    return {
        {"BertTokenizer", "WordPiece", bert, rebuild_bert},
        {"CodeLlamaTokenizer", "BPE", code_llama, rebuild_code_llama},
        {"GPT2Tokenizer", "BPE", gpt2, rebuild_gpt2},
        {"GPTNeoXTokenizer", "BPE", gpt_neox, rebuild_gpt_neox},
        {"GemmaTokenizer", "BPE", gemma, rebuild_gemma},
        {"LlamaTokenizer", "BPE", llama, rebuild_llama},
        {"Qwen2Tokenizer", "BPE", qwen2, rebuild_qwen2, true},
        {"RobertaTokenizer", "BPE", roberta, rebuild_gpt2},
    };
}

constexpr std::string_view kAsItIs = "TokenizersBackend"; // the class that takes all parts from the file

struct RegisteredClass {
    std::string_view model_type, name;
    bool always = false; ///< whatever class the file gives
};
constexpr RegisteredClass kRegistered[] = {
    {"falcon_mamba", "GPTNeoXTokenizer"},
    {"gemma2", "GemmaTokenizer"},
    {"gemma3", "GemmaTokenizer"},
    {"gemma3_text", "GemmaTokenizer"},
    {"glm4_moe", kAsItIs},
    {"gpt2", "GPT2Tokenizer"},
    {"granitemoehybrid", kAsItIs},
    {"jamba", kAsItIs},
    {"mamba", "GPTNeoXTokenizer"},
    {"mamba2", "GPTNeoXTokenizer"},
    {"mistral", kAsItIs},
    {"mistral3", kAsItIs},
    {"mixtral", kAsItIs},
    {"olmo2", kAsItIs},
    {"olmo3", kAsItIs},
    {"olmo_hybrid", kAsItIs},
    {"phi3", kAsItIs},
    {"qwen2", "Qwen2Tokenizer", true},
    {"qwen2_moe", "Qwen2Tokenizer"},
    {"qwen3", "Qwen2Tokenizer"},
    {"qwen3_moe", "Qwen2Tokenizer"},
    {"qwen3_next", "Qwen2Tokenizer"},
};

bool is_byte_level(const Json& tokenizer) {
    for (const char* stage : {"normalizer", "pre_tokenizer", "decoder", "post_processor"})
        if (tokenizer.contains(stage) && tokenizer[stage].dump().find("\"ByteLevel\"") != std::string::npos)
            return true;
    return false;
}

std::string text_at(const Json& file, const char* key) {
    return file.contains(key) && file[key].is_string() ? file[key].get<std::string>() : std::string();
}

std::string class_name(const Json& tokenizer, const TokenizerSettings& settings) {
    std::string given = text_at(settings.config, "tokenizer_class");
    if (given.empty()) given = text_at(settings.model, "tokenizer_class");
    if (given.ends_with("Fast")) given.resize(given.size() - 4);
    if (given == "BartTokenizer") given = "RobertaTokenizer"; // another name of the same class
    const std::string type = text_at(settings.model, "model_type");
    const auto registered = std::ranges::find(kRegistered, type, &RegisteredClass::model_type);
    if (registered == std::end(kRegistered))
        return given == "LlamaTokenizer" && is_byte_level(tokenizer) ? std::string(kAsItIs) : given;
    if (registered->name == kAsItIs || registered->always || given.empty()) return std::string(registered->name);
    return given == "LlamaTokenizer" && is_byte_level(tokenizer) ? std::string(kAsItIs) : given;
}

// The class that makes parts of this tokenizer anew, or null.
const TokenizerClass* class_of(const Json& tokenizer, const TokenizerSettings& settings) {
    static const std::vector<TokenizerClass> all = make_classes();
    const auto found = std::ranges::find(all, class_name(tokenizer, settings), &TokenizerClass::name);
    return found != all.end() && tokenizer["model"].value("type", Json()) == found->model ? &*found : nullptr;
}

// The added tokens of a tokenizer.json; nothing if they, or what else is needed here, break its rules.
std::optional<std::vector<AddedToken>> read_added(const Json& tokenizer, const TokenizerSettings& settings) {
    if (settings.origin.empty() || !tokenizer.is_object() || !tokenizer.contains("model") ||
        !tokenizer["model"].is_object())
        return std::nullopt;
    std::vector<AddedToken> tokens;
    const auto list = tokenizer.find("added_tokens");
    if (list == tokenizer.end() || list->is_null()) return tokens;
    if (!list->is_array()) return std::nullopt;
    for (const Json& item : *list) {
        auto token = AddedToken::read(JsonObject(item, settings.origin));
        if (!token) return std::nullopt;
        if (item.contains("id") && item["id"].is_number_unsigned() && item["id"] <= kHighestToken)
            token->id = item["id"].get<uint32_t>();
        tokens.push_back(std::move(*token));
    }
    return tokens;
}

// A tokenizer that was made anew begins without added tokens.
void add_tokens(Json& tokenizer, const TokenizerSettings& settings, std::vector<AddedToken> known,
                const TokenizerClass* rebuilt) {
    std::map<uint32_t, AddedToken> by_id;
    for (const AddedToken& token : settings.added) by_id.insert_or_assign(*token.id, token);
    if (!settings.has_table) {
        for (const AddedToken& token : known)
            if (token.id) by_id.insert_or_assign(*token.id, token);
    }
    std::vector<AddedToken> listed;
    for (const auto& [id, token] : by_id) listed.push_back(token);
    Json& list = tokenizer["added_tokens"];
    if (list.is_null()) list = Json::array();
    std::vector<NamedToken> defaults;
    if (rebuilt) {
        known.clear();
        list = Json::array();
        defaults = rebuilt->tokens;
    }
    const Json padding = tokenizer.value("padding", Json());
    const bool has_pad = std::ranges::find(defaults, "pad_token", &NamedToken::name) != defaults.end();
    if (!has_pad && padding.is_object() && padding.contains("pad_token") && padding["pad_token"].is_string())
        defaults.push_back(named("pad_token", padding["pad_token"].get<std::string>()));
    for (const AddedToken& token : settings.missing(known, listed, defaults)) list.push_back(as_json(token));
    if (!rebuilt || !rebuilt->plain_special) return;
    for (const AddedToken& token : settings.special(defaults)) list.push_back(as_json(*named("", token.content).token));
}

// Mistral's larger vocabularies were given a wrong pattern once, which this setting puts right.
Status fix_mistral_pattern(Json& tokenizer, const TokenizerSettings& settings) {
    constexpr std::string_view types[] = {"", "ministral", "mistral", "mistral3", "pixtral", "voxtral"};
    constexpr size_t smaller = 100000;
    weft_ASSIGN(const bool fix, settings.flag("fix_mistral_regex", false));
    const std::string type = text_at(settings.model, "model_type"),
                      version = text_at(settings.model, "transformers_version");
    const bool is_old = version.empty() || std::atoi(version.c_str()) < 5;
    const auto vocabulary = tokenizer["model"].find("vocab");
    if (!fix || !is_old || std::ranges::find(types, type) == std::end(types) ||
        vocabulary == tokenizer["model"].end() || vocabulary->size() <= smaller)
        return Ok{};
    const std::string_view patterns[] = {kTekkenSplit};
    Json fixed = byte_level_pre_tokenizer(patterns);
    Json& own = tokenizer["pre_tokenizer"];
    if (own.is_object() && own.contains("pretokenizers") && own["pretokenizers"].is_array() &&
        !own["pretokenizers"].empty()) {
        own["pretokenizers"][0] = fixed["pretokenizers"][0];
    } else if (own.is_object()) {
        if (text_at(own, "type") != "Metaspace") fixed["pretokenizers"][1] = own;
        own = std::move(fixed);
    }
    return Ok{};
}

Status add_settings(Json& tokenizer, const TokenizerSettings& settings, std::vector<AddedToken> known,
                    const TokenizerClass* rebuilt) {
    add_tokens(tokenizer, settings, std::move(known), rebuilt);
    weft_ASSIGN(const bool clean_up, settings.flag("clean_up_tokenization_spaces", false));
    weft_ASSIGN(const bool even_bpe,
                settings.flag("clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", false));
    weft_ASSIGN(const bool split, settings.flag("split_special_tokens", false));
    if (clean_up && (even_bpe || tokenizer["model"].value("type", Json()) != "BPE"))
        tokenizer["clean_up_tokenization_spaces"] = true;
    if (split) tokenizer["split_special_tokens"] = true;
    return Ok{};
}

} // namespace

Status apply_settings(Json& tokenizer, const TokenizerSettings& settings) {
    auto known = read_added(tokenizer, settings);
    return known ? add_settings(tokenizer, settings, std::move(*known), nullptr) : Status(Ok{});
}

Status apply_class_and_settings(Json& tokenizer, const TokenizerSettings& settings) {
    auto known = read_added(tokenizer, settings);
    if (!known) return Ok{};
    const TokenizerClass* rebuilt = class_of(tokenizer, settings);
    if (rebuilt) weft_TRY(rebuilt->rebuild(tokenizer, settings));
    weft_TRY(fix_mistral_pattern(tokenizer, settings));
    return add_settings(tokenizer, settings, std::move(*known), rebuilt);
}

} // namespace weft::detail::text
