// SPDX-License-Identifier: Apache-2.0
#include "text/files/tokenizer_settings.hpp"
#include "base/file.hpp"
#include "text/tokenizer/part.hpp"
#include <algorithm>
#include <charconv>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace weft::detail::text {
namespace {

constexpr const char* kExtra = "extra_special_tokens";
constexpr const char* kAdditional = "additional_special_tokens"; // what that was called before
constexpr const char* kDecoder = "added_tokens_decoder";
constexpr std::string_view kUsualNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                            "pad_token", "cls_token", "mask_token"};

// The keys of an object in the order in which a file has them, and those of the object under kExtra.
class KeyReader final : public nlohmann::json_sax<Json> {
public:
    std::vector<std::string> keys, extra_keys;

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool start_object(size_t) override { return ++depth_ > 0; }
    bool end_object() override { return --depth_ >= 0; }
    bool start_array(size_t) override { return ++depth_ > 0; }
    bool end_array() override { return --depth_ >= 0; }
    bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }
    bool key(string_t& name) override {
        if (depth_ == 1) keys.push_back(name);
        if (depth_ == 2 && keys.back() == kExtra) extra_keys.push_back(name);
        return true;
    }

private:
    int depth_ = 0;
};

// New tokens get their ids in the order of a file's keys.
struct OrderedObject {
    Json json = Json::object();
    std::vector<std::string> keys, extra_keys;
};

Result<std::optional<OrderedObject>> read_object(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return std::optional<OrderedObject>();
    weft_ASSIGN(const std::string text, read_file(path));
    OrderedObject object;
    weft_ASSIGN(object.json, parse_json(text, path.string()));
    if (!object.json.is_object()) return Error{ErrorCode::malformed, path.string() + ": must be a JSON object", {}};
    KeyReader reader;
    const bool whole = Json::sax_parse(text, &reader); // else it holds a bare NaN, which parse_json takes
    object.keys = std::move(reader.keys);
    object.extra_keys = std::move(reader.extra_keys);
    if (!whole)
        for (const auto& [key, value] : object.json.items()) object.keys.push_back(key);
    return std::optional(std::move(object));
}

bool is_usual(std::string_view name) { return std::ranges::find(kUsualNames, name) != std::end(kUsualNames); }

bool is_further(std::string_view name) { return !is_usual(name) && name.ends_with("_token"); }

bool is_empty(const Json& file, const char* key) { return !file.contains(key) || file[key].empty() || file[key] == ""; }

bool is_token(const Json& value) {
    return value.is_string() || (value.is_object() && value.contains("content") && value["content"].is_string());
}

bool is_same(const AddedToken& a, const AddedToken& b) {
    return a.content == b.content && a.single_word == b.single_word && a.lstrip == b.lstrip && a.rstrip == b.rstrip &&
           a.normalized == b.normalized && a.special == b.special;
}

AddedToken special_token(std::string content) {
    AddedToken token;
    token.content = std::move(content);
    token.special = true;
    return token;
}

Result<uint32_t> checked_id(const JsonObject& file, const std::string& key, int64_t id) {
    if (id < 0 || id > int64_t(kHighestToken)) return file.bad(key, "must hold ids from 0 to 2^24 - 1");
    return uint32_t(id);
}

// {"32000": {"content": "<pad>", "special": true, ...}, ...}
Result<std::vector<AddedToken>> read_decoder_table(const JsonObject& file) {
    std::vector<AddedToken> added;
    const std::string key = kDecoder;
    if (!file.has(key)) return added;
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
    return added;
}

// {"<pad>": 32000}
Result<std::vector<AddedToken>> read_added_file(const std::filesystem::path& path) {
    std::vector<AddedToken> added;
    weft_ASSIGN(const std::optional<OrderedObject> object, read_object(path));
    if (!object) return added;
    const JsonObject file(object->json, path.string());
    for (const std::string& content : object->keys) {
        AddedToken token;
        token.content = content;
        weft_ASSIGN(const int64_t number, file.integer(content));
        weft_ASSIGN(token.id, checked_id(file, content.substr(0, 64), number));
        added.push_back(std::move(token));
    }
    return added;
}

