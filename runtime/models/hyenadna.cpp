// SPDX-License-Identifier: Apache-2.0
// L5: HyenaDNA (Nguyen et al. 2023): DNA through convolutions as long as the sequence, whose filters a small network
// makes of positions.
#include "layers/gate.hpp"
#include "layers/hyena.hpp"
#include "models/scan_parts.hpp"
#include <algorithm>

namespace weft::detail::hyenadna {
namespace {

const std::vector<std::string> kPrefixes = {"hyena.", "model.", ""};

struct Config {
    uint32_t layers, width, inner, vocabulary, length, order, taps;
    uint32_t positions, hidden, inner_products; // of the network that makes filters
    double eps, floor;                          // of norms; what is left of a filter where it has decayed
    bool modulated, biased;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, c.count("n_layer"));
    if (o.layers > kMostLayers) return c.bad("n_layer", "must be at most " + std::to_string(kMostLayers));
    weft_ASSIGN(o.width, c.count("d_model"));
    if (o.width > 1u << 20) return c.bad("d_model", "must be at most 2^20");
    weft_ASSIGN(o.inner, c.count_or("d_inner", 4 * o.width));
    weft_ASSIGN(o.vocabulary, c.count_or("vocab_size", 12));
    weft_ASSIGN(const uint32_t multiple, c.count_or("pad_vocab_size_multiple", 8));
    if (o.vocabulary > 1u << 24 || multiple > 1u << 20)
        return c.bad("vocab_size", "must be at most 2^24, and pad_vocab_size_multiple at most 2^20");
    o.vocabulary = (o.vocabulary + multiple - 1) / multiple * multiple;
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_epsilon", 1e-5));
    weft_ASSIGN(o.biased, c.boolean_or("use_bias", true));
    // The authors' own files have the mixer's settings apart; the hub's have them beside the others.
    const bool apart = c.has("layer");
    weft_ASSIGN(const JsonObject mixer, apart ? c.object("layer") : Result<JsonObject>(c));
    weft_ASSIGN(o.length, mixer.count_or(apart ? "l_max" : "max_seq_len", 1024));
    weft_ASSIGN(o.order, mixer.count_or(apart ? "order" : "hyena_order", 2));
    if (o.order < 2 || o.order > 64) return mixer.bad(apart ? "order" : "hyena_order", "must be from 2 to 64");
    if (o.length > 1u << 24) return mixer.bad(apart ? "l_max" : "max_seq_len", "must be at most 2^24");
    weft_ASSIGN(o.taps, mixer.count_or("short_filter_order", 3));
    if (o.taps > 4096) return mixer.bad("short_filter_order", "must be at most 4096");
    weft_ASSIGN(o.positions, mixer.count_or("emb_dim", 3));
    weft_ASSIGN(o.hidden, mixer.count_or("filter_order", 64));
    if (o.positions > 65536 || o.hidden > 65536)
        return mixer.bad(o.hidden > 65536 ? "filter_order" : "emb_dim", "must be at most 65536");
    weft_ASSIGN(const int64_t products, mixer.integer_or("num_inner_mlps", 2));
    if (products < 0 || products > 256) return mixer.bad("num_inner_mlps", "must be from 0 to 256");
    o.inner_products = uint32_t(products);
    weft_ASSIGN(o.modulated, mixer.boolean_or("modulate", true));
    weft_ASSIGN(o.floor, mixer.number_or("shift", 0.05));
    return o;
}

// A product of the filter's network, and the sine of it: of a frequency for each channel, the same in all layers of it.
LinearSpec sine_of(Builder& builder, const std::string& network, uint32_t number, uint32_t out, uint32_t in) {
    const std::string name = network + std::to_string(number);
    WeightPiece weight{.names = builder.names(name + ".weight"), .file_shape = {out, in}},
        bias{.names = builder.names(name + ".bias"), .file_shape = {out}};
    weight.rescale.times = bias.rescale.times = builder.names(network + "1.freq");
    LinearSpec product;
    product.linear = {builder.add({name + ".weight", {out, in}, true, {weight}, {}, {}}),
                      builder.add({name + ".bias", {out}, false, {bias}, {}, {}}), in, out};
    product.activation = kernel::Activation::sine;
    return product;
}

// Filters: a network of sines over the features of each position, times (exp(-t |rate|) + floor), which decays.
Schedule filter_of(const ModelFiles& files, const Config& c, const std::string& at) {
    constexpr StreamId kHidden = 1, kFilter = 2, kTime = 3, kDecay = 4;
    const uint32_t width = (c.order - 1) * c.width;
    Schedule s;
    Builder builder(s, files, kPrefixes);
    Stage stage{.name = "filter",
                .width = c.positions,
                .streams = {{"hidden", c.hidden}, {"filter", width}, {"time", 1}, {"decay", width}}};
    const auto table = [&](const std::string& name, uint32_t columns) {
        EmbedSpec rows;
        rows.rows = c.length;
        rows.table = builder.matrix(at + "pos_emb." + name, c.length, columns);
        return rows;
    };
    const auto add = [&](std::vector<StreamId> from, StreamId to, Op op) {
        stage.first.push_back(
            {.read = std::move(from), .branches = {{std::move(op)}}, .write = to, .base = Base::none});
    };
    const std::string network = at + "implicit_filter.";
    add({}, kResidual, table("z", c.positions));
    add({kResidual}, kHidden, sine_of(builder, network, 0, c.hidden, c.positions));
    for (uint32_t i = 1; i <= c.inner_products; ++i)
        add({kHidden}, kHidden, sine_of(builder, network, 2 * i, c.hidden, c.hidden));
    const std::string last = network + std::to_string(2 * c.inner_products + 2);
    add({kHidden}, kFilter, LinearSpec{builder.linear(last, width, c.hidden)});
    if (c.modulated) {
        add({}, kTime, table("t", 1));
        WeightPiece rates{.names = builder.names(at + "modulation.deltas"), .file_shape = {width}};
        rates.transform = WeightTransform::negative_abs;
        add({kTime}, kDecay,
            LinearSpec{{builder.add({at + "rates", {width, 1}, true, {rates}, {}, {}}), kNoWeight, 1, width}});
        add({kDecay, kFilter}, kFilter, GateSpec{kernel::Activation::exp});
        stage.first.back().join = Join::columns;
        stage.first.back().base = Base::stream;
        stage.first.back().base_scale = float(c.floor);
    }
    s.stages.push_back(std::move(stage));
    s.outputs.push_back({"filter", 0, kFilter});
    return s;
}

Result<Layer> make_layer(Builder& builder, const ModelFiles& files, const Config& c, uint32_t i) {
    const std::string at = "backbone." + layer_name(i), mixer = at + "mixer.";
    const uint32_t all = (c.order + 1) * c.width, filters = (c.order - 1) * c.width;
    HyenaSpec h;
    h.inner = c.width;
    h.order = c.order;
    h.length = c.length;
    h.in = builder.linear(mixer + "in_proj", all, c.width, c.biased);
    h.conv = depthwise(builder, {{mixer + "short_filter"}, all, c.taps, 0, true, kernel::Activation::none}, true);
    weft_ASSIGN(h.filter, builder.made(mixer + "filter_fn", c.length, filter_of(files, c, mixer + "filter_fn.")));
    h.skip = builder.vector(mixer + "filter_fn.bias", {filters});
    h.out = builder.linear(mixer + "out_proj", c.width, c.width, c.biased);
    MlpSpec m;
    m.gated = false;
    m.inner = c.inner;
    m.activation = kernel::Activation::gelu_tanh;
    m.in = builder.linear(at + "mlp.fc1", c.inner, c.width, true);
    m.out = builder.linear(at + "mlp.fc2", c.width, c.inner, true);
    return Layer{{{.pre = builder.layer_norm(at + "norm1", c.width, c.eps), .branches = {{h}}},
                  {.pre = builder.layer_norm(at + "norm2", c.width, c.eps), .branches = {{m}}}}};
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    weft_ASSIGN(const auto classes, classes_of(config));
    weft_ASSIGN(const bool tied, config.boolean_or("tie_word_embeddings", true));
    Schedule s;
    s.vocabulary = c.vocabulary;
    s.trained_context = s.position_limit = c.length;
    Builder builder(s, files, kPrefixes);
    const std::string words = "backbone.embeddings.word_embeddings.weight", head = "lm_head.weight";
    const WeightId table = builder.matrix(words, c.vocabulary, c.width);
    add_encoder(s, c.width, table);
    for (uint32_t i = 0; i < c.layers; ++i) {
        weft_ASSIGN(Layer layer, make_layer(builder, files, c, i));
        s.stages[0].layers.push_back(std::move(layer));
    }
    const StreamId normed = add_normed(s.stages[0], builder.layer_norm("backbone.ln_f", c.width, c.eps));
    const bool continues =
        std::ranges::any_of(classes, [](const std::string& name) { return name.ends_with("ForCausalLM"); });
    if (!continues && !builder.has(head)) {
        s.outputs.push_back({kLastHidden, 0, normed});
        return s;
    }
    LinearSpec product;
    product.linear = {head_matrix(builder, s, table, words, head, c.width, tied), kNoWeight, c.width, c.vocabulary};
    s.stages.push_back({.name = kHead,
                        .rows = {.of = RowSpace::Of::wanted, .from = 0, .stream = normed},
                        .width = c.width,
                        .streams = {{kLogits, c.vocabulary}},
                        .first = {{.branches = {{product}}, .write = 1, .base = Base::none}}});
    s.outputs.push_back({kLogits, 1, 1});
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"hyenadna"},
                                "HyenaDNA",
                                "DNA: gated convolutions as long as the sequence, filters made by a network",
                                schedule,
                                {},
                                {},
                                {{"max_seqlen", "the filters' length counts"},
                                 {"layer._name_", "the only one"},
                                 {"layer.d_model", "d_model says the same"},
                                 {"layer.w", "files have the frequencies"},
                                 {"layer.lr*", "training"},
                                 {"layer.wd", "training"},
                                 {"layer.*dropout", "training"},
                                 {"activation_freq", "files have the frequencies"},
                                 {"train_freq", "training"},
                                 {"checkpoint_*", "training"},
                                 {"fused_*", "how the reference implementation computes"},
                                 {"return_hidden_state", "what else the reference implementation returns"}},
                                {{"*implicit_filter.*.freq", "one for all products of a network"},
                                 {"*filter_fn.pos_emb.t", "of filters that do not decay"},
                                 {"*filter_fn.modulation.deltas", "of filters that do not decay"}}};

} // namespace weft::detail::hyenadna
