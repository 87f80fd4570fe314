// SPDX-License-Identifier: Apache-2.0
// L5: PlainMamba (Yang et al. 2024): patches of a picture, scanned along snakes whose steps know their direction.
#include "layers/downsample.hpp"
#include "layers/identity.hpp"
#include "layers/positions.hpp"
#include "models/scan_parts.hpp"
#include <set>

namespace weft::detail::plain_mamba {
namespace {

constexpr uint32_t kStem = 64; // channels between the convolutions before the patches
constexpr double kEps = 1e-5;

struct Config {
    uint32_t layers, width, classes, channels, patch, convolutions;
    PictureRows patches; // of a picture of the config's size
    uint32_t places;     // of its stem
    bool positions, final_norm, rms, layer_scale;
    double final_eps;
    std::set<uint32_t> convolved; // layers with a convolution behind them
    Mamba1Sizes mamba;
};

Status read_layers(const JsonObject& c, Config& o) {
    if (c.has("layers_with_dwconv")) {
        weft_ASSIGN(const auto numbers, c.numbers("layers_with_dwconv"));
        for (const double n : numbers) {
            if (!(n >= 0 && n < o.layers && n == double(uint32_t(n))))
                return c.bad("layers_with_dwconv", "must hold numbers of layers");
            o.convolved.insert(uint32_t(n));
        }
    }
    constexpr Mamba1Keys keys{"expand", "d_state", "dt_rank", "conv_size", "bias", "conv_bias"};
    weft_ASSIGN(const JsonObject layer, c.object("layer_cfgs"));
    weft_ASSIGN(o.rms, layer.boolean_or("use_rms_norm", false));
    weft_ASSIGN(const JsonObject mixer, layer.object("mamba_cfg"));
    Json given = mixer.json();
    if (!given.contains("conv_size")) given["conv_size"] = 7;
    weft_ASSIGN(o.mamba, read_mamba1(mixer.changed(given), o.width, keys));
    if (o.mamba.taps % 2 == 0 || o.mamba.taps > 63) return mixer.bad("conv_size", "must be odd, and at most 63");
    o.layer_scale = mixer.has("init_layer_scale");
    return Ok{};
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    if (c.has("arch")) return c.bad("arch", "must be null: sizes are read from their own keys");
    weft_ASSIGN(o.layers, c.count_or("num_layers", 20));
    if (o.layers > kMostLayers) return c.bad("num_layers", "must be at most " + std::to_string(kMostLayers));
    weft_ASSIGN(o.width, c.count_or("embed_dims", 192));
    weft_ASSIGN(o.classes, c.count_or("num_classes", 1000));
    weft_ASSIGN(o.channels, c.count_or("in_channels", 3));
    weft_ASSIGN(o.convolutions, count_or_zero(c, "num_convs_patch_embed", 1));
    if (o.convolutions > 16) return c.bad("num_convs_patch_embed", "must be at most 16");
    weft_ASSIGN(o.patch, c.count_or("patch_size", 16));
    if (o.patch % 2 || o.patch > 256) return c.bad("patch_size", "must be even, and at most 256");
    weft_ASSIGN(const Sides picture, sides_or(c, "img_size", 224));
    if (uint64_t(picture.height) * picture.width > (1u << 24)) return c.bad("img_size", "must be at most 2^24 pixels");
    const auto halved = [](uint32_t side) { return (side + 1) / 2; };
    const auto patches = [&](uint32_t side) { return (halved(side) + o.patch / 2 - 1) / (o.patch / 2); };
    o.patches = {patches(picture.height), patches(picture.width)};
    o.places = halved(picture.height) * halved(picture.width);
    weft_ASSIGN(o.positions, c.boolean_or("with_pos_embed", true));
    weft_ASSIGN(o.final_norm, c.boolean_or("final_norm", true));
    o.final_eps = 1e-6;
    if (c.has("norm_cfg")) {
        weft_ASSIGN(const JsonObject norm, c.object("norm_cfg"));
        weft_ASSIGN(const std::string type, norm.string_or("type", "LN"));
        if (type != "LN") return norm.bad("type", "must be 'LN', is " + in_quotes(type));
        weft_ASSIGN(o.final_eps, epsilon_or(norm, "eps", kEps));
    }
    weft_TRY(read_layers(c, o));
    return o;
}

class Maker {
public:
    Maker(Schedule& s, Builder& builder, const Config& c) : s_(s), builder_(builder), c_(c) {}

    void run() {
        patches();
        Stage& stage = s_.stages.back();
        const View snake{.name = "snake", .order = View::Order::snake},
            columns{.name = "snake of columns", .order = View::Order::snake_columns};
        for (const View& view : {snake, columns})
            for (const bool reversed : {false, true}) {
                stage.views.push_back(view);
                stage.views.back().reversed = reversed;
                if (reversed) stage.views.back().name += ", backwards";
            }
        for (uint32_t i = 0; i < c_.layers; ++i) stage.layers.push_back(make_layer(i));
    }

private:
    Norm layer_norm(const std::string& name) {
        return c_.rms ? builder_.rms(name + ".weight", c_.width, kEps) : builder_.layer_norm(name, c_.width, kEps);
    }