// Values by name, in the order in which the names came.
class NameList {
public:
    void set(const std::string& name, Json value) {
        const auto [at, is_new] = places_.emplace(name, all_.size());
        if (is_new) all_.emplace_back(name, std::move(value));
        else all_[at->second].second = std::move(value);
    }
    void set_all(const NameList& other) {
        for (const auto& [name, value] : other.all_) set(name, value);
    }
    const std::vector<std::pair<std::string, Json>>& all() const { return all_; }

private:
    std::vector<std::pair<std::string, Json>> all_;
    std::unordered_map<std::string, size_t> places_;
};

// What the two files say of special tokens, put together step by step as transformers does.
class SpecialTokenReader {
public:
    SpecialTokenReader(OrderedObject config, std::string origin)
        : file_(std::move(config.json)), keys_(std::move(config.keys)), origin_(std::move(origin)) {
        if (file_.contains(kAdditional) && is_empty(file_, kExtra)) {
            file_[kExtra] = std::move(file_[kAdditional]);
            file_.erase(kAdditional);
        }
        for (const std::string& key : keys_) {
            if (!is_further(key) || !file_.contains(key) || !file_[key].is_string()) continue;
            further_.set(key, file_[key]);
            file_.erase(key);
        }
        take_named_extra(config.extra_keys);
        if (further_.all().empty() && file_.contains(kSaved) && file_[kSaved].is_object())
            for (const auto& [key, value] : file_[kSaved].items()) further_.set(key, value);
    }

    void add_map(const OrderedObject& map) {
        for (const std::string& key : map.keys) {
            const Json& value = map.json[key];
            if (!file_.contains(key)) keys_.push_back(key);
            if (key == kExtra && value.is_array()) {
                if (!file_.contains(key) || !file_[key].is_array()) file_[key] = Json::array();
                std::set<Json> known(file_[key].begin(), file_[key].end());
                for (const Json& token : value)
                    if (known.insert(token).second) file_[key].push_back(token);
            } else {
                file_[key] = value;
                if (value.is_object() && key != kExtra) file_[key]["special"] = true;
            }
        }
        take_named_extra(map.extra_keys);
    }

    Status finish(TokenizerSettings& settings) {
        if (file_.contains(kAdditional) && !file_.contains(kExtra)) file_[kExtra] = file_[kAdditional];
        NameList names;
        for (const std::string_view name : kUsualNames)
            if (file_.contains(name)) names.set(std::string(name), file_[std::string(name)]);
        for (const std::string& key : keys_)
            if (is_further(key) && file_.contains(key) && is_token(file_[key])) names.set(key, file_[key]);
        names.set_all(further_);
        for (const auto& [name, value] : names.all()) {
            NamedToken named{name, {}};
            if (!value.is_null()) {
                weft_ASSIGN(named.token, token(name, value));
            }
            settings.named.push_back(std::move(named));
            file_[name] = value;
        }
        if (file_.contains(kExtra) && file_[kExtra].is_array()) {
            for (const Json& value : file_[kExtra]) {
                weft_ASSIGN(AddedToken one, token(kExtra, value));
                settings.extra.push_back(std::move(one));
            }
        }
        settings.config = std::move(file_);
        return Ok{};
    }

private:
    static constexpr const char* kSaved = "model_specific_special_tokens";

    // Extra tokens may have names too.
    void take_named_extra(const std::vector<std::string>& order) {
        if (!file_.contains(kExtra) || !file_[kExtra].is_object()) return;
        const Json extra = std::move(file_[kExtra]);
        file_.erase(kExtra);
        for (const std::string& name : order)
            if (extra.contains(name)) further_.set(name, extra[name]);
        for (const auto& [name, value] : extra.items()) further_.set(name, value);
    }
    Result<AddedToken> token(const std::string& key, const Json& value) const {
        if (value.is_string()) return special_token(value.get<std::string>());
        if (is_token(value)) return AddedToken::read(JsonObject(value, origin_ + ": key '" + key + "'"));
        return Error{ErrorCode::malformed, origin_ + ": key '" + key + "' must be a token or an object with one", {}};
    }

