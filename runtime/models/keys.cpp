// SPDX-License-Identifier: Apache-2.0
#include "models/keys.hpp"
#include "base/glob.hpp"
#include "io/gguf.hpp"
#include "models/gguf.hpp"
#include "models/gguf_schedule.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

// What any config may have.
const std::vector<NotRead> kNoEffect = {
    {"_*", "a note of the tool that wrote the file"},
    {"*dropout*", "training"},
    {"*_pdrop", "training"},
    {"*aux_loss_coef", "training"},
    {"z_loss_coef", "training"},
    {"initializer_*", "training"},
    {"init_std", "training"},
    {"rescale_prenorm_residual", "training"},
    {"output_attentions", "what else the reference implementation returns"},
    {"output_hidden_states", "what else the reference implementation returns"},
    {"output_router_logits", "what else the reference implementation returns"},
    {"output_past", "what else the reference implementation returns"},
    {"return_dict", "what else the reference implementation returns"},
    {"architectures", "the class; model_type says the same"},
    {"auto_map", "code that is not run"},
    {"transformers*", "versions, and notes for other programs"},
    {"unsloth_*", "a note of the tool that wrote the file"},
    {"cache_implementation", "how the reference implementation computes"},
    {"max_sequence_length", "max_position_embeddings counts"},
    {"torch_dtype", "weights keep the type that they have"},
    {"dtype", "weights keep the type that they have"},
    {"use_cache", "always"},
    {"use_mamba_kernels", "how the reference implementation computes"},
    {"use_bfloat16", "how the reference implementation computes"},
    {"use_associative_scan", "how the reference implementation computes"},
    {"mamba_chunk_size", "how the reference implementation computes"},
    {"*.vocab_size", "the table of embeddings says"},
    {"*rope.scaling.original_context_length", "frequencies are the same at every length"},
    {"num_logits_to_keep", "how the reference implementation computes"},
    {"residual_in_fp32", "always"},
    {"attn_implementation", "how the reference implementation computes"},
    {"pretraining_tp", "how the reference implementation computes"},
    {"*_token_id", "generation and tokenizer"},
    {"*_token_index", "a part of the model that is not read"},
    {"bos_token_ids", "generation and tokenizer"},
    {"tokenizer_class", "generation and tokenizer"},
    {"task_specific_params", "generation"},
    {"id2label", "a head that is not read"},
    {"label2id", "a head that is not read"},
    {"problem_type", "a head that is not read"},
    {"summary_*", "a head that is not read"},
    {"quantization_config", "weights keep the type that they have"},
    {"quantization_config.*", "weights keep the type that they have"},
};

// What a file with a tower may have.
const std::vector<NotRead> kTowerNoEffect = {
    {"clip.has_*", "what there is, its tensors say"},
    {"clip.vision.projection_dim", "the projector's tensors say"},
    {"clip.vision.attention.layer_norm_epsilon", "the class has a number of its own"},
    {"clip.vision.mm_patch_merge_type", "pictures are whole"},
    {"clip.use_*", "the class has an activation of its own"},
};

// A value that, unread, changes nothing: classes have null, false, 0 and empty lists for what they do without.
bool asks_for_nothing(const Json& v) {
    if (v.is_number()) return v == 0;
    if (v.is_boolean()) return v == false;
    if (v.is_string()) return v.get_ref<const std::string&>().empty();
    return v.empty(); // null, [], {}
}

const NotRead* known(const Architecture& architecture, const std::string& key) {
    for (const std::vector<NotRead>* list : {&architecture.keys_not_read, &kNoEffect})
        for (const NotRead& n : *list)
            if (pattern_fits(n.name, key)) return &n;
    return nullptr;
}

// `key`: within the model's own settings.
KeyUse use_of(const std::string& key, bool read, bool asks, const Architecture& architecture) {
    if (read) return {key, KeyUse::Made::used};
    if (const NotRead* n = known(architecture, key)) return {key, KeyUse::Made::no_effect, n->why};
    if (!asks) return {key, KeyUse::Made::no_effect, "asks for nothing"};
    return {key, KeyUse::Made::unused};
}

// Whether the architecture asked for what became of a metadata key. Nothing: the key is not one of those that every
// config has, so that who read it had a use for it.
std::optional<bool> asked_for(const Json& config, const KeysRead& read, std::string_view key) {
    const Json& shared = config[kGgufShared];
    if (std::ranges::find(shared, Json(key)) == shared.end()) return std::nullopt;
    for (const auto& [name, from] : config[kGgufKeys].items())
        if (from == key && ((config.contains(name) && read.has(name)) || read.has("rope_scaling." + name))) return true;
    return false;
}

