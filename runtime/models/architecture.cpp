// SPDX-License-Identifier: Apache-2.0
#include "models/architecture.hpp"
#include "models/gguf.hpp"
#include "models/gguf_tower.hpp"
#include "models/keys.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/weight_order.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

const Wrapper* wrapper_of(const std::string& type) {
    for (const Architecture* a : all_architectures())
        for (const Wrapper& wrapper : a->text_of)
            if (type == wrapper.type) return &wrapper;
    return nullptr;
}

// What any file may have beside the weights.
const std::vector<NotRead> kTensorsNotRead = {
    {"*rotary_emb.inv_freq", "computed from the config"},  {"*rope.freqs", "computed from the config"},
    {"*.num_batches_tracked", "counts steps of training"}, {"rope_freqs.weight", "read as a setting"},
    {"rope_factors_*.weight", "read as a setting"},
};

// Layers behind the others that draft further tokens: they are not run.
Status pass_over_drafting(const JsonObject& config, Schedule& s) {
    weft_ASSIGN(const int64_t count, config.integer_or("num_nextn_predict_layers", 0));
    if (count < 0 || count > kMostLayers)
        return config.bad("num_nextn_predict_layers", "must be between 0 and " + std::to_string(kMostLayers));
    const Stage* decoder = stage_of(s, kDecoder);
    const size_t layers = decoder ? decoder->layers.size() : 0;
    for (int64_t i = 0; i < count; ++i) {
        const std::string number = std::to_string(layers + size_t(i));
        for (const std::string& name : {"*layers." + number + ".*", "blk." + number + ".*"})
            s.unneeded.push_back({name, "a layer that drafts further tokens"});
    }
    return Ok{};
}

// Masks of every class of transformers are causal unless the config says otherwise.
Status check_causal(const JsonObject& config) {
    weft_ASSIGN(const bool causal, config.boolean_or("is_causal", true));
    if (causal) return Ok{};
    return Error{ErrorCode::unsupported,
                 config.origin() + ": key 'is_causal' is false: tokens would see those behind them, which is not "
                                   "supported for this model",
                 {}};
}

} // namespace

const Architecture* architecture_of(const std::string& type) {
    for (const Architecture* a : all_architectures())
        for (const char* name : a->model_types)
            if (type == name) return a;
    return nullptr;
}

std::string modes_key(const ModelFiles& files) {
    if (!files.config()) return "";
    const auto type = JsonObject(*files.config(), files.config_origin()).string_or("model_type", "");
    const Architecture* a = type ? architecture_of(*type) : nullptr;
    return a ? a->modes : "";
}

Result<PictureText> picture_text_of(const Json& config) {
    std::string type = "this model";
    for (const Json& part : {config.value("vision_config", Json::object()), config}) {
        weft_ASSIGN(type, JsonObject(part, "config.json").string_or("model_type", type));
        if (const Architecture* a = architecture_of(type); a && a->pictures) return *a->pictures;
    }
    return Error{ErrorCode::unsupported, type + ": weft knows of no way in which a text of it has pictures", {}};
}

Result<PictureText> picture_text_of(const ModelFiles& files) {
    if (!files.mmproj()) return picture_text_of(files.config().value_or(Json::object()));
    weft_ASSIGN(const GgufWhole whole, gguf_whole(files));
    return picture_text_of(whole.config);
}

Result<Json> language_config(const JsonObject& config) {
    weft_ASSIGN(const std::string type, config.string("model_type"));
    const Wrapper* wrapper = wrapper_of(type);
    if (!wrapper) return config.json();
    weft_ASSIGN(const JsonObject text, config.object("text_config"));
    weft_ASSIGN(const std::string text_type, text.string_or("model_type", wrapper->text_type));
    Json inner = text_type == wrapper->text_type ? wrapper->sizes : Json::object();
    inner.update(text.json());
    inner["model_type"] = text_type;
    if (text_type == wrapper->text_type)
        for (const char* key : wrapper->unread) inner.erase(key);
    // The head and the files are the whole model's.
    weft_ASSIGN(inner["tie_word_embeddings"], config.boolean_or("tie_word_embeddings", wrapper->tied));
    if (config.has("quantization_config")) inner["quantization_config"] = config.json()["quantization_config"];
    return inner;
}

