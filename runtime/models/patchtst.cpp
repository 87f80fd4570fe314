// SPDX-License-Identifier: Apache-2.0
// L5: PatchTST (Nie et al. 2023, A Time Series is Worth 64 Words): each channel of a series, scaled by what it is over
// the context, in patches that see each other; a linear head forecasts each channel from its patches.
#include "layers/merge.hpp"
#include "layers/positions.hpp"
#include "layers/series.hpp"
#include "layers/unscale.hpp"
#include "models/encoder_parts.hpp"
#include <algorithm>

namespace weft::detail::patchtst {
namespace {

constexpr ViewId kOfChannel = 1, kOfTime = 2;
constexpr StreamId kNormed = 1;      // of the encoder, where norms are blocks of their own
constexpr uint32_t kMostRows = 4096; // of a channel, as of channels: a head merges them
constexpr uint32_t kLongest = 65536; // of a context
constexpr const char* kPrediction = "prediction";

enum class Task { none, prediction, classification, regression };
enum class Pooling { none, mean, largest, first };

struct Config {
    uint32_t channels, context, length, targets;
    uint32_t patch, stride, patches;
    uint32_t layers, width, inner;
    Heads heads;
    double eps;
    kernel::SeriesScale scale;
    kernel::Activation activation;
    Task task;
    Pooling pooling;
    bool batch_norm, pre_norm, bias, class_token, across_channels;
    bool shared_embedding, drawn; // drawn: the head gives a distribution
    std::string distribution;
    std::vector<double> range; // of what a regression gives; empty: any
    uint32_t columns() const { return patches + class_token; }
};

// What a key says, be it null; `otherwise` where it is absent.
Json value_or(const JsonObject& c, const char* key, const char* otherwise) {
    if (c.has(key)) return c.json()[key];
    return c.json().contains(key) ? Json() : Json(otherwise);
}

Result<kernel::SeriesScale> read_scale(const JsonObject& c) {
    kernel::SeriesScale scale;
    const Json scaling = value_or(c, "scaling", "std");
    if (scaling == "mean" || scaling == true) scale.kind = kernel::SeriesScaling::mean;
    else if (scaling != "std") scale.kind = kernel::SeriesScaling::none;
    const bool mean = scale.kind == kernel::SeriesScaling::mean;
    weft_ASSIGN(const double least, c.number_or("minimum_scale", mean ? 1e-10 : 1e-5));
    weft_ASSIGN(const double otherwise, number_or_none(c, "default_scale", 0));
    if (least < 0) return c.bad("minimum_scale", "must not be negative");
    if (otherwise < 0) return c.bad("default_scale", "must not be negative");
    weft_ASSIGN(const int64_t axis, c.integer_or("scaling_dim", 1));
    if (axis != 1) return c.bad("scaling_dim", "must be 1: channels are scaled by what they are over time");
    weft_ASSIGN(const bool kept, c.boolean_or("keepdim", true));
    if (!kept) return c.bad("keepdim", "must be true");
    scale.least = float(least);
    scale.otherwise = float(otherwise);
    return scale;
}

Result<Task> read_task(const JsonObject& c) {
    weft_ASSIGN(const auto classes, classes_of(c));
    const auto is = [&](const char* end) {
        return std::ranges::any_of(classes, [&](const std::string& name) { return name.ends_with(end); });
    };
    return is("ForPrediction")       ? Task::prediction
           : is("ForClassification") ? Task::classification
           : is("ForRegression")     ? Task::regression
                                     : Task::none;
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.task, read_task(c));
    weft_ASSIGN(o.channels, c.count_or("num_input_channels", 1));
    weft_ASSIGN(o.context, c.count_or("context_length", 32));
    weft_ASSIGN(o.length, c.count_or("prediction_length", 24));
    weft_ASSIGN(o.targets, c.count_or("num_targets", 1));
    weft_ASSIGN(o.patch, c.count_or("patch_length", 1));
    weft_ASSIGN(o.stride, c.count_or("patch_stride", 1));
    if (o.context <= o.patch || o.context > kLongest)
        return c.bad("context_length", "must be larger than patch_length, and at most " + std::to_string(kLongest));
    if (o.stride > kLongest) return c.bad("patch_stride", "must be at most " + std::to_string(kLongest));
    o.patches = (o.context - o.patch) / o.stride + 1;
    weft_ASSIGN(o.class_token, c.boolean_or("use_cls_token", false));
    if (o.columns() > kMostRows)
        return c.bad("context_length", "must hold at most " + std::to_string(kMostRows) + " patches");
    if (o.channels > kMostRows) return c.bad("num_input_channels", "must be at most " + std::to_string(kMostRows));
    weft_ASSIGN(o.layers, c.count_or("num_hidden_layers", 3));
    if (o.layers > kMostLayers) return c.bad("num_hidden_layers", "must be at most " + std::to_string(kMostLayers));
    weft_ASSIGN(o.width, c.count_or("d_model", 128));
    weft_ASSIGN(const uint32_t heads, c.count_or("num_attention_heads", 4));
    if (o.width > 65536 || o.width % heads) return c.bad("d_model", "must be a multiple of num_attention_heads");
    o.heads = {heads, heads, o.width / heads};
    weft_ASSIGN(o.inner, c.count_or("ffn_dim", 512));
    weft_ASSIGN(o.eps, epsilon_or(c, "norm_eps", 1e-5));
    weft_ASSIGN(o.activation, activation_of(c, "activation_function", "gelu"));
    weft_ASSIGN(o.scale, read_scale(c));
    weft_ASSIGN(const std::string norm, c.string_or("norm_type", "batchnorm"));
    if (norm != "batchnorm" && norm != "layernorm")
        return c.bad("norm_type", "must be batchnorm or layernorm, is " + norm);
    o.batch_norm = norm == "batchnorm";
    weft_ASSIGN(o.pre_norm, c.boolean_or("pre_norm", true));
    weft_ASSIGN(o.bias, c.boolean_or("bias", true));
    weft_ASSIGN(o.across_channels, c.boolean_or("channel_attention", false));
    weft_ASSIGN(o.shared_embedding, c.boolean_or("share_embedding", true));
    weft_ASSIGN(const bool one_head, c.boolean_or("share_projection", true));
    if (o.task == Task::prediction && !one_head)
        return c.bad("share_projection", "must be true: the reference computes no forecast without");
    if (o.class_token) o.pooling = Pooling::first;
    else {
        const Json pooling = value_or(c, "pooling_type", "mean");
        if (!pooling.is_null() && pooling != "mean" && pooling != "max")
            return c.bad("pooling_type", "must be mean, max or null");
        o.pooling = pooling.is_null() ? Pooling::none : pooling == "max" ? Pooling::largest : Pooling::mean;
    }
    if (o.task != Task::prediction && o.task != Task::none && o.pooling == Pooling::none)
        return c.bad("pooling_type", "must not be null but for forecasts");
    weft_ASSIGN(const std::string loss, c.string_or("loss", "mse"));
    o.drawn = loss != "mse";
    weft_ASSIGN(o.distribution, c.string_or("distribution_output", "student_t"));
    if (o.drawn && o.task != Task::none && o.distribution != "student_t" && o.distribution != "normal")
        return c.bad("distribution_output",
                     "must be student_t or normal, whose mean is the forecast, is " + o.distribution);
    if (c.has("output_range")) {
        weft_ASSIGN(o.range, c.numbers("output_range"));
        if (o.range.size() != 2) return c.bad("output_range", "must be two numbers");
    }
    return o;
}

class Maker {
public:
    Maker(Schedule& s, Builder& builder, const Config& c) : s_(s), builder_(builder), c_(c) {}

