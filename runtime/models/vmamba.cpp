// SPDX-License-Identifier: Apache-2.0
// L5: VMamba (Liu et al. 2024): stages of a picture whose blocks scan it in four orders, across and down, forwards and
// backwards.
#include "layers/downsample.hpp"
#include "layers/identity.hpp"
#include "layers/merge.hpp"
#include "models/scan_parts.hpp"
#include <algorithm>

namespace weft::detail::vmamba {
namespace {

constexpr uint32_t kOrders = 4;
constexpr double kEps = 1e-5;

// forward_type, a word for the way of scanning with words behind it.
struct Scan {
    std::vector<View> views; // of the stage; an empty name: the rows as they are
    bool gated = true, activated = true, normed = true;
    bool first_release = false; // which reads fewer keys
};

Result<Scan> scan_of(const JsonObject& c) {
    weft_ASSIGN(std::string type, c.string_or("forward_type", "v2"));
    const std::string given = type;
    Scan s;
    const auto ends = [&](const char* word) {
        if (!type.ends_with(word)) return false;
        type.resize(type.size() - std::char_traits<char>::length(word));
        return true;
    };
    (void)ends("_no32");
    s.gated = !ends("_noz");
    s.activated = !ends("_nozact");
    s.normed = !ends("_onnone");
    const View rows{.order = View::Order::rows}, columns{.name = "columns", .order = View::Order::columns},
        back{.name = "backwards", .order = View::Order::rows, .reversed = true},
        columns_back{.name = "columns backwards", .order = View::Order::columns, .reversed = true};
    const auto is = [&](std::initializer_list<const char*> types) {
        return std::ranges::find(types, type) != types.end();
    };
    s.first_release = is({"v0", "v0seq"});
    if (s.first_release || is({"v01", "v02", "v03", "v04", "v05", "v1", "v2", "v3", "v4"}))
        s.views = {rows, columns, back, columns_back};
    else if (is({"v051d", "v31d"})) s.views = {rows, rows, rows, rows};
    else if (is({"v052d", "v32d"})) s.views = {rows, rows, back, back};
    else
        return c.bad("forward_type",
                     "must be one of v0, v01 to v05, v051d, v052d and their kin, is " + in_quotes(given));
    return s;
}

struct Config {
    std::vector<uint32_t> depths, dims;
    uint32_t classes, channels, patch;
    uint32_t patches; // of the first convolution, of a picture of the config's size
    Scan scan;
    double ratio, mlp_ratio;
    Mamba1Sizes mamba; // but for inner and rank
    std::optional<uint32_t> rank;
    bool patch_norm;
    kernel::Activation mlp_activation;
    std::string downsample, patch_embed;
};

Result<uint32_t> width_of(const JsonObject& c, const std::string& key, double n) {
    if (!(n >= 1 && n <= (1u << 16) && n == double(uint32_t(n)))) return c.bad(key, "must hold counts from 1 to 65536");
    return uint32_t(n);
}

Status read_shape(const JsonObject& c, Config& o) {
    weft_ASSIGN(const auto depths, c.numbers("depths"));
    if (depths.empty() || depths.size() > 8) return c.bad("depths", "must have 1 to 8 entries");
    for (const double n : depths) {
        weft_ASSIGN(const uint32_t depth, width_of(c, "depths", n));
        if (depth > kMostLayers) return c.bad("depths", "must hold at most " + std::to_string(kMostLayers));
        o.depths.push_back(depth);
    }
    if (c.has("dims") && c.json()["dims"].is_array()) {
        weft_ASSIGN(const auto dims, c.numbers("dims"));
        for (const double n : dims) {
            weft_ASSIGN(const uint32_t dim, width_of(c, "dims", n));
            o.dims.push_back(dim);
        }
    } else {
        weft_ASSIGN(const uint32_t dim, c.count_or("dims", 96));
        for (size_t i = 0; i < o.depths.size(); ++i) {
            weft_ASSIGN(const uint32_t wide, width_of(c, "dims", double(dim) * double(1u << i)));
            o.dims.push_back(wide);
        }
    }
    if (o.dims.size() != o.depths.size()) return c.bad("dims", "must have as many entries as depths");
    return Ok{};
}

Result<double> ratio_or(const JsonObject& c, const std::string& key, double otherwise) {
    weft_ASSIGN(const double ratio, c.number_or(key, otherwise));
    if (!(ratio >= 0 && ratio <= 64)) return c.bad(key, "must be from 0 to 64");
    return ratio;
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_TRY(read_shape(c, o));
    for (const char* key : {"gmlp", "post_norm", "posembed"}) {
        weft_ASSIGN(const bool asked, c.boolean_or(key, false));
        if (asked) return c.bad(key, "is true; weft reads VMamba without it");
    }
    weft_ASSIGN(o.scan, scan_of(c));
    weft_ASSIGN(o.classes, c.count_or("num_classes", 1000));
    weft_ASSIGN(o.channels, c.count_or("in_chans", 3));
    weft_ASSIGN(o.patch, c.count_or("patch_size", 4));
    weft_ASSIGN(o.ratio, ratio_or(c, "ssm_ratio", 2));
    if (o.ratio == 0) return c.bad("ssm_ratio", "must be above 0: blocks without scans are not read");
    weft_ASSIGN(o.mlp_ratio, ratio_or(c, "mlp_ratio", 4));
    weft_ASSIGN(o.mamba.state_size, c.count_or("ssm_d_state", 16));
    const auto rank = c.string_or("ssm_dt_rank", "auto");
    if (!rank || *rank != "auto") {
        weft_ASSIGN(o.rank, c.count("ssm_dt_rank"));
    }
    weft_ASSIGN(o.mamba.taps, c.count_or("ssm_conv", 3));
    if (o.mamba.taps % 2 == 0 || o.mamba.taps < 3 || o.mamba.taps > 63)
        return c.bad("ssm_conv", "must be odd, from 3 to 63");
    weft_ASSIGN(o.mamba.conv_bias, c.boolean_or("ssm_conv_bias", true));
    weft_ASSIGN(o.mamba.activation, activation_of(c, "ssm_act_layer", "silu"));
    if (o.scan.first_release) {
        o.mamba.taps = 3;
        o.mamba.conv_bias = true;
        o.mamba.activation = kernel::Activation::silu;
    }
    weft_ASSIGN(o.mlp_activation, activation_of(c, "mlp_act_layer", "gelu"));
    weft_ASSIGN(const std::string norm, c.string_or("norm_layer", "LN"));
    if (norm != "ln" && norm != "LN" && norm != "ln2d")
        return c.bad("norm_layer", "must be 'ln' or 'ln2d', is " + in_quotes(norm));
    weft_ASSIGN(o.patch_norm, c.boolean_or("patch_norm", true));
    weft_ASSIGN(o.downsample, c.string_or("downsample_version", "v2"));
    if (o.downsample != "v1" && o.downsample != "v2" && o.downsample != "v3")
        return c.bad("downsample_version", "must be 'v1', 'v2' or 'v3', is " + in_quotes(o.downsample));
    weft_ASSIGN(o.patch_embed, c.string_or("patchembed_version", "v1"));
    if (o.patch_embed != "v1" && o.patch_embed != "v2")
        return c.bad("patchembed_version", "must be 'v1' or 'v2', is " + in_quotes(o.patch_embed));
    if (o.patch > 256 || (o.patch_embed == "v2" && o.patch < 2)) return c.bad("patch_size", "must be from 2 to 256");
    weft_ASSIGN(const uint32_t picture, c.count_or("imgsize", 224));
    const uint32_t side = picture / (o.patch_embed == "v2" ? o.patch / 2 : o.patch);
    if (!side || side > 4096) return c.bad("imgsize", "must have from 1 to 4096 patches a side");
    o.patches = side * side;
    return o;
}

class Maker {
public:
    Maker(Schedule& s, Builder& builder, const Config& c) : s_(s), builder_(builder), c_(c) {}