    Json file_;
    std::vector<std::string> keys_; // of file_, in order
    NameList further_;
    std::string origin_;
};

} // namespace

Result<TokenizerSettings> TokenizerSettings::read(const std::filesystem::path& directory) {
    TokenizerSettings settings;
    const auto config_path = directory / "tokenizer_config.json";
    settings.origin = config_path.string();
    weft_ASSIGN(std::optional<OrderedObject> model, read_object(directory / "config.json"));
    if (model) settings.model = std::move(model->json);
    weft_ASSIGN(std::optional<OrderedObject> config, read_object(config_path));
    if (!config) config.emplace();
    settings.has_table = JsonObject(config->json, settings.origin).has(kDecoder);
    weft_ASSIGN(settings.added, read_decoder_table(JsonObject(config->json, settings.origin)));
    SpecialTokenReader special(std::move(*config), settings.origin);
    if (!settings.has_table) {
        weft_ASSIGN(const std::optional<OrderedObject> map, read_object(directory / "special_tokens_map.json"));
        if (map) special.add_map(*map);
    }
    weft_TRY(special.finish(settings));
    if (!settings.has_table) {
        weft_ASSIGN(settings.added, read_added_file(directory / "added_tokens.json"));
        std::unordered_set<std::string> names;
        for (const NamedToken& one : settings.named) // objects of tokenizer_config.json are not looked at here
            if (is_usual(one.name) && one.token && !settings.config[one.name].contains("__type"))
                names.insert(one.token->content);
        for (const AddedToken& token : settings.extra) names.insert(token.content);
        for (AddedToken& token : settings.added) {
            token.special = names.contains(token.content);
            token.normalized = !token.special;
        }
    }
    std::stable_sort(settings.added.begin(), settings.added.end(),
                     [](const AddedToken& a, const AddedToken& b) { return *a.id < *b.id; });
    return settings;
}

std::vector<AddedToken> TokenizerSettings::special(std::span<const NamedToken> defaults) const {
    std::vector<NamedToken> all;
    std::unordered_map<std::string_view, size_t> places;
    for (const std::string_view name : kUsualNames) {
        places[name] = all.size();
        all.push_back({std::string(name), {}});
    }
    for (const std::span<const NamedToken> tokens : {defaults, std::span<const NamedToken>(named)}) {
        for (const NamedToken& token : tokens) {
            const auto [at, is_new] = places.emplace(token.name, all.size());
            if (is_new) all.push_back(token);
            else all[at->second].token = token.token;
        }
    }
    std::vector<AddedToken> tokens;
    for (NamedToken& one : all)
        if (one.token) tokens.push_back(std::move(*one.token));
    tokens.insert(tokens.end(), extra.begin(), extra.end());
    return tokens;
}

std::vector<AddedToken> TokenizerSettings::missing(std::span<const AddedToken> known,
                                                   std::span<const AddedToken> listed,
                                                   std::span<const NamedToken> defaults) const {
    std::unordered_map<std::string_view, const AddedToken*> there; // of two with one content the later counts
    for (const AddedToken& token : known) there[token.content] = &token;
    std::vector<AddedToken> tokens;
    for (const AddedToken& token : listed) {
        const auto same = there.find(token.content);
        if (same == there.end() || !is_same(*same->second, token)) tokens.push_back(token);
    }
    for (const AddedToken& token : listed) there[token.content] = &token;
    const std::vector<AddedToken> all = special(defaults);
    std::unordered_multimap<std::string_view, const AddedToken*> taken;
    for (const AddedToken& token : all) {
        const auto [first, last] = taken.equal_range(token.content);
        if (there.contains(token.content) ||
            std::any_of(first, last, [&](const auto& t) { return is_same(*t.second, token); }))
            continue;
        taken.emplace(token.content, &token);
        tokens.push_back(token);
    }
    std::unordered_set<std::string_view> names;
    for (const AddedToken& token : std::span(all).first(all.size() - extra.size())) names.insert(token.content);
    for (AddedToken& token : tokens) {
        if (!names.contains(token.content)) continue;
        token.special = true;
        token.normalized = token.normalized && token.says_normalized;
    }
    return tokens;
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

} // namespace weft::detail::text
