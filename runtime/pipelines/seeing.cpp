// SPDX-License-Identifier: Apache-2.0
#include "pipelines/seeing.hpp"
#include "base/file.hpp"
#include "layers/identity.hpp"
#include "layers/linear.hpp"
#include "models/encoder_parts.hpp"
#include "models/gguf_tower.hpp"
#include "schedule/compose.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

bool one_a_picture(const Schedule& s, const Output& output) { return s.stages[output.stage].rows.each_sequence(); }

// What the classifier reads, in place of what it makes of it: of a product at its end what that reads, of other ones
// the row that they begin with.
void without_classifier(Schedule& s, Output& output) {
    Stage& stage = s.stages[output.stage];
    Block* const block =
        stage.first.empty() || !stage.layers.empty() || !stage.last.empty() ? nullptr : &stage.first.back();
    const auto* product = block && block->branches.size() == 1 ? block->branches[0].op.as<LinearSpec>() : nullptr;
    if (product && block->write == output.stream && output.stream != kResidual) {
        stage.streams[output.stream - 1].width = product->linear.in;
        block->branches[0] = {IdentitySpec{}};
        return;
    }
    stage = {.name = stage.name,
             .rows = stage.rows,
             .width = stage.width,
             .first = {{.branches = {{IdentitySpec{}}}, .base = Base::none}}};
    output.stream = kResidual;
}

// A row of each picture: the class token, or the mean.
void pool(Schedule& s, Output& output) {
    if (one_a_picture(s, output)) return;
    const Stage& from = s.stages[output.stage];
    const auto of = extra_rows(s, output.stage) ? RowSpace::Of::first : RowSpace::Of::mean;
    s.stages.push_back({.name = "pooled",
                        .rows = {.of = of, .from = output.stage, .stream = output.stream},
                        .width = from.width_of(output.stream),
                        .first = {{.branches = {{IdentitySpec{}}}, .base = Base::none}}});
    output = {output.name, StageId(s.stages.size()) - 1};
}

Result<Output> embedding_of(Schedule& s) {
    for (const char* name : {"image_embeds", "pooler_output"})
        if (const size_t i = output_of(s, name); i < s.outputs.size()) return s.outputs[i];
    if (const size_t i = output_of(s, kLogits); i < s.outputs.size() && one_a_picture(s, s.outputs[i])) {
        without_classifier(s, s.outputs[i]);
        return s.outputs[i];
    }
    if (const size_t i = output_of(s, kLastHidden); i < s.outputs.size()) {
        pool(s, s.outputs[i]);
        return s.outputs[i];
    }
    return Error{ErrorCode::unsupported, s.architecture + " has no vector for a whole picture", {}};
}

Result<Output> classes_of(const Schedule& s) {
    const size_t i = output_of(s, kLogits);
    if (i < s.outputs.size() && one_a_picture(s, s.outputs[i])) return s.outputs[i];
    return Error{ErrorCode::unsupported,
                 s.architecture + " has no classes here",
                 {likeness_of(s) ? "`weft see --text` compares pictures with classes in words"
                                 : "a vector a picture is what `weft see --embed` gives"}};
}

Result<Json> json_of(const std::filesystem::path& path) {
    weft_ASSIGN(const std::string text, read_file(path));
    weft_ASSIGN(Json json, parse_json(text, path.string()));
    if (!json.is_object()) return Error{ErrorCode::malformed, path.string() + ": must be an object", {}};
    return json;
}

} // namespace

Status make_seeing(Schedule& s, Seen seen) {
    const auto pictures =
        std::ranges::find_if(s.inputs, [](const Input& input) { return input.pictures() && !input.grid.series(); });
    if (pictures == s.inputs.end()) return Error{ErrorCode::unsupported, s.architecture + " takes no pictures", {}};
    if (generating_stage(s) != kNoStage)
        return Error{ErrorCode::unsupported,
                     s.architecture + " sees pictures among the tokens of a text; it gives a picture no classes and no "
                                      "vector of its own",
                     {}};
    if (pictures->grid.channels != 3)
        return Error{ErrorCode::unsupported,
                     s.architecture + " takes pictures of " + std::to_string(pictures->grid.channels) +
                         " channels; weft has those of 3",
                     {}};
    if (seen == Seen::likeness) {
        if (likeness_of(s)) return Ok{};
        return Error{ErrorCode::unsupported, s.architecture + " compares no pictures with texts", {}};
    }
    weft_ASSIGN(const Output output, seen == Seen::vector ? embedding_of(s) : classes_of(s));
    return only(s, output, s.architecture);
}

const Similarity* likeness_of(const Schedule& s) {
    const auto pair = std::ranges::find(s.similarities, "logits_per_image", &Similarity::name);
    return pair == s.similarities.end() ? nullptr : &*pair;
}

bool judges_pairs(const Schedule& s) { return s.architecture == "siglip"; }

Result<std::vector<uint32_t>> filled_up(std::vector<uint32_t> ids, const Schedule& s, const ModelFiles& files) {
    if (!judges_pairs(s)) return ids;
    const JsonObject config(*files.config(), files.config_origin());
    int64_t padding = 1;
    if (config.has("text_config")) {
        weft_ASSIGN(const JsonObject own, config.object("text_config"));
        weft_ASSIGN(padding, own.integer_or("pad_token_id", padding));
        if (padding < 0 || padding >= int64_t(s.vocabulary)) return own.bad("pad_token_id", "must be a token's id");
    }
    ids.resize(s.position_limit, uint32_t(padding));
    return ids;
}

Result<std::vector<uint32_t>> text_ids(const Tokenizer& tokenizer, const std::string& text, const Schedule& s,
                                       const ModelFiles& files) {
    weft_ASSIGN(auto ids, tokenizer.encode(text, true));
    if (ids.empty() || ids.size() > s.position_limit)
        return Error{ErrorCode::invalid_argument,
                     in_quotes(text) + " has " + std::to_string(ids.size()) + " tokens; " + s.architecture +
                         " takes texts of 1 to " + std::to_string(s.position_limit),
                     {}};
    return filled_up(std::move(ids), s, files);
}

Result<PictureSettings> read_picture_settings(const ModelFiles& files) {
    if (files.mmproj()) {
        weft_ASSIGN(const GgufWhole whole, gguf_whole(files));
        return read_picture_settings(JsonObject(whole.preparing, files.mmproj()->origin()));
    }
    if (const auto path = files.file("processor_config.json")) {
        weft_ASSIGN(const Json json, json_of(*path));
        const JsonObject whole(json, path->string());
        if (whole.has("image_processor")) {
            weft_ASSIGN(const JsonObject own, whole.object("image_processor"));
            return read_picture_settings(own);
        }
    }
    if (const auto path = files.file("preprocessor_config.json")) {
        weft_ASSIGN(const Json json, json_of(*path));
        return read_picture_settings(JsonObject(json, path->string()));
    }
    const Error missing{ErrorCode::not_found,
                        files.origin() + ": there is no preprocessor_config.json, which says how pictures are prepared",
                        {}};
    const Json* sized = files.config() ? &*files.config() : nullptr;
    if (sized && sized->contains("vision_config")) sized = &sized->at("vision_config");
    if (!sized || !sized->contains("image_size")) return missing;
    const Json assumed{{"image_processor_type", "ViTImageProcessor"}, {"size", sized->at("image_size")}};
    weft_ASSIGN(PictureSettings settings, read_picture_settings(JsonObject(assumed, files.config_origin())));
    settings.warnings.push_back(missing.message + ": done as ViTImageProcessor does, at config.json's image_size");
    return settings;
}

} // namespace weft::detail