Result<Schedule> part_of(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const std::string type, config.string("model_type"));
    if (const Architecture* a = architecture_of(type)) {
        weft_TRY(check_causal(config));
        weft_ASSIGN(Schedule s, a->schedule(config, files));
        s.architecture = type;
        s.unneeded.insert(s.unneeded.end(), a->tensors_not_read.begin(), a->tensors_not_read.end());
        weft_TRY(pass_over_drafting(config, s));
        return s;
    }
    std::string known;
    for (const Architecture* a : all_architectures())
        for (const char* name : a->model_types) known += (known.empty() ? "" : ", ") + std::string(name);
    for (const Architecture* a : all_architectures())
        for (const Wrapper& wrapper : a->text_of)
            if (!architecture_of(wrapper.type)) known += std::string(", ") + wrapper.type;
    return Error{ErrorCode::unsupported,
                 config.origin() + ": architecture '" + type + "' is not supported",
                 {"weft knows: " + known}};
}

Result<Schedule> schedule_of(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(Schedule s, part_of(config, files));
    weft_TRY(check_limits(s, config.origin()));
    order_weights(s);
    weft_TRY(settle(s, config.origin()));
    s.unneeded.insert(s.unneeded.end(), kTensorsNotRead.begin(), kTensorsNotRead.end());
    return s;
}

ModelFiles text_part(const ModelFiles& files) {
    // "model.language_model.norm.weight" since transformers 4.52, "language_model.model.norm.weight" before;
    // the head is "lm_head.weight" or "language_model.lm_head.weight".
    return files.without_mmproj().part(
        {{{"model.", {"model.language_model.", "language_model.model."}}, {"", {"", "language_model."}}}});
}

namespace {

// Who packed the weights so that a matrix is no longer one tensor of its own shape.
Status check_quantization(const JsonObject& config) {
    if (!config.has("quantization_config")) return Ok{};
    weft_ASSIGN(const JsonObject q, config.object("quantization_config"));
    weft_ASSIGN(const std::string method, q.string_or("quant_method", "fp8"));
    // Of the latter two what is in F8_E4M3.
    constexpr const char* known[] = {"fp8", "mxfp4", "compressed-tensors", "modelopt"};
    if (std::ranges::find(known, method, [](const char* k) { return std::string(k); }) != std::end(known)) return Ok{};
    return Error{ErrorCode::unsupported,
                 q.origin() + ": key 'quant_method' is '" + method + "', which is not supported",
                 {"weft reads: fp8, mxfp4, and compressed-tensors and modelopt with weights in F8_E4M3; GGUF files "
                  "have other types"}};
}

Result<Schedule> schedule_of_gguf(const ModelFiles& files, std::vector<KeyUse>* keys) {
    const GgufMetadata& metadata = *files.gguf();
    weft_ASSIGN(const auto type, metadata.string("general.architecture"));
    if (const GgufSide* side = gguf_side(files)) {
        weft_ASSIGN(const Json config, gguf_config(*side, files));
        KeysRead read;
        auto schedule = schedule_of(JsonObject(config, metadata.origin()).noting(read), files.without_mmproj());
        if (!schedule) return in_gguf_words(schedule.error(), config);
        if (keys) *keys = key_uses(metadata, config, read, *schedule);
        if (!files.mmproj()) return schedule;
        weft_ASSIGN(const GgufWhole whole, gguf_whole(files, config));
        auto seeing = schedule_of(JsonObject(whole.config, files.mmproj()->origin()), files);
        if (!seeing) return in_gguf_words(seeing.error(), whole.config);
        if (keys) add_tower_keys(*files.mmproj(), *keys);
        return seeing;
    }
    std::string known;
    for (const Architecture* a : all_architectures())
        for (const GgufSide& side : a->gguf) known += (known.empty() ? "" : ", ") + std::string(side.name);
    return Error{ErrorCode::unsupported,
                 files.gguf()->origin() + ": architecture " + in_quotes(type) + " is not supported in GGUF files",
                 {"weft knows: " + known}};
}

} // namespace

const GgufSide* gguf_side(const ModelFiles& files) {
    if (!files.gguf()) return nullptr;
    const auto type = files.gguf()->string("general.architecture");
    for (const Architecture* a : all_architectures())
        for (const GgufSide& side : a->gguf)
            if (type && *type == side.name) return &side;
    return nullptr;
}