    void run() {
        patches();
        for (uint32_t i = 0; i < c_.depths.size(); ++i) {
            if (i > 0) downsampled(i);
            Stage& stage = s_.stages.back();
            for (const View& view : c_.scan.views)
                if (!view.name.empty() && std::ranges::find(stage.views, view.name, &View::name) == stage.views.end())
                    stage.views.push_back(view);
            for (uint32_t block = 0; block < c_.depths[i]; ++block)
                stage.layers.push_back(
                    make_layer(stage, "layers." + std::to_string(i) + ".blocks." + std::to_string(block) + "."));
        }
    }
    Norm norm(const std::string& name, uint32_t width) { return builder_.layer_norm(name, width, kEps); }

private:
    Norm patch_norm(const std::string& name, uint32_t width) { return c_.patch_norm ? norm(name, width) : Norm{}; }

    // One convolution, or two with half as many channels between.
    void patches() {
        const bool two = c_.patch_embed == "v2";
        const uint32_t width = two ? c_.dims[0] / 2 : c_.dims[0], stride = two ? c_.patch / 2 : c_.patch;
        PatchSpec patch;
        patch.grid.channels = c_.channels;
        patch.grid.stride_y = patch.grid.stride_x = stride;
        patch.grid.patch_y = patch.grid.patch_x = two ? stride + 1 : stride;
        patch.grid.pad_y = patch.grid.pad_x = two;
        patch.weight = picture_weight(builder_, "patch_embed.0.weight", width, patch.grid);
        patch.rows = patch_rows(builder_, {}, "patch_embed.0.bias", width);
        s_.stages.push_back({.name = two ? "stem" : layer(0),
                             .rows = {.of = RowSpace::Of::patches, .input = kPixels},
                             .width = width,
                             .first = {{.read = {},
                                        .branches = {{patch}},
                                        .base = Base::none,
                                        .after = patch_norm("patch_embed.2", width)}}});
        if (!two) return;
        s_.stages[0].first.push_back({.branches = {{IdentitySpec{kernel::Activation::gelu}}}, .base = Base::none});
        convolved(0, {stride + 1, stride, 1}, "patch_embed.5", patch_norm("patch_embed.7", c_.dims[0]));
    }

