// SPDX-License-Identifier: Apache-2.0
#include "models/encoder_parts.hpp"
#include "layers/identity.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail {
namespace {

// The bucket of a key at `distance` from its query, below 0 behind it (the paper's section 2.1).
uint64_t bucket_of(int64_t distance, bool both_ways, uint64_t buckets, uint64_t farthest) {
    uint64_t first = 0, n = buckets;
    uint64_t far = uint64_t(std::max<int64_t>(0, -distance));
    if (both_ways) {
        n /= 2;
        if (distance > 0) first = n;
        far = uint64_t(std::abs(distance));
    }
    const uint64_t exact = n / 2;
    if (far < exact) return first + far;
    // In single precision, as the reference computes it: a bucket's edge may depend on the last bit.
    const float ratio = std::log(float(far) / float(exact)) / float(std::log(double(farthest) / double(exact)));
    return first + std::min(exact + uint64_t(ratio * float(n - exact)), n - 1);
}

} // namespace

Stage& add_encoder(Schedule& schedule, uint32_t width, WeightId table) {
    EmbedSpec embedding;
    embedding.rows = schedule.vocabulary;
    embedding.table = table;
    schedule.stages.push_back(
        {.name = kEncoder, .width = width, .first = {{.read = {}, .branches = {{embedding}}, .base = Base::none}}});
    return schedule.stages.back();
}

Result<uint32_t> first_position(const JsonObject& config, int64_t padding) {
    weft_ASSIGN(const int64_t id, config.integer_or("pad_token_id", padding));
    weft_ASSIGN(const uint32_t vocabulary, config.count("vocab_size"));
    if (id < 0 || id >= int64_t(vocabulary)) return config.bad("pad_token_id", "must be a token's id");
    return uint32_t(id) + 1;
}

void add_distance_bias(Builder& builder, const std::string& name, uint32_t buckets, uint32_t farthest,
                       AttentionSpec& attention) {
    const int64_t most = farthest;
    const uint32_t heads = attention.heads;
    WeightPiece piece{.names = builder.names(name), .file_shape = {buckets, heads}, .order = kTransposed};
    for (int64_t d = -most; d <= (attention.causal ? 0 : most); ++d)
        piece.gather.push_back(bucket_of(d, !attention.causal, buckets, farthest));
    attention.bias_columns = uint32_t(piece.gather.size());
    attention.bias = builder.add({name, {heads, attention.bias_columns}, false, {piece}, {}, {}});
}

ConvolveSpec batch_norm(Builder& builder, const std::string& name, uint32_t width, double eps) {
    WeightPiece weight{.names = builder.names(name + ".weight"), .file_shape = {width}},
        bias{.names = builder.names(name + ".running_mean"), .file_shape = {width}};
    weight.rescale = {.variance = builder.names(name + ".running_var"), .eps = float(eps)};
    bias.rescale = {.factor = -1,
                    .times = builder.names(name + ".weight"),
                    .variance = builder.names(name + ".running_var"),
                    .plus = builder.names(name + ".bias"),
                    .eps = float(eps)};
    ConvolveSpec norm;
    norm.line = true;
    norm.groups = norm.in = norm.out = width;
    norm.weight = builder.add({name + ".weight", {1, width}, false, {weight}, {}, {}});
    norm.bias = builder.add({name + ".bias", {width}, false, {bias}, {}, {}});
    return norm;
}

Block final_norm(const Norm& norm) { return {.pre = norm, .branches = {{IdentitySpec{}}}, .base = Base::none}; }

Result<std::vector<std::string>> classes_of(const JsonObject& config) {
    if (!config.has("architectures")) return std::vector<std::string>();
    return config.strings("architectures");
}

Result<bool> has_masked_head(const JsonObject& config, const Builder& builder, const ModelFiles& files,
                             const std::string& tensor) {
    if (!files.tensors().empty()) return builder.has(tensor);
    weft_ASSIGN(const auto classes, classes_of(config));
    return std::ranges::any_of(
        classes, [](const std::string& name) { return name.ends_with("ForMaskedLM") || name == "BertForPreTraining"; });
}

void add_masked_head(Schedule& schedule, const Linear& transform, kernel::Activation activation, const Norm& norm,
                     const Linear& logits) {
    const StageId encoder = StageId(schedule.stages.size()) - 1;
    const uint32_t width = schedule.stages[encoder].width;
    Stage head{.name = kHead,
               .rows = {.of = RowSpace::Of::wanted, .from = encoder},
               .width = width,
               .streams = {{kLogits, schedule.vocabulary}}};
    StreamId transformed = kResidual;
    if (transform.out != width) {
        head.streams.push_back({"transformed", transform.out});
        transformed = 2;
    }
    head.first = {
        {.branches = {{LinearSpec{transform, activation}}}, .write = transformed, .base = Base::none, .after = norm},
        {.read = {transformed}, .branches = {{LinearSpec{logits}}}, .write = 1, .base = Base::none}};
    schedule.stages.push_back(std::move(head));
    schedule.outputs.push_back({kLogits, encoder + 1, 1});
}