    void run() {
        s_.stages.push_back({.name = kEncoder,
                             .rows = {.of = RowSpace::Of::patches, .input = kSeries},
                             .width = c_.width,
                             .views = {{.name = "of a channel", .window = 1, .window_across = c_.columns()}},
                             .first = {{.read = {}, .branches = {{embedding()}}, .base = Base::none}}});
        if (c_.across_channels)
            s_.stages[0].views.push_back({.name = "of a time", .window = c_.channels, .window_across = 1});
        if (c_.batch_norm && c_.pre_norm) s_.stages[0].streams = {{"normed", c_.width}};
        for (uint32_t i = 0; i < c_.layers; ++i) layer("encoder." + layer_name(i));
        switch (c_.task) {
        case Task::none: s_.outputs.push_back({kLastHidden, 0}); break;
        case Task::prediction: predict(); break;
        case Task::classification: tell(kLogits, builder_.linear("head.linear", c_.targets, all(), true)); break;
        case Task::regression: tell("regression", projection(c_.targets, all())); break;
        }
    }

private:
    uint32_t all() const { return c_.channels * c_.width; }

    // Tensors of every channel, one behind the other, f32.
    WeightId of_channels(const std::string& name, const std::string& end, std::vector<uint32_t> shape) {
        WeightSlot slot{.name = name + end, .shape = shape, .matrix = false};
        slot.shape.insert(slot.shape.begin(), c_.channels);
        for (uint32_t i = 0; i < c_.channels; ++i)
            slot.pieces.push_back({.names = builder_.names(name + "." + std::to_string(i) + end),
                                   .file_shape = {shape.begin(), shape.end()}});
        return builder_.add(std::move(slot));
    }

