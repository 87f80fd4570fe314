// SPDX-License-Identifier: Apache-2.0
#include "models/scan_parts.hpp"
#include "layers/identity.hpp"

namespace weft::detail {
namespace {

constexpr ViewId kBackwards = 1;

// bimamba_type, which an older key turns to v1.
Result<VimSizes::Directions> directions_of(const JsonObject& c) {
    using enum VimSizes::Directions;
    weft_ASSIGN(const std::string type, c.string_or("bimamba_type", "none"));
    weft_ASSIGN(const bool older, c.boolean_or("if_bimamba", false));
    if (older || type == "v1") return shared;
    if (type == "v2") return apart;
    if (type == "none") return forward;
    return c.bad("bimamba_type", "must be 'none', 'v1' or 'v2', is " + in_quotes(type));
}

// Class tokens: none; one at the middle, at the end or before all; or one at either end.
Status read_class_tokens(const JsonObject& c, PatchGrid& grid) {
    using enum PatchGrid::ExtraAt;
    weft_ASSIGN(const bool any, c.boolean_or("if_cls_token", false));
    weft_ASSIGN(const bool two, c.boolean_or("use_double_cls_token", false));
    weft_ASSIGN(const bool at_middle, c.boolean_or("use_middle_cls_token", false));
    weft_ASSIGN(const bool at_end, c.boolean_or("use_end_cls_token", false));
    grid.extra = any ? 1 + two : 0;
    grid.extra_at = two ? ends : at_middle ? middle : at_end ? last : first;
    if (!any) grid.extra_at = first;
    return Ok{};
}

Result<Mamba1Sizes> read_mixer(const JsonObject& c, uint32_t width) {
    constexpr Mamba1Keys keys{"expand", "d_state", "dt_rank", "d_conv", "bias", "conv_bias"};
    Json given = Json::object();
    if (c.has("ssm_cfg")) {
        weft_ASSIGN(const JsonObject own, c.object("ssm_cfg"));
        given = own.json();
    }
    if (c.has("d_state") && given.contains("d_state"))
        return c.bad("d_state", "must not be there beside that of ssm_cfg");
    if (c.has("d_state")) given["d_state"] = c.json()["d_state"];
    return read_mamba1(c.changed(given, {"ssm_cfg"}), width, keys);
}

Norm norm_of(Builder& builder, const VimSizes& s, const std::string& name) {
    return s.rms ? builder.rms(name + ".weight", s.width, s.eps) : builder.layer_norm(name, s.width, s.eps);
}

Layer make_layer(Builder& builder, const VimSizes& s, uint32_t i) {
    using enum VimSizes::Directions;
    const std::string at = layer_name(i), mixer = at + "mixer.";
    const Mamba1Sizes& m = s.mamba;
    CrossScanSpec scan;
    scan.inner = m.inner;
    scan.state_size = m.state_size;
    scan.rank = m.rank;
    scan.in = builder.linear(mixer + "in_proj", 2 * m.inner, s.width, m.bias);
    const auto conv = [&](const std::string& name) {
        return depthwise(builder, {{mixer + name}, m.inner, m.taps, 0, m.conv_bias, m.activation}, true);
    };
    // `own`: how the names of what a direction has for itself end.
    const auto projected = [&](const std::string& own) {
        return ScanDirection{.x = builder.linear(mixer + "x_proj" + own, m.rank + 2 * m.state_size, m.inner),
                             .dt = builder.linear(mixer + "dt_proj" + own, m.inner, m.rank)};
    };
    const auto parameters = [&](const std::string& a, const std::string& own) {
        return scan_parameters(builder, mixer + a + ", D, dt bias", m,
                               {mixer + a, mixer + "D" + own, mixer + "dt_proj" + own + ".bias"});
    };
    scan.directions = {projected("")};
    scan.directions[0].parameters = parameters("A_log", "");
    if (s.directions == apart) {
        scan.directions.push_back(projected("_b"));
        scan.directions[0].conv = conv("conv1d");
        scan.directions[1].conv = conv("conv1d_b");
        scan.directions[1].parameters = parameters("A_b_log", "_b");
    } else scan.conv = conv("conv1d");
    if (s.directions == shared) {
        scan.directions.push_back(scan.directions[0]);
        scan.directions[1].parameters = parameters("A_b_log", "");
    }
    if (scan.directions.size() > 1) scan.directions[1].view = kBackwards;
    scan.out = scaled_linear(builder, mixer + "out_proj", s.width, m.inner, m.bias, s.halved ? 0.5f : 1.0f,
                             s.layer_scale ? mixer + "gamma" : "");
    return {{{.pre = norm_of(builder, s, at + "norm"), .branches = {{scan}}}}};
}

} // namespace

Result<Sides> sides_or(const JsonObject& c, const std::string& key, uint32_t otherwise) {
    if (!c.has(key) || !c.json()[key].is_array()) {
        weft_ASSIGN(const uint32_t side, c.count_or(key, otherwise));
        return Sides{side, side};
    }
    weft_ASSIGN(const auto numbers, c.numbers(key));
    const auto count = [](double n) { return n >= 1 && n <= 65536 && n == double(uint32_t(n)); };
    if (numbers.size() != 2 || !count(numbers[0]) || !count(numbers[1]))
        return c.bad(key, "must be a size, or two of them, from 1 to 65536");
    return Sides{uint32_t(numbers[0]), uint32_t(numbers[1])};
}

Linear scaled_linear(Builder& builder, const std::string& name, uint32_t out, uint32_t in, bool bias, float factor,
                     const std::string& of_rows) {
    Linear l{kNoWeight, kNoWeight, in, out};
    const Rescale::Names times = of_rows.empty() ? Rescale::Names{} : builder.names(of_rows);
    WeightPiece weight{.names = builder.names(name + ".weight"), .file_shape = {out, in}};
    weight.rescale = {.factor = factor, .times = times};
    l.weight = builder.add({name + ".weight", {out, in}, true, {weight}, {}, {}});
    if (!builder.optional(name + ".bias", bias)) return l;
    WeightPiece offset{.names = builder.names(name + ".bias"), .file_shape = {out}};
    offset.rescale.times = times;
    l.bias = builder.add({name + ".bias", {out}, false, {offset}, {}, {}});
    return l;
}

ConvolveSpec depthwise(Builder& builder, const Depthwise& d, bool causal) {
    const auto count = uint32_t(d.names.size());
    ConvolveSpec conv;
    conv.line = d.taps_across == 0;
    conv.taps = conv.line ? 1 : d.taps;
    conv.taps_across = conv.line ? d.taps : d.taps_across;
    conv.pad = conv.taps / 2;
    conv.pad_across = causal ? conv.taps_across - 1 : conv.taps_across / 2;
    conv.groups = conv.in = conv.out = count * d.channels;
    conv.activation = d.activation;
    const uint32_t taps = conv.taps * conv.taps_across;
    WeightSlot weight{d.names[0] + ".weight", {taps, conv.out}, false, {}, {}, {}};
    WeightSlot bias{d.names[0] + ".bias", {conv.out}, false, {}, {}, {}};
    for (uint32_t i = 0; i < count; ++i) {
        WeightPiece piece{.names = builder.names(d.names[i] + ".weight"), .file_shape = {d.channels, taps}};
        if (!conv.line) piece.file_shape = {d.channels, conv.taps, conv.taps_across};
        piece.order = conv.line ? kTransposed : std::vector<uint64_t>{1, 2, 0};
        if (count > 1) piece.to = {i, {{taps, count}}};
        WeightPiece offset{.names = builder.names(d.names[i] + ".bias"), .file_shape = {d.channels}};
        if (!d.norm.empty()) {
            piece.rescale = {.times = builder.names(d.norm + ".weight"),
                             .variance = builder.names(d.norm + ".running_var"),
                             .eps = 1e-5f};
            offset.rescale = piece.rescale;
            offset.rescale.minus = builder.names(d.norm + ".running_mean");
            offset.rescale.plus = builder.names(d.norm + ".bias");
            if (!d.bias) offset.transform = WeightTransform::or_zeros;
        }
        weight.pieces.push_back(std::move(piece));
        bias.pieces.push_back(std::move(offset));
    }
    conv.weight = builder.add(std::move(weight));
    if (d.bias || !d.norm.empty()) conv.bias = builder.add(std::move(bias));
    return conv;
}

RowSpace window_rows(StageId from, uint32_t taps, uint32_t stride, uint32_t pad) {
    RowSpace rows{.of = RowSpace::Of::merged, .from = from, .down = taps, .across = taps};
    rows.stride_down = rows.stride_across = stride;
    rows.pad_down = rows.pad_across = pad;
    return rows;
}

Linear window_linear(Builder& builder, const std::string& name, uint32_t out, uint32_t in, uint32_t taps, bool bias) {
    const uint32_t all = taps * taps * in;
    WeightPiece weight{.names = builder.names(name + ".weight"), .file_shape = {out, in, taps, taps}};
    weight.order = kWindowOrder;
    return {builder.add({name + ".weight", {out, all}, true, {weight}, {}, {}}),
            bias ? builder.vector(name + ".bias", {out}) : kNoWeight, all, out};
}

void add_normed_mean(Schedule& schedule, const Norm& norm, const Linear& head) {
    Stage& last = schedule.stages.back();
    last.streams.push_back({"normed", last.width});
    const auto normed = StreamId(last.streams.size());
    last.last.push_back({.pre = norm, .branches = {{IdentitySpec{}}}, .write = normed, .base = Base::none});
    add_classifier(schedule, RowSpace::Of::mean, {}, head);
    schedule.stages.back().rows.stream = normed;
}

Result<VimSizes> read_vim(const JsonObject& c, const char* halves, uint32_t channels) {
    VimSizes s;
    for (const char* key : {"if_bidirectional", "if_rope", "if_rope_residual"}) {
        weft_ASSIGN(const bool asked, c.boolean_or(key, false));
        if (asked) return c.bad(key, "is true; weft reads models without it");
    }
    weft_ASSIGN(s.layers, c.count_or("depth", 24));
    if (s.layers > kMostLayers) return c.bad("depth", "must be at most " + std::to_string(kMostLayers));
    weft_ASSIGN(s.width, c.count_or("embed_dim", 192));
    weft_ASSIGN(s.classes, c.count_or("num_classes", 1000));
    weft_ASSIGN(s.eps, epsilon_or(c, "norm_epsilon", 1e-5));
    weft_ASSIGN(s.rms, c.boolean_or("rms_norm", false));
    weft_ASSIGN(s.positions, c.boolean_or("if_abs_pos_embed", false));
    weft_ASSIGN(s.directions, directions_of(c));
    weft_ASSIGN(const bool halved, c.boolean_or(halves, false));
    s.halved = halved && s.directions == VimSizes::Directions::apart;
    s.layer_scale = c.has("init_layer_scale");
    weft_ASSIGN(s.mamba, read_mixer(c, s.width));
    weft_TRY(read_class_tokens(c, s.grid));
    weft_ASSIGN(const std::string pool, c.string_or("final_pool_type", "none"));
    if (pool != "none" && pool != "mean")
        return c.bad("final_pool_type", "must be 'none' or 'mean', is " + in_quotes(pool));
    s.pooled = pool == "mean";
    weft_ASSIGN(s.grid.channels, c.count_or("channels", channels));
    return s;
}

Status count_patches(const JsonObject& c, VimSizes& s, const Sides& picture, const std::string& key) {
    constexpr uint32_t kMost = 1u << 24;
    if (!s.grid.sane())
        return c.bad("patch_size", "and channels must give patches of at most 2^24 numbers, and strides as small");
    if (!s.grid.takes(picture.height, picture.width)) return c.bad(key, "must be as large as a patch");
    const uint64_t patches = uint64_t(s.grid.down(picture.height)) * s.grid.across(picture.width);
    if (patches > kMost) return c.bad(key, "must have at most 2^24 patches");
    s.patches = uint32_t(patches);
    return Ok{};
}

std::vector<std::string> class_tokens(const VimSizes& s) {
    if (s.grid.extra == 2) return {"cls_token_head", "cls_token_tail"};
    if (s.grid.extra == 1) return {"cls_token"};
    return {};
}

void add_vim(Builder& builder, Schedule& schedule, const VimSizes& s, const PatchSpec& patch) {
    schedule.trained_context = s.rows();
    if (s.positions) schedule.position_limit = s.rows();
    Stage stage{.name = kEncoder,
                .rows = {.of = RowSpace::Of::patches, .input = patch.input},
                .width = s.width,
                .first = {{.read = {}, .branches = {{patch}}, .base = Base::none}}};
    if (s.directions != VimSizes::Directions::forward)
        stage.views = {{.name = "backwards", .order = View::Order::rows, .reversed = true}};
    for (uint32_t i = 0; i < s.layers; ++i) stage.layers.push_back(make_layer(builder, s, i));
    const Norm norm = norm_of(builder, s, "norm_f");
    const Linear head = builder.linear("head", s.classes, s.width, true);
    schedule.stages.push_back(std::move(stage));
    if (s.grid.extra) {
        schedule.stages.push_back({.name = "class tokens",
                                   .rows = {.of = RowSpace::Of::extra, .from = 0},
                                   .width = s.width,
                                   .first = {{.pre = norm, .branches = {{IdentitySpec{}}}, .base = Base::none}}});
        add_classifier(schedule, RowSpace::Of::mean, {}, head);
    } else if (s.pooled) add_normed_mean(schedule, norm, head);
    else add_classifier(schedule, RowSpace::Of::last, norm, head);
}

std::vector<NotRead> vision_mamba_keys_not_read() {
    return {{"residual_in_fp32", "always"},
            {"fused_add_norm", "how the reference implementation computes"},
            {"drop_rate", "training"},
            {"drop_path_rate", "training"},
            {"flip_img_sequences_ratio", "training"},
            {"initializer_cfg", "training"},
            {"ft_seq_len", "of rotary positions"},
            {"pt_hw_seq_len", "of rotary positions"}};
}

} // namespace weft::detail