Result<SquarePatches> read_square_patches(const JsonObject& c, uint32_t patch, uint32_t extra, uint32_t most) {
    SquarePatches o;
    weft_ASSIGN(o.grid.channels, c.count_or("num_channels", 3));
    weft_ASSIGN(const uint32_t image, c.count_or("image_size", 224));
    weft_ASSIGN(const uint32_t size, c.count_or("patch_size", patch));
    o.grid.patch_y = o.grid.patch_x = o.grid.stride_y = o.grid.stride_x = size;
    o.grid.extra = extra;
    o.side = image / size;
    if (image % size || o.side > most)
        return c.bad("patch_size", "must divide image_size, into at most " + std::to_string(most));
    if (!o.grid.sane()) return c.bad("patch_size", "and num_channels must give patches of at most 2^24 numbers");
    return o;
}

WeightId picture_weight(Builder& builder, const std::string& name, uint32_t width, const PatchGrid& grid) {
    WeightPiece piece{builder.names(name), {width, grid.channels, grid.patch_y, grid.patch_x}};
    return builder.add({name, {width, grid.columns()}, true, {piece}, {}, {}});
}

WeightId patch_rows(Builder& builder, const std::vector<std::string>& extra, const std::string& bias, uint32_t width) {
    WeightSlot slot{bias + " and rows", {uint32_t(extra.size()) + 1, width}, false, {}, {}, {}};
    for (const std::string& name : extra) slot.pieces.push_back({builder.names(name), {width}});
    slot.pieces.push_back({builder.names(bias), {width}, {}, {}, WeightTransform::or_zeros});
    return builder.add(std::move(slot));
}

void learned_positions(Builder& builder, PatchSpec& patch, const std::string& name, uint32_t side, uint32_t width,
                       bool extra_last) {
    const uint32_t extra = patch.grid.extra, square = side * side;
    const auto rows = [&](const std::string& slot, uint64_t first, uint32_t count) {
        const WeightPiece piece{
            .names = builder.names(name), .file_shape = {extra + square, width}, .rows = {first, {{count, 1}}}};
        return builder.add({slot, {count, width}, false, {piece}, {}, {}});
    };
    if (extra) patch.positions = rows(name + " of extra rows", extra_last ? square : 0, extra);
    patch.stretched = {rows(name, extra_last ? 0 : extra, square), side, true, false};
}

AttentionSpec picture_attention(Builder& builder, const std::string& at, const std::string& out, const Heads& heads,
                                uint32_t width, bool qkv_bias) {
    AttentionSpec a = heads.attention();
    a.causal = false;
    a.qkv = builder.stacked_linear(at + "qkv", {{at + "query", width}, {at + "key", width}, {at + "value", width}},
                                   width, qkv_bias);
    a.out = builder.linear(out, width, width, true);
    return a;
}

StreamId add_normed(Stage& stage, const Norm& norm) {
    stage.streams.push_back({"normed", stage.width});
    const auto normed = StreamId(stage.streams.size());
    stage.last.push_back({.pre = norm, .branches = {{IdentitySpec{}}}, .write = normed, .base = Base::none});
    return normed;
}

Stage& add_pooled(Schedule& schedule, const std::string& name, StreamId stream) {
    const StageId from = StageId(schedule.stages.size()) - 1;
    schedule.stages.push_back({.name = name,
                               .rows = {.of = RowSpace::Of::first, .from = from, .stream = stream},
                               .width = schedule.stages[from].width_of(stream)});
    return schedule.stages.back();
}

Result<uint32_t> label_count(const JsonObject& config, const Builder& builder, const std::string& tensor) {
    if (const TensorView* view = builder.find(tensor)) return uint32_t(view->shape.empty() ? 0 : view->shape[0]);
    weft_ASSIGN(const auto classes, classes_of(config));
    const auto classifies = [](const std::string& name) { return name.find("Classification") != name.npos; };
    if (std::ranges::none_of(classes, classifies)) return 0u;
    if (config.has("id2label")) {
        weft_ASSIGN(const JsonObject labels, config.object("id2label"));
        return uint32_t(labels.json().size());
    }
    return 2u; // what config classes take
}

void add_classifier(Schedule& schedule, RowSpace::Of rows, const Norm& norm, const Linear& product) {
    const StageId from = StageId(schedule.stages.size()) - 1;
    schedule.stages.push_back(
        {.name = kHead,
         .rows = {.of = rows, .from = from},
         .width = product.in,
         .streams = {{kLogits, product.out}},
         .first = {{.pre = norm, .branches = {{LinearSpec{product}}}, .write = 1, .base = Base::none}}});
    schedule.outputs.push_back({kLogits, from + 1, 1});
}

} // namespace weft::detail
