// SPDX-License-Identifier: Apache-2.0
// Fuzz target: one edit of one setting of a model that is right, in config.json or in a GGUF file's metadata. Another
// spelling of the same value gives the same schedule; another value gives another schedule, a refusal that names a key,
// or is listed as a key that is not used; a value of another type is refused by its key or not used at all.
#include "base/check.hpp"
#include "base/file.hpp"
#include "io/gguf_writer.hpp"
#include "models/gguf_schedule.hpp"
#include "models/keys.hpp"
#include "repository.hpp"
#include "schedule/schedule_json.hpp"
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

using namespace weft;
using namespace weft::detail;

namespace {

// Read, and without effect while another setting is as it is in these models.
constexpr struct {
    const char *model, *key, *because;
} kInactive[] = {
    {"qwen2", "max_window_layers", "use_sliding_window is false"},
    {"qwen3_next", "intermediate_size", "every layer has experts"},
    {"qwen3next", "feed_forward_length", "every layer has experts"},
    {"qwen3next", "full_attention_interval", "attention.recurrent_layers counts"},
    {"falcon_h1", "mamba_norm_before_gate", "there is no norm"},
    {"falcon_h1", "mamba_expand", "mamba_d_ssm counts"},
    {"jamba", "attn_layer_period", "there is one period"},
    {"jamba", "expert_count", "tensors tell which layers have experts, and there are none"},
    {"jamba", "expert_used_count", "as expert_count"},
};

struct Outcome {
    std::string model; ///< model_type, or general.architecture
    std::string error, text;
    std::vector<KeyUse> keys;

    bool uses(const std::string& key) const {
        return std::ranges::any_of(keys, [&](const KeyUse& k) { return k.key == key && k.made == KeyUse::Made::used; });
    }
};

Outcome outcome_of(const ModelFiles& files) {
    Outcome o;
    o.model = files.gguf() ? std::string(*files.gguf()->string_or("general.architecture", ""))
                           : files.config()->value("model_type", Json()).dump();
    std::erase(o.model, '"');
    auto schedule = make_schedule(files, &o.keys);
    if (schedule) o.text = schedule_text(*schedule);
    else o.error = schedule.error().text();
    return o;
}

Outcome outcome_of(const Json& config) { return outcome_of(*ModelFiles::from_config(config, "config.json")); }

// A metadata value that can be written again.
struct Setting {
    std::string key;
    GgufType type;
    bool array;
    std::vector<double> numbers;
    std::string text;
};
using Settings = std::vector<Setting>;

Settings settings_of(const GgufMetadata& m) {
    Settings all;
    for (const auto& [key, value] : m.entries()) {
        Setting s{std::string(key), value.type, value.array, {}, {}};
        if (value.type == GgufType::string) s.text = std::string(*m.string(key));
        else if (!value.array && value.type == GgufType::boolean) s.numbers = {double(*m.boolean_or(key, false))};
        else if (!value.array) s.numbers = {*m.number(key)};
        else
            for (const double n : *m.numbers(key)) s.numbers.push_back(n);
        all.push_back(std::move(s));
    }
    return all;
}

std::string header_of(const Settings& settings) {
    GgufWriter w;
    for (const Setting& s : settings) {
        const bool real = s.type == GgufType::f32;
        std::vector<float> floats(s.numbers.begin(), s.numbers.end());
        std::vector<int32_t> integers;
        std::vector<bool> truths;
        for (const double n : s.numbers) {
            integers.push_back(int32_t(n));
            truths.push_back(n != 0);
        }
        if (s.type == GgufType::string) w.string(s.key, s.text);
        else if (s.type == GgufType::boolean && s.array) w.booleans(s.key, truths);
        else if (s.type == GgufType::boolean) w.boolean(s.key, truths[0]);
        else if (s.array && real) w.f32s(s.key, floats);
        else if (s.array) w.i32s(s.key, integers);
        else if (real) w.f32(s.key, floats[0]);
        else w.u32(s.key, uint32_t(s.numbers[0]));
    }
    return w.header();
}

Outcome outcome_of(const Settings& settings) {
    const std::string header = header_of(settings);
    auto file = GgufFile::parse(std::as_bytes(std::span(header)), "model.gguf");
    weft_CHECK(bool(file), "what is written is a GGUF file");
    return outcome_of(ModelFiles::from_gguf(std::move(*file)));
}

struct Models {
    std::vector<Json> configs;
    std::vector<Settings> metadata;
};

// The configs of the repository's recorded cases, and the metadata that `weft quantize` makes of them.
Models read_models() {
    Models models;
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(weft::test::repository() / "tests/goldens/models"))
        if (std::filesystem::exists(entry.path() / "config.json")) paths.push_back(entry.path() / "config.json");
    std::ranges::sort(paths);
    for (const auto& path : paths) {
        const auto json = parse_json(*read_file(path), path.string());
        weft_CHECK(json && outcome_of(*json).error.empty(), "the models are right");
        models.configs.push_back(*json);
        const auto files = ModelFiles::from_config(*json, "config.json");
        const auto schedule = make_schedule(*files);
        for (const Architecture* a : all_architectures())
            for (const GgufSide& side : a->gguf) {
                if (std::ranges::find(a->model_types, schedule->architecture,
                                      [](const char* t) { return std::string(t); }) == a->model_types.end())
                    continue;
                GgufWriter w;
                w.string("general.architecture", side.name);
                if (!write_gguf_schedule(*schedule, JsonObject(*json, "config.json"), side, w)) continue;
                const std::string header = w.header();
                auto file = GgufFile::parse(std::as_bytes(std::span(header)), "model.gguf");
                Settings settings = settings_of(file->metadata());
                const auto back = make_schedule(ModelFiles::from_gguf(std::move(*file)));
                if (back && back->architecture == schedule->architecture)
                    models.metadata.push_back(std::move(settings));
            }
    }
    weft_CHECK(models.configs.size() >= 10 && models.metadata.size() >= 5, "there are models to edit");
    return models;
}