Result<Schedule> make_schedule(const ModelFiles& files, std::vector<KeyUse>* keys) {
    if (files.gguf()) return schedule_of_gguf(files, keys);
    if (!files.config())
        return Error{
            ErrorCode::not_found, files.origin() + ": there is no config.json, so the architecture is unknown", {}};
    if (files.config()->contains(kScheduleKey)) return schedule_from_json(*files.config(), files.config_origin());
    const JsonObject whole(*files.config(), files.config_origin());
    weft_ASSIGN(const std::string type, whole.string("model_type"));
    const bool text_alone = !architecture_of(type) && wrapper_of(type);
    weft_ASSIGN(const Json json, text_alone ? language_config(whole) : Result<Json>(whole.json()));
    KeysRead read;
    const std::string path = text_alone ? "text_config." : "";
    const JsonObject config = JsonObject(json, files.config_origin()).noting(read, path);
    weft_TRY(check_quantization(config));
    weft_ASSIGN(Schedule schedule, schedule_of(config, text_alone ? text_part(files) : files));
    if (keys) {
        const Json& own = path.empty() ? *files.config() : (*files.config())["text_config"];
        *keys = key_uses(own, read, path, schedule);
    }
    return schedule;
}

Builder::Builder(Schedule& schedule, const ModelFiles& files, std::vector<std::string> prefixes)
    : schedule_(schedule), files_(files), side_(gguf_side(files)), gguf_names_(gguf_names(files)) {
    for (const std::string& prefix : prefixes)
        for (std::string& whole : files.scope().of(prefix)) prefixes_.push_back(std::move(whole));
}

WeightId Builder::add(WeightSlot slot) {
    schedule_.weights.push_back(std::move(slot));
    return WeightId(schedule_.weights.size() - 1);
}

std::vector<std::string> Builder::names(const std::string& name) const {
    std::vector<std::string> list;
    for (size_t at = 0, end; at <= name.size(); at = end + 1) {
        end = std::min(name.find('|', at), name.size());
        if (gguf()) list.push_back(gguf_name(name.substr(at, end - at), gguf_names_));
        else
            for (const auto& prefix : prefixes_) list.push_back(prefix + name.substr(at, end - at));
    }
    return list;
}

const TensorView* Builder::find(const std::string& name) const {
    for (const auto& n : names(name))
        if (const TensorView* view = files_.find(n)) return view;
    return nullptr;
}

WeightId Builder::matrix(const std::string& name, uint32_t out, uint32_t in) {
    return add({name, {out, in}, true, {{names(name), {out, in}}}, {}, {}});
}

WeightId Builder::transposed(const std::string& name, uint32_t out, uint32_t in) {
    return add(
        {name, {out, in}, true, {{.names = names(name), .file_shape = {in, out}, .order = kTransposed}}, {}, {}});
}

WeightId Builder::stacked(const std::string& slot, const std::vector<Part>& parts, uint32_t in, bool matrix,
                          const std::vector<std::vector<Part>>& alternatives) {
    const auto pieces = [&](const std::vector<Part>& list) {
        std::vector<WeightPiece> p;
        for (const Part& part : list)
            p.push_back({names(part.name), {part.of ? part.of : part.rows, in}, part.taken, part.to});
        return p;
    };
    WeightSlot s{slot, {0, in}, matrix, pieces(parts), {}, {}};
    for (const Part& p : parts) s.shape[0] += p.rows;
    for (const auto& other : alternatives) s.alternatives.push_back(pieces(other));
    return add(std::move(s));
}

WeightId Builder::stack(const std::string& name, uint32_t count, uint32_t out, uint32_t in) {
    return add({name, {count, out, in}, true, {{names(name), {count, out, in}}}, {}, {}});
}

WeightId Builder::vector(const std::string& name, std::initializer_list<uint32_t> shape, WeightTransform transform) {
    return add({name, shape, false, {{names(name), {shape.begin(), shape.end()}, {}, {}, transform}}, {}, {}});
}

WeightId Builder::stacked_vector(const std::string& slot, const std::vector<Part>& parts) {
    WeightSlot s{slot, {0}, false, {}, {}, {}};
    for (const Part& p : parts) {
        const bool there = p.biased && optional(p.name, true);
        const WeightTransform transform = there ? WeightTransform::none : WeightTransform::or_zeros;
        s.pieces.push_back({names(p.name), {p.of ? p.of : p.rows}, p.taken, p.to, transform});
        s.shape[0] += p.rows;
    }
    return add(std::move(s));
}