    // Rows of the stage before, three by three or two by two.
    void downsampled(uint32_t i) {
        const std::string at = layer(i - 1) + ".downsample.";
        const uint32_t width = c_.dims[i];
        if (c_.downsample == "v3") return convolved(i, {3, 2, 1}, at + "1", norm(at + "3", width));
        if (c_.downsample == "v2") return convolved(i, {2, 2, 0}, at + "1", norm(at + "3", width));
        const uint32_t four = 4 * c_.dims[i - 1];
        s_.stages.push_back(
            {.name = layer(i),
             .rows = {.of = RowSpace::Of::merged, .from = last()},
             .width = width,
             .streams = {{"merged", four}},
             .first = {{.read = {}, .branches = {{MergeSpec{.columns_first = true}}}, .write = 1, .base = Base::none},
                       {.read = {1},
                        .pre = norm(at + "1", four),
                        .branches = {{LinearSpec{builder_.linear(at + "2", width, four)}}},
                        .base = Base::none}}});
    }
    struct Window {
        uint32_t taps, stride, pad;
    };
    void convolved(uint32_t i, const Window& w, const std::string& name, const Norm& norm) {
        const Linear l = window_linear(builder_, name, c_.dims[i], s_.stages.back().width, w.taps, true);
        s_.stages.push_back(
            {.name = layer(i),
             .rows = window_rows(last(), w.taps, w.stride, w.pad),
             .width = c_.dims[i],
             .first = {
                 {.read = {}, .branches = {{DownsampleSpec{l.weight, l.bias}}}, .base = Base::none, .after = norm}}});
    }

