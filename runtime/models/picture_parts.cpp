// SPDX-License-Identifier: Apache-2.0
#include "models/picture_parts.hpp"
#include "layers/attention.hpp"
#include "layers/keep.hpp"
#include "layers/merge.hpp"
#include "layers/place.hpp"
#include "schedule/compose.hpp"
#include <algorithm>
#include <set>

namespace weft::detail {

Result<TextAndTower> text_and_tower(const JsonObject& config, const ModelFiles& files, const char* tower_type,
                                    const std::vector<std::string>& tower_names) {
    TextAndTower both;
    weft_ASSIGN(both.text_config, language_config(config));
    weft_ASSIGN(const JsonObject text, config.object("text_config"));
    weft_ASSIGN(both.text, part_of(text.changed(both.text_config), text_part(files)));
    if (!is_decoder(both.text))
        return text.bad("model_type",
                        "must be that of a model that continues text, is " + in_quotes(both.text.architecture));
    const auto of_tower = [&](const TensorView* t) {
        return std::ranges::any_of(tower_names, [&](const std::string& name) { return t->name.starts_with(name); });
    };
    both.has_tower = config.has("vision_config") &&
                     (files.mmproj() || files.tensors().empty() || std::ranges::any_of(files.tensors(), of_tower));
    if (!both.has_tower) return both;
    weft_ASSIGN(const JsonObject vision, config.object("vision_config"));
    Json own = vision.json();
    weft_ASSIGN(own["model_type"], vision.string_or("model_type", tower_type));
    if (own["model_type"] == config.json()["model_type"]) own["model_type"] = tower_type; // as older files have it
    if (own["model_type"] != tower_type)
        return vision.bad("model_type", "must be " + in_quotes(tower_type) + ", is " +
                                            in_quotes(own["model_type"].get<std::string>()));
    weft_ASSIGN(both.tower, part_of(vision.changed(own), files.part({{{"", tower_names}}})));
    return both;
}

void only_layers(Schedule& tower) {
    tower.stages.resize(1);
    tower.stages[0].last.clear();
    tower.outputs.clear();
}

Status read_feature_layer(const JsonObject& config, Stage& tower, int64_t otherwise) {
    const char* key = "vision_feature_layer";
    if (config.has(key) && config.json()[key].is_array())
        return config.bad(key, "must be a number: weft reads models that use one layer");
    weft_ASSIGN(const int64_t given, config.integer_or(key, otherwise));
    const auto states = int64_t(tower.layers.size()) + 1;
    const int64_t at = given < 0 ? states + given : given;
    if (at < 0 || at >= states)
        return config.bad(key, "must be a hidden state of the " + std::to_string(tower.layers.size()) + " layers");
    tower.layers.resize(size_t(at));
    return Ok{};
}

Result<Heads> axial_heads(const JsonObject& c, uint32_t width, const std::string& key) {
    weft_ASSIGN(const uint32_t heads, c.count_or(key, 16));
    if (width % heads || width / heads % 4)
        return c.bad(key, "must divide hidden_size into heads of a multiple of 4 channels");
    return Heads{heads, heads, width / heads};
}

Result<double> axial_theta(const JsonObject& c) {
    weft_ASSIGN(const Json rope, rope_parameters(c, 10000));
    const JsonObject view = rope_view(c, rope);
    weft_ASSIGN(const std::string type, view.string("rope_type"));
    if (type != "default" && type != "axial") return view.bad("rope_type", "must be 'axial', is " + in_quotes(type));
    weft_ASSIGN(const double theta, view.number("rope_theta"));
    if (!(theta > 0)) return view.bad("rope_theta", "must be positive");
    return theta;
}

Rope axial_rope(Builder& builder, std::vector<float> frequencies) {
    const auto pairs = uint32_t(frequencies.size());
    for (uint32_t i = 0; i < pairs; ++i) frequencies.push_back(i < pairs / 2 ? 0 : 1);
    return {.kind = RopeKind::half,
            .frequencies = builder.computed("axial frequencies", {2, pairs}, std::move(frequencies)),
            .rotary = 2 * pairs,
            .axes = 2};
}

Stage merged_rows(const MergedRows& m) {
    return {
        .name = m.name,
        .rows = {.of = RowSpace::Of::merged, .from = m.from, .stream = m.stream, .down = m.merge, .across = m.merge},
        .width = m.second.out,
        .streams = {{"rectangles", m.first.in}, {"inner", m.first.out}},
        .first = {{.read = {}, .branches = {{MergeSpec{}}}, .write = 1, .base = Base::none},
                  {.read = {1},
                   .pre = m.norm,
                   .branches = {{LinearSpec{m.first, m.activation}}},
                   .write = 2,
                   .base = Base::none},
                  {.read = {2}, .branches = {{LinearSpec{m.second}}}, .base = Base::none}}};
}

void turn_by_axes(Schedule& text, const std::function<uint32_t(uint32_t)>& axis_of) {
    Stage& decoder = decoder_of(text);
    decoder.rows.axes = 3;
    std::set<WeightId> turned; // layers share a table
    for (Layer& layer : decoder.layers)
        for (Block& block : layer.blocks)
            for (Branch& branch : block.branches)
                if (auto* a = branch.op.as<AttentionSpec>(); a && a->rope.kind != RopeKind::none) {
                    a->rope.axes = 3;
                    if (!turned.insert(a->rope.frequencies).second) continue;
                    WeightSlot& table = text.weights[a->rope.frequencies];
                    const uint32_t pairs = a->rope.rotary / 2;
                    for (uint32_t i = 0; i < pairs; ++i) table.computed.push_back(float(axis_of(i)));
                    table.shape = {a->rope.rows(), pairs};
                }
}

Status see(const JsonObject& config, Schedule& text, Schedule tower, const std::string& key, int64_t otherwise) {
    const std::string& named = config.has(key) ? key : "image_token_id";
    Stage& decoder = decoder_of(text);
    weft_ASSIGN(decoder.rows.placeholder, config.integer_or(named, otherwise));
    if (decoder.rows.placeholder < 0 || decoder.rows.placeholder >= int64_t(text.vocabulary))
        return config.bad(named, "must be a token's id");
    for (Stage& stage : tower.stages) stage.when = When::given;
    const std::string memory = "pictures";
    Stage& last = tower.stages.back();
    if (last.width != decoder.width)
        return config.bad("vision_config", "gives rows " + std::to_string(last.width) + " wide, and must give them " +
                                               std::to_string(decoder.width) + " wide, as text_config's hidden_size");
    last.last.push_back({.branches = {{KeepSpec{memory, last.width}}}, .base = Base::none});
    decoder.first.push_back({.branches = {{PlaceSpec{memory, false, decoder.width}}}, .base = Base::none});
    const StageId features = StageId(tower.stages.size()) - 1;
    put_before(text, std::move(tower));
    text.outputs.insert(text.outputs.begin(), {kImageFeatures, features});
    return Ok{};
}

} // namespace weft::detail