WeightId Builder::experts(const std::string& slot, uint32_t count, const std::vector<Part>& parts_of_one,
                          const std::string& stacked_name, uint32_t in) {
    uint32_t rows = 0;
    for (const Part& p : parts_of_one) rows += p.rows;
    WeightSlot s{slot, {count, rows, in}, true, {}, {}, {}};
    for (uint32_t e = 0; e < count; ++e)
        for (const Part& p : parts_of_one) {
            std::string name = p.name;
            if (const size_t at = name.find("{e}"); at != name.npos) name.replace(at, 3, std::to_string(e));
            s.pieces.push_back({names(name), {p.rows, in}});
        }
    s.alternatives.push_back({{names(stacked_name), {count, rows, in}}});
    std::vector<WeightPiece> by_projection; // each projection of all experts in one tensor
    uint32_t first = 0;
    for (const Part& p : parts_of_one) {
        std::string name = p.name;
        if (const size_t at = name.find("{e}."); at != name.npos) name.erase(at, 4);
        by_projection.push_back({names(name), {count, p.rows, in}, {}, rows_of_groups(count, rows, first, p.rows)});
        first += p.rows;
    }
    if (gguf()) {
        s.pieces = std::move(by_projection);
        s.alternatives.clear();
    } else s.alternatives.push_back(std::move(by_projection));
    return add(std::move(s));
}

Result<WeightId> Builder::made(const std::string& slot, uint32_t rows, Schedule program) {
    order_weights(program);
    weft_TRY(settle(program, files_.config_origin()));
    const Output& output = program.outputs.at(0);
    const uint32_t width = program.stages.at(output.stage).width_of(output.stream);
    WeightSlot made{slot, {rows, width}, false, {}, {}, {}};
    made.program = std::make_shared<const Schedule>(std::move(program));
    return add(std::move(made));
}

WeightId Builder::computed(const std::string& slot, std::vector<uint32_t> shape, std::vector<float> values) {
    return add({slot, std::move(shape), false, {}, std::move(values), {}});
}

Linear Builder::linear(const std::string& name, uint32_t out, uint32_t in, bool bias) {
    return {matrix(name + ".weight", out, in),
            optional(name + ".bias", bias) ? vector(name + ".bias", {out}) : kNoWeight, in, out};
}

Linear Builder::stacked_linear(const std::string& slot, const std::vector<Part>& parts, uint32_t in, bool bias) {
    std::vector<Part> weights = parts, biases = parts;
    uint32_t out = 0;
    bool any = false;
    for (size_t i = 0; i < parts.size(); ++i) {
        weights[i].name += ".weight";
        biases[i].name += ".bias";
        out += parts[i].rows;
        any = any || optional(biases[i].name, bias);
    }
    return {stacked(slot + ".weight", weights, in), any ? stacked_vector(slot + ".bias", biases) : kNoWeight, in, out};
}

WeightId Builder::rows(const std::string& slot, const std::string& tensor, const Rows& layer, Rescale rescale) {
    uint32_t each = 1;
    for (size_t i = 1; i < layer.shape.size(); ++i) each *= layer.shape[i];
    return add({slot,
                {layer.shape[0], each},
                true,
                {{.names = names(tensor),
                  .file_shape = {layer.shape.begin(), layer.shape.end()},
                  .order = layer.order,
                  .rescale = std::move(rescale)}},
                {},
                {}});
}

Linear Builder::folded(const Rows& layer, const std::string& norm, double eps, bool bias, const std::string& scale) {
    const std::string weight = layer.name + ".weight", own = layer.name + ".bias";
    Rescale scaled{.times = names(norm + ".weight"), .variance = names(norm + ".running_var"), .eps = float(eps)};
    if (!scale.empty()) scaled.scale = names(scale);
    Rescale moved = scaled;
    moved.minus = names(norm + ".running_mean");
    moved.plus = names(norm + ".bias");
    const uint32_t out = layer.shape[0];
    Linear l{rows(weight, weight, layer, scaled), kNoWeight, 0, out};
    l.in = schedule_.weights[l.weight].shape[1];
    l.bias = add({own,
                  {out},
                  false,
                  {{.names = names(own),
                    .file_shape = {out},
                    .transform = optional(own, bias) ? WeightTransform::none : WeightTransform::or_zeros,
                    .rescale = std::move(moved)}},
                  {},
                  {}});
    return l;
}