    Layer make_layer(const Stage& stage, const std::string& at) {
        Layer made{{{.pre = norm(at + "norm", stage.width), .branches = {{scan(stage, at + "op.")}}}}};
        if (c_.mlp_ratio > 0)
            made.blocks.push_back({.pre = norm(at + "norm2", stage.width),
                                   .branches = {{plain_mlp(builder_, at + "mlp.fc1", at + "mlp.fc2", stage.width,
                                                           uint32_t(stage.width * c_.mlp_ratio), c_.mlp_activation)}}});
        return made;
    }

    CrossScanSpec scan(const Stage& stage, const std::string& at) {
        Mamba1Sizes m = c_.mamba;
        m.inner = uint32_t(c_.ratio * stage.width);
        m.rank = c_.rank.value_or((stage.width + 15) / 16);
        CrossScanSpec scan;
        scan.inner = m.inner;
        scan.state_size = m.state_size;
        scan.rank = m.rank;
        scan.gate = c_.scan.gated ? ScanGate::product : ScanGate::none;
        scan.activation = c_.scan.activated ? m.activation : kernel::Activation::none;
        scan.in = builder_.linear(at + "in_proj", (c_.scan.gated ? 2 : 1) * m.inner, stage.width);
        scan.conv = depthwise(builder_, {{at + "conv2d"}, m.inner, m.taps, m.taps, m.conv_bias, m.activation});
        for (uint32_t k = 0; k < kOrders; ++k) {
            const auto view = std::ranges::find(stage.views, c_.scan.views[k].name, &View::name);
            ScanDirection d;
            d.view = view == stage.views.end() ? 0 : uint32_t(view - stage.views.begin()) + 1;
            d.x = part(k, at + "x_proj", m.rank + 2 * m.state_size, m.inner);
            d.dt = part(k, at + "dt_projs", m.inner, m.rank);
            d.parameters = scan_parameters(builder_, at + "A, D, dt bias " + std::to_string(k), m,
                                           {at + "A_logs", at + "Ds", at + "dt_projs_bias", k, kOrders});
            scan.directions.push_back(std::move(d));
        }
        if (c_.scan.normed) scan.norm = norm(at + "out_norm", m.inner);
        scan.out = builder_.linear(at + "out_proj", stage.width, m.inner);
        return scan;
    }
    // One of the matrices that files hold as NAME_weight [4, out, in], later ones as NAME.weight [4 out, in].
    Linear part(uint32_t k, const std::string& name, uint32_t out, uint32_t in) {
        const RowView rows{uint64_t(k) * out, {{out, 1}}};
        const WeightPiece older{
            .names = builder_.names(name + "_weight"), .file_shape = {kOrders, out, in}, .rows = rows},
            now{.names = builder_.names(name + ".weight"), .file_shape = {kOrders * out, in}, .rows = rows};
        return {builder_.add({name + " " + std::to_string(k), {out, in}, true, {older}, {}, {{now}}}), kNoWeight, in,
                out};
    }

    StageId last() const { return StageId(s_.stages.size()) - 1; }
    static std::string layer(uint32_t i) { return "layers." + std::to_string(i); }

    Schedule& s_;
    Builder& builder_;
    const Config& c_;
};

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {""});
    Maker maker(s, builder, c);
    maker.run();
    s.trained_context = c.patches;
    add_normed_mean(s, maker.norm("classifier.norm", c.dims.back()),
                    builder.linear("classifier.head", c.classes, c.dims.back(), true));
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"vmamba"},
                                "VMamba",
                                "pictures: scans across and down, forwards and backwards; convolutions between stages",
                                schedule,
                                {},
                                {},
                                {{"ssm_init", "training"},
                                 {"ssm_drop_rate", "training"},
                                 {"mlp_drop_rate", "training"},
                                 {"drop_path_rate", "training"},
                                 {"use_checkpoint", "training"}}};

} // namespace weft::detail::vmamba
