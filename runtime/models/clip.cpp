// SPDX-License-Identifier: Apache-2.0
// L5: CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023): a tower of pictures and one of texts, whose rows lie in
// one space, where their products say how well they go together.
#include "layers/pool.hpp"
#include "models/clip_parts.hpp"
#include "schedule/compose.hpp"
#include <cmath>

namespace weft::detail::clip {
namespace {

// What the two config classes disagree on.
struct Class {
    const char *type, *text, *vision;
    bool projects; // both pooled rows, else they are compared as they are
    double scale;  // the logarithm of it, where there is no file
};
constexpr Class kClasses[] = {{"clip", "clip_text_model", "clip_vision_model", true, 2.6592},
                              {"siglip", "siglip_text_model", "siglip_vision_model", false, 0}};

// A tower, whose config may be left out.
Result<Schedule> tower_of(const JsonObject& config, const ModelFiles& files, const Class& k, const char* key,
                          const char* type) {
    JsonObject given = config;
    Json own = Json::object();
    if (config.has(key)) {
        weft_ASSIGN(given, config.object(key));
        weft_ASSIGN(const std::string named, given.string_or("model_type", type));
        if (named != type) return given.bad("model_type", "must be " + in_quotes(type) + ", is " + in_quotes(named));
        own = given.json();
    }
    own["model_type"] = type;
    if (k.projects) {
        own["architectures"] = {"WithProjection"};
        weft_ASSIGN(own["projection_dim"], config.count_or("projection_dim", 512));
    }
    return part_of(given.changed(own), files);
}

// A number that the file holds as a tensor.
Result<double> number_of(const ModelFiles& files, const JsonObject& config, const char* name, double otherwise) {
    const TensorView* view = files.find(name);
    if (!view) {
        if (files.tensors().empty()) return otherwise;
        return Error{ErrorCode::not_found, config.origin() + ": tensor " + in_quotes(name) + " is missing", {}};
    }
    if (view->count() != 1)
        return Error{ErrorCode::malformed, config.origin() + ": tensor " + in_quotes(name) + " must be one number", {}};
    weft_ASSIGN(const auto values, read_f32(*view));
    return double(values[0]);
}

// A classifier of the mean of all patches; it reads no text.
void classify(Schedule& tower, Builder& builder, uint32_t labels) {
    const uint32_t extra = tower.stages[0].first[0].branches[0].op.as<PatchSpec>()->grid.extra;
    const StreamId rows = tower.outputs[output_of(tower, kLastHidden)].stream;
    tower.stages.resize(1);
    tower.outputs.clear();
    for (const char* name : {"vision_model.head.*", "vision_model.post_layernorm.*"})
        tower.unneeded.push_back({name, "the classifier reads the patches"});
    Stage& head = add_pooled(tower, kHead, rows);
    head.streams = {{kLogits, labels}};
    head.first = {{.read = {}, .branches = {{PoolSpec{.skip = extra}}}, .base = Base::none},
                  {.branches = {{LinearSpec{builder.linear("classifier", labels, head.width, true)}}},
                   .write = 1,
                   .base = Base::none}};
    tower.outputs.push_back({kLogits, 1, 1});
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(Schedule tower, tower_of(config, files, k, "vision_config", k.vision));
    Builder builder(tower, files, {""});
    weft_ASSIGN(const uint32_t labels, label_count(config, builder, "classifier.weight"));
    if (labels) {
        classify(tower, builder, labels);
        return tower;
    }
    weft_ASSIGN(Schedule text, tower_of(config, files, k, "text_config", k.text));
    const auto pooled = [&](Schedule& part, const char* projected) {
        normalise_output(part, k.projects ? projected : kPooled, projected);
        std::erase_if(part.outputs, [&](const Output& output) { return output.name != projected; });
        return part.outputs[0];
    };
    const auto width = [](const Schedule& part, const Output& output) {
        return part.stages[output.stage].width_of(output.stream);
    };
    const Output of_pictures = pooled(tower, kImageEmbeds), of_texts = pooled(text, kTextEmbeds);
    if (width(tower, of_pictures) != width(text, of_texts))
        return config.bad("vision_config", "must give rows as wide as text_config does");
    for (Stage& stage : tower.stages) stage.when = When::given;
    weft_ASSIGN(const double initial, config.number_or("logit_scale_init_value", k.scale));
    weft_ASSIGN(const double scale, number_of(files, config, "logit_scale", initial));
    weft_ASSIGN(const double bias, k.projects ? Result<double>(0.0) : number_of(files, config, "logit_bias", 0));
    put_before(text, std::move(tower));
    text.outputs.insert(text.outputs.begin(), of_pictures);
    const auto compare = [&](const char* name, const char* rows, const char* columns) {
        text.similarities.push_back({name, rows, columns, float(std::exp(scale)), float(bias)});
    };
    compare("logits_per_image", kImageEmbeds, kTextEmbeds);
    compare("logits_per_text", kTextEmbeds, kImageEmbeds);
    return text;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"clip", "siglip"},
    "CLIP, SigLIP",
    "pictures and texts in one space, and how well each goes with each",
    schedule,
    {},
    {},
    {{"initializer_factor", "training"},
     {"text_config", "classifiers of pictures read no text"},
     {"logit_scale_init_value", "the file has the number"}},
    {{"logit_scale", "a number of the schedule"}, {"logit_bias", "a number of the schedule"}}};

} // namespace weft::detail::clip