WeightId Builder::weight_normed(const Rows& layer, uint32_t axis) {
    const std::string now = layer.name + ".parametrizations.weight.original", before = layer.name + ".weight_";
    return rows(layer.name + ".weight", now + "1|" + before + "v", layer,
                {.axis = axis, .times = names(now + "0|" + before + "g"), .normed = true});
}

Norm Builder::rms(const std::string& name, uint32_t width, double eps, bool zero_centred) {
    return {true, kernel::NormKind::rms, vector(name, {width}, zero_centred ? centred() : WeightTransform::none),
            kNoWeight, float(eps)};
}

Norm Builder::layer_norm(const std::string& name, uint32_t width, double eps, bool bias) {
    return {true, kernel::NormKind::layer, vector(name + ".weight", {width}),
            bias ? vector(name + ".bias", {width}) : kNoWeight, float(eps)};
}

Status decoder_frame(const JsonObject& config, Builder& builder, Schedule& schedule, double eps, bool tied_default,
                     const DecoderNames& names, bool zero_centred) {
    weft_ASSIGN(schedule.vocabulary, config.count("vocab_size"));
    weft_ASSIGN(const uint32_t width, config.count("hidden_size"));
    weft_ASSIGN(schedule.trained_context, config.count_or("max_position_embeddings", 0));
    weft_ASSIGN(const bool tied, config.boolean_or("tie_word_embeddings", tied_default));
    const Norm norm = builder.rms(names.norm, width, eps, zero_centred);
    embedding_and_head(builder, schedule, width, tied, names);
    head_norm(schedule) = norm;
    return Ok{};
}

WeightId head_matrix(Builder& builder, Schedule& schedule, WeightId table, const std::string& table_name,
                     const std::string& head_name, uint32_t width, bool tied) {
    const TensorView *own = builder.find(table_name), *head = builder.find(head_name);
    if (tied && own && head) tied = own->type == head->type && std::ranges::equal(own->bytes, head->bytes);
    if (!tied) return builder.matrix(head_name, schedule.vocabulary, width);
    for (auto& name : builder.names(head_name)) schedule.weights[table].pieces[0].names.push_back(std::move(name));
    return table;
}

void embedding_and_head(Builder& builder, Schedule& schedule, uint32_t width, bool tied, const DecoderNames& names) {
    add_decoder(schedule, width);
    const WeightId table = builder.matrix(names.embedding, schedule.vocabulary, width);
    embedding_of(schedule).table = table;
    head_linear(schedule).linear.weight =
        head_matrix(builder, schedule, table, names.embedding, names.head, width, tied);
}

Result<kernel::Activation> activation_of(const JsonObject& config, const std::string& key,
                                         const std::string& otherwise) {
    weft_ASSIGN(const std::string name, config.string_or(key, otherwise));
    using kernel::Activation;
    const std::pair<const char*, Activation> known[] = {{"silu", Activation::silu},
                                                        {"swish", Activation::silu},
                                                        {"gelu", Activation::gelu},
                                                        {"gelu_new", Activation::gelu_tanh},
                                                        {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                                        {"gelu_fast", Activation::gelu_tanh},
                                                        {"gelu_python", Activation::gelu},
                                                        {"gelu_python_tanh", Activation::gelu_tanh},
                                                        {"gelu_accurate", Activation::gelu_tanh},
                                                        {"linear", Activation::none},
                                                        {"relu", Activation::relu},
                                                        {"relu2", Activation::relu2},
                                                        {"sqrelu", Activation::relu2},
                                                        {"quick_gelu", Activation::quick_gelu},
                                                        {"sigmoid", Activation::sigmoid},
                                                        {"tanh", Activation::tanh}};
    for (const auto& [text, a] : known)
        if (name == text) return a;
    std::string all;
    for (const auto& [text, a] : known) all += (all.empty() ? "" : ", ") + std::string(text);
    return Error{ErrorCode::unsupported,
                 config.origin() + ": key '" + key + "' names the activation '" + name + "', which is not supported",
                 {"weft knows: " + all}};
}

Result<std::optional<std::vector<std::string>>> layer_types(const JsonObject& config, uint32_t layers) {
    if (!config.has("layer_types")) return std::optional<std::vector<std::string>>();
    weft_ASSIGN(auto types, config.strings("layer_types"));
    if (types.size() != layers)
        return config.bad("layer_types",
                          "has " + std::to_string(types.size()) + " entries for " + std::to_string(layers) + " layers");
    return std::optional(std::move(types));
}

} // namespace weft::detail