bool inactive(const std::string& model, const std::string& key) {
    return std::ranges::any_of(
        kInactive, [&](const auto& i) { return model == i.model && (key == i.key || key == model + "." + i.key); });
}

void require(bool holds, const char* rule, const std::string& key, const Outcome& before, const Outcome& after) {
    if (holds) return;
    std::fprintf(stderr, "%s: %s, key '%s', %s\n%s\n", rule, before.model.c_str(), key.c_str(),
                 before.uses(key) ? "used" : "not used", after.error.empty() ? "accepted" : after.error.c_str());
    std::abort();
}

void require_same(const std::string& key, const Outcome& before, const Outcome& after) {
    require(after.text == before.text || after.error.find(key) != std::string::npos,
            "another spelling of a value must mean the same, or be refused by its key", key, before, after);
}
void require_heard(const std::string& key, const Outcome& before, const Outcome& after) {
    const bool heard = !after.error.empty() || after.text != before.text;
    require(heard || !before.uses(key) || inactive(before.model, key),
            "another value of a key that is used must give another schedule, or be refused", key, before, after);
}
void require_refused(const std::string& key, const Outcome& before, const Outcome& after) {
    require(after.error.find(key) != std::string::npos || !before.uses(key) || inactive(before.model, key),
            "a value of another type must be refused by its key", key, before, after);
}

enum Edit { kAbsent, kNull, kSpelling, kValue, kType, kEdits };

void edit_config(const Json& config, uint32_t which, Edit edit) {
    const Outcome before = outcome_of(config);
    Json edited = config;
    Json::iterator it = edited.begin();
    std::advance(it, which % edited.size());
    const std::string key = it.key();
    Json& value = *it;
    if (edit == kAbsent) edited.erase(it);
    else if (edit == kNull) value = nullptr;
    else if (edit == kSpelling && value.is_number_integer()) value = double(value.get<int64_t>());
    else if (edit == kValue && value.is_number_integer()) value = 2 * value.get<int64_t>() + 1;
    else if (edit == kValue && value.is_number()) value = 2 * value.get<double>() + 0.25;
    else if (edit == kValue && value.is_boolean()) value = !value.get<bool>();
    else if (edit == kValue && value.is_string()) value = value.get<std::string>() + "x";
    else if (edit == kType && !value.is_null()) value = value.is_object() ? Json(7) : Json({{"of", "another type"}});
    else return;
    const Outcome after = outcome_of(edited);
    if (edit == kSpelling) require_same(key, before, after);
    if (edit == kValue) require_heard(key, before, after);
    if (edit == kType) require_refused(key, before, after);
}

void edit_metadata(const Settings& settings, uint32_t which, Edit edit) {
    const Outcome before = outcome_of(settings);
    Settings edited = settings;
    const size_t at = which % edited.size();
    Setting& s = edited[at];
    const std::string key = s.key;
    const bool number = !s.array && s.type != GgufType::string;
    const auto layers = std::ranges::find_if(settings, [](const Setting& l) { return l.key.ends_with("block_count"); });
    if (key == "general.architecture") return;
    if (edit == kAbsent || edit == kNull) edited.erase(edited.begin() + long(at));
    else if (edit == kSpelling && number && layers != settings.end()) {
        s.array = true;
        s.numbers.assign(size_t(layers->numbers[0]), s.numbers[0]);
    } else if (edit == kValue && number && s.type == GgufType::boolean) s.numbers[0] = s.numbers[0] == 0;
    else if (edit == kValue && number) s.numbers[0] = 2 * s.numbers[0] + (s.type == GgufType::f32 ? 0.25 : 1);
    else if (edit == kValue && s.type == GgufType::string) s.text += "x";
    else if (edit == kType) s = {key, s.type == GgufType::string ? GgufType::u32 : GgufType::string, false, {7}, "x"};
    else return;
    const Outcome after = outcome_of(edited);
    if (edit == kSpelling) require_same(key, before, after);
    if (edit == kValue) require_heard(key, before, after);
    if (edit == kType) require_refused(key, before, after);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Models models = read_models();
    if (size < 4) return 0;
    const uint32_t model = data[0], which = data[1];
    const Edit edit = Edit(data[2] % kEdits);
    if (data[3] % 2) edit_config(models.configs[model % models.configs.size()], which, edit);
    else edit_metadata(models.metadata[model % models.metadata.size()], which, edit);
    return 0;
}