    SeriesSpec embedding() {
        const std::string at = "encoder.embedder.input_embedding", places = "encoder.positional_encoder.";
        SeriesSpec series;
        series.channels = c_.channels;
        series.length = c_.context;
        series.patch = c_.patch;
        series.stride = c_.stride;
        series.scale = c_.scale;
        series.apart = !c_.shared_embedding;
        if (series.apart) {
            series.weight = of_channels(at, ".weight", {c_.width, c_.patch});
            series.bias = of_channels(at, ".bias", {c_.width});
        } else {
            const Linear linear = builder_.linear(at, c_.width, c_.patch, true);
            series.weight = linear.weight;
            series.bias = linear.bias;
        }
        if (c_.class_token) { // a row of zeros becomes the bias, which is taken off again
            WeightSlot slot{.name = places + "cls_token", .shape = {1, c_.width}, .matrix = false};
            if (series.apart) slot.shape[0] = c_.channels;
            for (uint32_t i = 0; i < slot.shape[0]; ++i) {
                WeightPiece piece{.names = builder_.names(slot.name), .file_shape = {c_.width}};
                piece.rescale.minus = builder_.names(at + (series.apart ? "." + std::to_string(i) : "") + ".bias");
                slot.pieces.push_back(std::move(piece));
            }
            series.before = builder_.add(std::move(slot));
        }
        series.positions = builder_.vector(places + "position_enc", {c_.columns(), c_.width});
        return series;
    }

    // x += op(norm(x)), or x = norm(x + op(x)).
    void add(Layer& layer, ViewId view, const Op& op, const std::string& norm) {
        Block block{.view = view, .branches = {{op}}};
        if (!c_.batch_norm) {
            (c_.pre_norm ? block.pre : block.after) = builder_.layer_norm(norm, c_.width, c_.eps);
            layer.blocks.push_back(std::move(block));
            return;
        }
        Block normed{.branches = {{batch_norm(builder_, norm + ".batchnorm", c_.width, c_.eps)}}, .base = Base::none};
        if (!c_.pre_norm) {
            layer.blocks.push_back(std::move(block));
            layer.blocks.push_back(std::move(normed));
            return;
        }
        normed.write = kNormed;
        block.read = {kNormed};
        layer.blocks.push_back(std::move(normed));
        layer.blocks.push_back(std::move(block));
    }

    // Across channels the same attention as along time.
    void layer(const std::string& at) {
        const std::string self = at + "self_attn.";
        const uint32_t w = c_.width;
        AttentionSpec a = c_.heads.attention();
        a.causal = false;
        a.qkv = builder_.stacked_linear(self + "qkv",
                                        {{self + "q_proj", w}, {self + "k_proj", w}, {self + "v_proj", w}}, w, true);
        a.out = builder_.linear(self + "out_proj", w, w, true);
        MlpSpec m;
        m.gated = false;
        m.inner = c_.inner;
        m.activation = c_.activation;
        m.in = builder_.linear(at + "ff.0", c_.inner, w, c_.bias);
        m.out = builder_.linear(at + "ff.3", w, c_.inner, c_.bias);
        Layer layer;
        add(layer, kOfChannel, a, at + "norm_sublayer1");
        if (c_.across_channels) add(layer, kOfTime, a, at + "norm_sublayer2");
        add(layer, 0, m, at + "norm_sublayer3");
        s_.stages[0].layers.push_back(std::move(layer));
    }

