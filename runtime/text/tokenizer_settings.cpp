// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_settings.hpp"
#include "base/file.hpp"
#include "text/part.hpp"
#include <algorithm>
#include <charconv>

namespace weft::text {
namespace {

Result<std::optional<Json>> read_object(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return std::optional<Json>();
    weft_ASSIGN(const std::string text, read_file(path));
    weft_ASSIGN(Json json, parse_json(text, path.string()));
    if (!json.is_object()) return Error{ErrorCode::malformed, path.string() + ": must be a JSON object", {}};
    return std::optional<Json>(std::move(json));
}

Result<uint32_t> checked_id(const JsonObject& file, const std::string& key, int64_t id) {
    if (id < 0 || id > int64_t(kHighestToken)) return file.bad(key, "must hold ids from 0 to 2^24 - 1");
    return uint32_t(id);
}

// {"32000": {"content": "<pad>", "special": true, ...}, ...}
Status read_decoder_table(const JsonObject& file, std::vector<AddedToken>& added) {
    const std::string key = "added_tokens_decoder";
    if (!file.has(key)) return Ok{};
    weft_ASSIGN(const JsonObject table, file.object(key));
    for (const auto& [name, value] : table.json().items()) {
        int64_t number = -1;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (error != std::errc() || end != name.data() + name.size() || !value.is_object())
            return file.bad(key, "must map ids to objects");
        weft_ASSIGN(AddedToken token,
                    AddedToken::read(JsonObject(value, table.origin() + ": '" + name.substr(0, 64) + "'")));
        weft_ASSIGN(token.id, checked_id(file, key, number));
        added.push_back(std::move(token));
    }
    return Ok{};
}

} // namespace

Result<TokenizerSettings> TokenizerSettings::read(const std::filesystem::path& directory) {
    TokenizerSettings settings;
    const auto config_path = directory / "tokenizer_config.json";
    settings.origin = config_path.string();
    weft_ASSIGN(std::optional<Json> config, read_object(config_path));
    if (config) settings.config = std::move(*config);
    weft_ASSIGN(const std::optional<Json> specials, read_object(directory / "special_tokens_map.json"));
    if (specials) {
        for (const auto& [key, value] : specials->items()) {
            if (!settings.config.contains(key) || settings.config[key].is_null()) settings.config[key] = value;
        }
    }
    weft_TRY(read_decoder_table(JsonObject(settings.config, settings.origin), settings.added));
    const auto added_path = directory / "added_tokens.json";
    weft_ASSIGN(const std::optional<Json> added, read_object(added_path));
    if (added) { // {"<pad>": 32000}
        const JsonObject file(*added, added_path.string());
        for (const auto& [content, value] : added->items()) {
            if (std::any_of(settings.added.begin(), settings.added.end(),
                            [&](const AddedToken& t) { return t.content == content; }))
                continue;
            AddedToken token;
            token.content = content;
            weft_ASSIGN(const int64_t number, file.integer(content));
            weft_ASSIGN(token.id, checked_id(file, content.substr(0, 64), number));
            settings.added.push_back(std::move(token));
        }
    }
    std::stable_sort(settings.added.begin(), settings.added.end(),
                     [](const AddedToken& a, const AddedToken& b) { return *a.id < *b.id; });
    for (const char* key :
         {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
        weft_ASSIGN(const auto content, settings.token(key));
        for (AddedToken& token : settings.added) {
            if (content && token.content == *content) token.special = true;
        }
    }
    return settings;
}

Result<std::optional<std::string>> TokenizerSettings::token(const std::string& key) const {
    const auto it = config.find(key);
    if (it == config.end() || it->is_null()) return std::optional<std::string>();
    if (it->is_string()) return std::optional<std::string>(it->get<std::string>());
    weft_ASSIGN(const JsonObject object, JsonObject(config, origin).object(key));
    weft_ASSIGN(std::string content, object.string("content"));
    return std::optional<std::string>(std::move(content));
}

bool TokenizerSettings::is_class(std::string_view name) const {
    const auto it = config.find("tokenizer_class");
    return it != config.end() && it->is_string() && it->get_ref<const std::string&>().starts_with(name);
}

Status TokenizerSettings::add_to(Vocabulary& vocabulary) const {
    for (const AddedToken& token : added) {
        if (!vocabulary.id_of(token.content))
            weft_TRY(vocabulary.add_checked(token.content, *token.id, origin + ": added_tokens_decoder"));
    }
    return Ok{};
}

Json as_json(const AddedToken& t) {
    return {{"content", t.content}, {"single_word", t.single_word}, {"lstrip", t.lstrip},
            {"rstrip", t.rstrip},   {"normalized", t.normalized},   {"special", t.special}};
}

Result<std::unique_ptr<Normalizer>> normalizer_from(const Json& part, const std::string& origin) {
    return read_normalizer(PartReader(JsonObject(part, origin), 0));
}
Result<std::unique_ptr<PreTokenizer>> pre_tokenizer_from(const Json& part, const std::string& origin) {
    return read_pre_tokenizer(PartReader(JsonObject(part, origin), 0));
}
Result<std::unique_ptr<Decoder>> decoder_from(const Json& part, const std::string& origin) {
    return read_decoder(PartReader(JsonObject(part, origin), 0));
}

Json byte_level_pre_tokenizer(std::span<const std::string_view> patterns, bool add_prefix_space) {
    Json all = Json::array();
    for (const std::string_view pattern : patterns) {
        all.push_back(
            {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}});
    }
    const bool gpt2 = patterns.empty(); // ByteLevel knows that pattern itself
    all.push_back({{"type", "ByteLevel"}, {"add_prefix_space", add_prefix_space}, {"use_regex", gpt2}});
    return {{"type", "Sequence"}, {"pretokenizers", all}};
}

Json space_mark_decoder(bool strip) {
    Json all = {{{"type", "Replace"}, {"pattern", {{"String", "\xe2\x96\x81"}}}, {"content", " "}},
                {{"type", "ByteFallback"}},
                {{"type", "Fuse"}}};
    if (strip) all.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    return {{"type", "Sequence"}, {"decoders", all}};
}

std::unique_ptr<PostProcessor> make_surround(const std::vector<uint32_t>& before, const std::vector<uint32_t>& after,
                                             const std::vector<uint32_t>& between) {
    if (before.empty() && after.empty() && between.empty()) return nullptr;
    Template single, pair;
    single.add(before, 0).add_text(0, 0).add(after, 0);
    pair.add(before, 0).add_text(0, 0).add(after, 0).add(between, 1).add_text(1, 1).add(after, 1);
    return make_template(std::move(single), std::move(pair));
}

} // namespace weft::text