    void patches() {
        const std::string at = "backbone.patch_embed.";
        PatchSpec patch;
        patch.grid.channels = c_.channels;
        patch.grid.patch_y = patch.grid.patch_x = 7;
        patch.grid.stride_y = patch.grid.stride_x = 2;
        patch.grid.pad_y = patch.grid.pad_x = 3;
        const Linear stem = builder_.folded({at + "stem.0", {kStem, c_.channels, 7, 7}}, at + "stem.1", kEps);
        patch.weight = stem.weight;
        patch.rows = stem.bias;
        s_.weights[patch.rows].shape = {1, kStem};
        patch.activation = kernel::Activation::relu;
        Stage before{.name = "stem",
                     .rows = {.of = RowSpace::Of::patches, .input = kPixels},
                     .width = kStem,
                     .first = {{.read = {}, .branches = {{patch}}, .base = Base::none}}};
        for (uint32_t i = 0; i < c_.convolutions; ++i) {
            const std::string conv = at + "convs.";
            const Linear l = builder_.folded({conv + std::to_string(3 * i), {kStem, kStem, 3, 3}, kWindowOrder},
                                             conv + std::to_string(3 * i + 1), kEps);
            ConvolveSpec made;
            made.taps = made.taps_across = 3;
            made.pad = made.pad_across = 1;
            made.in = made.out = kStem;
            made.weight = l.weight;
            made.bias = l.bias;
            made.activation = kernel::Activation::relu;
            before.first.push_back({.branches = {{made}}, .base = Base::none});
        }
        s_.stages.push_back(std::move(before));
        const uint32_t side = c_.patch / 2;
        s_.stages.push_back({.name = "stem, whole patches",
                             .rows = {.of = RowSpace::Of::padded, .from = 0, .down = side, .across = side},
                             .width = kStem});
        const Linear l = window_linear(builder_, at + "projection", c_.width, kStem, side, true);
        Stage stage{.name = kEncoder,
                    .rows = window_rows(1, side, side, 0),
                    .width = c_.width,
                    .first = {{.read = {}, .branches = {{DownsampleSpec{l.weight, l.bias}}}, .base = Base::none}}};
        if (c_.positions) {
            PositionsSpec p;
            stage.rows.most = p.rows = c_.patches.down * c_.patches.across;
            p.table = builder_.vector("backbone.pos_embed", {p.rows, c_.width});
            stage.first.push_back({.read = {}, .branches = {{p}}});
        }
        s_.stages.push_back(std::move(stage));
    }

    Layer make_layer(uint32_t i) {
        const std::string at = "backbone." + layer_name(i);
        Layer layer{{{.pre = layer_norm(at + "norm"), .branches = {{scan(at + "mamba.")}}}}};
        if (c_.convolved.contains(i))
            layer.blocks.push_back({.branches = {{depthwise(builder_, {.names = {at + "dw.0"},
                                                                       .channels = c_.width,
                                                                       .taps = 3,
                                                                       .taps_across = 3,
                                                                       .activation = kernel::Activation::gelu,
                                                                       .norm = at + "dw.1"})}},
                                    .base = Base::none});
        return layer;
    }

    CrossScanSpec scan(const std::string& at) {
        const Mamba1Sizes& m = c_.mamba;
        CrossScanSpec scan;
        scan.inner = m.inner;
        scan.state_size = m.state_size;
        scan.rank = m.rank;
        scan.in = builder_.linear(at + "in_proj", 2 * m.inner, c_.width, m.bias);
        scan.conv = depthwise(builder_, {{at + "conv2d"}, m.inner, m.taps, m.taps, m.conv_bias, m.activation});
        ScanDirection d;
        d.x = builder_.linear(at + "x_proj", m.rank + 2 * m.state_size, m.inner);
        d.dt = builder_.linear(at + "dt_proj", m.inner, m.rank);
        // The model adds the bias in the projection and in the scan.
        d.parameters = scan_parameters(
            builder_, at + "A, D, dt bias", m,
            {.a_log = at + "A_log", .d = at + "D", .dt_bias = at + "dt_proj.bias", .dt_bias_factor = 2});
        for (d.view = 1; d.view <= 4; ++d.view) scan.directions.push_back(d);
        scan.turns = builder_.vector(at + "direction_Bs", {5, m.state_size});
        scan.out =
            scaled_linear(builder_, at + "out_proj", c_.width, m.inner, m.bias, 1, c_.layer_scale ? at + "gamma" : "");
        return scan;
    }

    Schedule& s_;
    Builder& builder_;
    const Config& c_;
};

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {""});
    s.trained_context = c.places;
    Maker(s, builder, c).run();
    const Norm norm = c.final_norm ? builder.layer_norm("backbone.ln1", c.width, c.final_eps) : Norm{};
    add_normed_mean(s, norm, builder.linear("head.fc", c.classes, c.width, true));
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"plain_mamba"},
                                "PlainMamba",
                                "pictures: scans along snakes, with steps that know their direction",
                                schedule,
                                {},
                                {},
                                {{"drop_rate", "training"},
                                 {"drop_path_rate", "training"},
                                 {"interpolate_mode", "of pictures of other sizes"},
                                 {"layer_cfgs.mamba_cfg.default_hw_shape", "pictures of any size"},
                                 {"layer_cfgs.mamba_cfg.dt_*", "training"}},
                                {{"*num_batches_tracked", "training"}}};

} // namespace weft::detail::plain_mamba