// The head of the file that weft would write for a schedule under the same name; without keys where it cannot.
std::string written_header(const GgufMetadata& metadata, const Json& config, const Schedule& schedule) {
    GgufWriter whole, empty;
    const auto type = metadata.string_or("general.architecture", "");
    for (const Architecture* a : all_architectures())
        for (const GgufSide& side : a->gguf)
            if (type && *type == side.name &&
                write_gguf_schedule(schedule, JsonObject(config, metadata.origin()), side, whole))
                return whole.header();
    return empty.header();
}

bool says_the_same(const GgufMetadata& a, const GgufMetadata& b, const std::string& key) {
    const GgufValue *x = a.find(key), *y = b.find(key);
    return x && y && x->type == y->type && std::ranges::equal(x->bytes, y->bytes);
}

void add(std::vector<KeyUse>& uses, const Json& object, const KeysRead& read, const std::string& path,
         const std::string& inside, const Architecture& architecture) {
    for (const auto& [key, value] : object.items()) {
        const std::string at = inside + key;
        const bool was_read = read.has(path + at);
        if (was_read && value.is_object() && !value.empty()) {
            // A part of the model with a type of its own has its own keys.
            const Json type = value.value("model_type", Json());
            if (const Architecture* part = type.is_string() ? architecture_of(type.get<std::string>()) : nullptr)
                add(uses, value, read, path + at + ".", "", *part);
            else add(uses, value, read, path, at + ".", architecture);
            continue;
        }
        uses.push_back(use_of(at, was_read, !asks_for_nothing(value), architecture));
        uses.back().key = path + at;
    }
}

} // namespace

const char* name_of(KeyUse::Made made) {
    switch (made) {
    case KeyUse::Made::used: return "used";
    case KeyUse::Made::no_effect: return "no effect";
    default: return "not used";
    }
}

std::vector<KeyUse> key_uses(const Json& config, const KeysRead& read, const std::string& path,
                             const Schedule& schedule) {
    std::vector<KeyUse> uses;
    add(uses, config, read, path, "", *architecture_of(schedule.architecture));
    return uses;
}

std::vector<KeyUse> key_uses(const GgufMetadata& metadata, const Json& config, const KeysRead& read,
                             const Schedule& schedule) {
    const Architecture& architecture = *architecture_of(schedule.architecture);
    std::vector<KeyUse> uses;
    const auto type = metadata.string_or("general.architecture", "");
    for (const GgufMetadata::Entry& entry : metadata.entries()) {
        if (!type || !entry.key.starts_with(std::string(*type) + ".")) continue;
        const bool was_read = asked_for(config, read, entry.key).value_or(metadata.was_read(entry.key));
        // A flag is written for what it says.
        const bool asks = entry.value.type == GgufType::boolean ||
                          std::ranges::any_of(entry.value.bytes, [](std::byte b) { return b != std::byte(0); });
        uses.push_back(use_of(std::string(entry.key), was_read, asks, architecture));
    }
    const auto unused = [](const KeyUse& use) { return use.made == KeyUse::Made::unused; };
    if (std::ranges::none_of(uses, unused)) return uses;
    const std::string header = written_header(metadata, config, schedule);
    const auto written = GgufFile::parse(std::as_bytes(std::span(header)), "GGUF");
    for (KeyUse& use : uses)
        if (unused(use) && written && says_the_same(metadata, written->metadata(), use.key))
            use = {use.key, KeyUse::Made::no_effect, "says what is so anyway"};
    return uses;
}

void add_tower_keys(const GgufMetadata& metadata, std::vector<KeyUse>& uses) {
    for (const GgufMetadata::Entry& entry : metadata.entries()) {
        if (!entry.key.starts_with("clip.")) continue;
        const std::string key(entry.key);
        const auto known =
            std::ranges::find_if(kTowerNoEffect, [&](const NotRead& n) { return pattern_fits(n.name, key); });
        if (metadata.was_read(key)) uses.push_back({key, KeyUse::Made::used});
        else if (known != kTowerNoEffect.end()) uses.push_back({key, KeyUse::Made::no_effect, known->why});
        else uses.push_back({key, KeyUse::Made::unused});
    }
}

std::string unused_keys(const std::vector<KeyUse>& keys, const std::string& origin) {
    std::string names;
    size_t count = 0;
    for (const KeyUse& use : keys)
        if (use.made == KeyUse::Made::unused) {
            names += (names.empty() ? "" : ", ") + use.key;
            ++count;
        }
    if (!count) return "";
    return origin + ": " + (count == 1 ? "a key that weft does not use: " : "keys that weft does not use: ") + names;
}

} // namespace weft::detail