    // Of a distribution the product that gives its mean: of Student's behind that of the degrees of freedom.
    Linear projection(uint32_t out, uint32_t in) {
        std::string name = "head.projection";
        if (c_.drawn) name += c_.distribution == "student_t" ? ".proj.1" : ".proj.0";
        return builder_.linear(name, out, in, true);
    }

    // A stage with a row for each channel: what is made of its patches.
    Stage& channels(const std::string& name) {
        Stage stage{.name = name, .rows = {.of = RowSpace::Of::merged, .from = 0}, .width = c_.width};
        RowSpace& rows = stage.rows;
        rows.down = rows.stride_down = 1;
        rows.stride_across = c_.columns();
        rows.across = c_.pooling == Pooling::first ? 1 : c_.columns();
        if (c_.pooling == Pooling::none) stage.width *= c_.columns();
        const MergeSpec merge{.mean = c_.pooling == Pooling::mean, .largest = c_.pooling == Pooling::largest};
        stage.first = {{.read = {}, .branches = {{merge}}, .base = Base::none}};
        s_.stages.push_back(std::move(stage));
        return s_.stages.back();
    }

    void predict() {
        Stage& stage = channels(kHead);
        constexpr StreamId kScaled = 1, kUnscaled = 2;
        stage.streams = {{"scaled", c_.length}, {kPrediction, c_.length}};
        const LinearSpec product{projection(c_.length, stage.width)};
        stage.first.push_back({.branches = {{product}}, .write = kScaled, .base = Base::none});
        stage.first.push_back(
            {.read = {kScaled}, .branches = {{UnscaleSpec{c_.scale}}}, .write = kUnscaled, .base = Base::none});
        s_.outputs.push_back({kPrediction, 1, kUnscaled});
    }

    // What the rows of all channels, side by side, are told to be.
    void tell(const char* name, const Linear& product) {
        channels("channels");
        Stage stage{.name = kHead, .rows = {.of = RowSpace::Of::merged, .from = 1}, .width = all()};
        stage.rows.down = stage.rows.stride_down = c_.channels;
        stage.rows.across = stage.rows.stride_across = stage.rows.most = 1;
        stage.streams = {{name, c_.targets}};
        LinearSpec linear{product};
        Block block{.branches = {}, .write = 1, .base = Base::none};
        if (c_.task == Task::regression && !c_.range.empty() && !c_.drawn) {
            linear.activation = kernel::Activation::sigmoid;
            block.residual_scale = float(c_.range[1] - c_.range[0]);
        }
        block.branches = {{linear}};
        stage.first = {{.read = {}, .branches = {{MergeSpec{}}}, .base = Base::none}, block};
        if (linear.activation != kernel::Activation::none) {
            const WeightId least =
                builder_.computed("output_range", {1, c_.targets}, std::vector<float>(c_.targets, float(c_.range[0])));
            stage.first.push_back({.read = {}, .branches = {{PositionsSpec{1, least}}}, .write = 1});
        }
        s_.stages.push_back(std::move(stage));
        s_.outputs.push_back({name, 2, 1});
    }

    Schedule& s_;
    Builder& builder_;
    const Config& c_;
};

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    s.position_limit = s.trained_context = c.channels * c.columns();
    Builder builder(s, files, {"model.", ""});
    Maker(s, builder, c).run();
    if (c.task == Task::none) s.unneeded.push_back({"head.*", "training"});
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"patchtst"},
    "PatchTST",
    "time series: channels scaled by what they are, in patches that see each other; forecasts, classes",
    schedule,
    {},
    {},
    {{"do_mask_input", "training"},
     {"mask_*", "training"},
     {"random_mask_ratio", "training"},
     {"channel_consistent_masking", "training"},
     {"num_forecast_mask_patches", "training"},
     {"unmasked_channel_indices", "training"},
     {"positional_encoding_type", "the table is in the file"},
     {"pooling_type", "of models without a class token"},
     {"num_parallel_samples", "the mean of a distribution is the forecast"},
     {"distribution_output", "of models that give a distribution"},
     {"output_range", "of regression"},
     {"num_targets", "of classifiers and regression"},
     {"prediction_length", "of forecasts"},
     {"share_projection", "of forecasts"}},
    {{"head.projection*.proj.*", "the mean of a distribution is the forecast"}}};

} // namespace weft::detail::patchtst
