// SPDX-License-Identifier: Apache-2.0
// L5: Mixture-of-Depths (Raposo et al. 2024): a Llama some of whose layers work on the tokens alone that a router has
// chosen. Their results are weighed by the router's score; the others pass. There is no official code: config and names
// are those of our own reading of the paper.
#include "layers/choose.hpp"
#include "layers/identity.hpp"
#include "models/decoder_parts.hpp"
#include "schedule/decoder.hpp"
#include <algorithm>
#include <cmath>
#include <optional>

namespace weft::detail::mod {
namespace {

// Who is routed: of a sequence the share with the largest scores, as in training; those with a score above 0; those of
// whom a small network guesses that they would be among the former. Text can be continued by the last two.
enum class Mode { topk, threshold, predictor };
constexpr const char* kModes[] = {"topk", "threshold", "predictor"};

struct Config : DecoderSizes {
    std::vector<bool> routed; // of each layer
    Mode mode;
    double capacity;
};

Result<std::vector<bool>> routed_layers(const JsonObject& c, uint32_t layers) {
    weft_ASSIGN(const auto numbers, c.numbers("mod_layers"));
    std::vector<bool> routed(layers);
    for (const double n : numbers) {
        if (!(n >= 0 && n < layers) || n != std::floor(n))
            return c.bad("mod_layers", "must hold numbers of layers, from 0 to " + std::to_string(layers - 1));
        routed[size_t(n)] = true;
    }
    return routed;
}

// The first that can continue text.
Result<Mode> mode_of(const JsonObject& c) {
    weft_ASSIGN(const auto names, c.strings("mod_modes"));
    std::optional<Mode> mode;
    for (const std::string& name : names) {
        const auto known = std::ranges::find(kModes, name);
        if (known == std::end(kModes))
            return c.bad("mod_modes", "must hold topk, threshold or predictor, not " + in_quotes(name));
        if (!mode || *mode == Mode::topk) mode = Mode(known - kModes);
    }
    if (!mode) return c.bad("mod_modes", "must hold at least one of topk, threshold and predictor");
    return *mode;
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {}));
    weft_ASSIGN(o.routed, routed_layers(c, o.layers));
    weft_ASSIGN(o.mode, mode_of(c));
    weft_ASSIGN(o.capacity, c.number_or("mod_capacity", 0.125));
    if (!(o.capacity > 0 && o.capacity <= 1)) return c.bad("mod_capacity", "must be above 0 and at most 1");
    weft_ASSIGN(const std::string combine, c.string_or("mod_combine", "residual_scaled"));
    if (combine != "residual_scaled") return c.bad("mod_combine", "must be residual_scaled, not " + in_quotes(combine));
    if (o.mode == Mode::predictor && o.width < 4) return c.bad("hidden_size", "must be at least 4 with a predictor");
    return o;
}

StreamId add_stream(Stage& stage, const std::string& name, uint32_t width) {
    stage.streams.push_back({name, width});
    return StreamId(stage.streams.size());
}

MlpSpec predictor(Builder& builder, const std::string& at, uint32_t width) {
    MlpSpec m;
    m.gated = false;
    m.inner = width / 4;
    m.in = builder.linear(at + "0", m.inner, width, true);
    m.out = builder.linear(at + "2", 1, m.inner, true);
    return m;
}

// The blocks of a layer over the chosen rows: what they add to these is a stream of its own, `inside`, and x gets it
// times the router's score.
void route(Builder& builder, Schedule& s, const Config& c, uint32_t i, StreamId inside) {
    Stage& stage = decoder_of(s);
    const auto number = std::to_string(i), at = layer_name(i);
    const StreamId score = add_stream(stage, "router." + number, 1), chosen = add_stream(stage, "routed." + number, 1);
    s.outputs.push_back({"router." + number, 0, score});
    s.outputs.push_back({"routed." + number, 0, chosen});
    stage.views.push_back({"chosen." + number, View::Order::routed});
    const auto view = ViewId(stage.views.size());
    LinearSpec router;
    router.linear = builder.linear(at + "router", 1, c.width);
    std::vector<Block> before = {{.branches = {{router}}, .write = score, .base = Base::none}};
    StreamId by = score;
    if (c.mode == Mode::predictor) {
        by = add_stream(stage, "guess." + number, 1);
        before.push_back(
            {.branches = {{predictor(builder, at + "predictor.", c.width)}}, .write = by, .base = Base::none});
    }
    const ChooseSpec choose{view, c.mode == Mode::topk ? float(c.capacity) : 0};
    before.push_back({.read = {by}, .branches = {{choose}}, .write = chosen, .base = Base::none});
    std::vector<Block>& blocks = stage.layers[i].blocks;
    for (Block& block : blocks) {
        block.view = view;
        block.write = inside;
    }
    blocks[0].base = Base::none;
    blocks[1].read = {kResidual, inside};
    blocks.insert(blocks.begin(), before.begin(), before.end());
    blocks.push_back({.read = {inside}, .branches = {{IdentitySpec{}}}, .row_scale = score});
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    weft_ASSIGN(const Rope rope, whole_head_rope(config, builder, c.heads.head_size, 10000, 2048));
    const bool any = std::ranges::find(c.routed, true) != c.routed.end();
    const StreamId inside = any ? add_stream(decoder_of(s), "inside", c.width) : kResidual;
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        AttentionSpec a = usual_attention(builder, at + "self_attn.", c.heads, c.width);
        a.rope = rope;
        decoder_of(s).layers.push_back(pre_norm_layer(builder, at, c.width, c.eps, a,
                                                      usual_mlp(builder, at + "mlp.", c.width, c.inner, c.activation)));
        if (c.routed[i]) route(builder, s, c, i, inside);
    }
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{.model_types = {"mod"},
                                .title = "Mixture-of-Depths",
                                .traits = "layers that work on the tokens alone that a router chooses: the largest "
                                          "scores, those above 0, or a predictor's",
                                .schedule = schedule,
                                .tensors_not_read = {{"*.predictor.*", "the router itself chooses"}},
                                .modes = "mod_modes"};

} // namespace weft::detail::mod
