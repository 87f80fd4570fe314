// SPDX-License-Identifier: Apache-2.0
// L5: Caduceus (Schiff et al. 2024): DNA, scanned forwards and backwards by Mamba layers whose projections are shared.
// With reverse complements (-PS) the residual stream is [d | d]: behind what becomes of a sequence stands, its channels
// in reverse, what becomes of the other strand, which the same layers read from its end.
#include "layers/identity.hpp"
#include "models/scan_parts.hpp"
#include <algorithm>
#include <charconv>

namespace weft::detail::caduceus {
namespace {

constexpr ViewId kBackwards = 1;
constexpr uint32_t kMostComplements = 4096; // tokens are letters, a dozen of them

struct Config {
    uint32_t layers, width, vocabulary;
    double eps;
    bool rms, both_ways, tied, complemented;
    Mamba1Sizes mamba;
    std::vector<uint32_t> complement; // of each token
};

// Tokens that the map does not name are their own complements; so are those that pad the vocabulary.
Result<std::vector<uint32_t>> read_complement(const JsonObject& c, uint32_t vocabulary) {
    std::vector<uint32_t> ids(vocabulary);
    for (uint32_t i = 0; i < vocabulary; ++i) ids[i] = i;
    weft_ASSIGN(const JsonObject map, c.object("complement_map"));
    for (const auto& [key, value] : map.json().items()) {
        uint32_t token = vocabulary;
        std::from_chars(key.data(), key.data() + key.size(), token);
        weft_ASSIGN(const int64_t other, map.integer(key));
        if (token >= vocabulary || other < 0 || other >= int64_t(vocabulary))
            return c.bad("complement_map", "must give tokens tokens, all below " + std::to_string(vocabulary));
        ids[token] = uint32_t(other);
    }
    return ids;
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, c.count("n_layer"));
    if (o.layers > kMostLayers) return c.bad("n_layer", "must be at most " + std::to_string(kMostLayers));
    weft_ASSIGN(o.width, c.count("d_model"));
    if (o.width > 1u << 20) return c.bad("d_model", "must be at most 2^20");
    weft_ASSIGN(o.vocabulary, c.count("vocab_size"));
    weft_ASSIGN(const uint32_t multiple, c.count_or("pad_vocab_size_multiple", 8));
    if (o.vocabulary > 1u << 24 || multiple > 1u << 20)
        return c.bad("vocab_size", "must be at most 2^24, and pad_vocab_size_multiple at most 2^20");
    o.vocabulary = (o.vocabulary + multiple - 1) / multiple * multiple;
    weft_ASSIGN(o.eps, epsilon_or(c, "norm_epsilon", 1e-5));
    weft_ASSIGN(o.rms, c.boolean_or("rms_norm", true));
    weft_ASSIGN(o.both_ways, c.boolean_or("bidirectional", true));
    weft_ASSIGN(o.tied, c.boolean_or("bidirectional_weight_tie", true));
    weft_ASSIGN(o.complemented, c.boolean_or("rcps", false));
    weft_ASSIGN(const std::string strategy, c.string_or("bidirectional_strategy", "add"));
    if (o.both_ways && strategy != "add")
        return c.bad("bidirectional_strategy", "must be 'add', is " + in_quotes(strategy));
    const Json none = Json::object();
    weft_ASSIGN(const JsonObject mixer,
                c.has("ssm_cfg") ? c.object("ssm_cfg") : Result<JsonObject>(JsonObject(none, c.origin())));
    weft_ASSIGN(o.mamba, read_mamba1(mixer, o.width, {"expand", "d_state", "dt_rank", "d_conv", "bias", "conv_bias"}));
    if (o.complemented) {
        if (o.vocabulary > kMostComplements)
            return c.bad("vocab_size", "must be at most " + std::to_string(kMostComplements) +
                                           " with rcps: rows of complements are read one by one");
        weft_ASSIGN(o.complement, read_complement(c, o.vocabulary));
    }
    return o;
}

class Maker {
public:
    Maker(Schedule& s, Builder& builder, const Config& c)
        : s_(s), builder_(builder), c_(c), inner_(c.complemented ? "submodule." : ""),
          width_(c.complemented ? 2 * c.width : c.width) {}

    void encoder() {
        Stage& stage = add_encoder(s_, width_, table("backbone.embeddings.word_embeddings." + embedding()));
        if (c_.both_ways || c_.complemented)
            stage.views = {{.name = "backwards", .order = View::Order::rows, .reversed = true}};
        if (c_.complemented)
            stage.streams = {{"strand", c_.width, Stream::Start::part, 0},
                             {"other strand", c_.width, Stream::Start::part, c_.width},
                             {"strand, normed", c_.width},
                             {"other strand, normed", c_.width}};
        for (uint32_t i = 0; i < c_.layers; ++i) {
            const std::string at = "backbone." + layer_name(i), mixer = at + "mixer." + inner_;
            Layer layer;
            for (const bool other : strands())
                layer.blocks.push_back({.read = {stream(other)},
                                        .pre = norm(at + "norm." + inner_, other),
                                        .branches = mixers(mixer, other),
                                        .write = stream(other)});
            stage.layers.push_back(std::move(layer));
        }
        if (!c_.complemented) {
            normed_ = add_normed(stage, norm("backbone.norm_f.", false));
            return;
        }
        for (const bool other : strands())
            stage.last.push_back({.read = {stream(other)},
                                  .pre = norm("backbone.norm_f." + inner_, other),
                                  .branches = {{IdentitySpec{}}},
                                  .write = 3u + other,
                                  .base = Base::none});
        stage.streams.push_back({"normed", width_});
        normed_ = StreamId(stage.streams.size());
        stage.last.push_back({.read = {3, 4},
                              .join = Join::columns,
                              .branches = {{IdentitySpec{}}},
                              .write = normed_,
                              .base = Base::none});
    }

    // Logits of a token: from the strand, and of its complement from the other one. So the head's matrix is made as
    // that of the embedding is.
    void head(bool tied) {
        const std::string own = c_.complemented ? "lm_head.lm_head.weight" : "lm_head.weight";
        LinearSpec product;
        product.linear = {builder_.has(own) || !tied ? table(own) : 0, kNoWeight, width_, c_.vocabulary};
        s_.stages.push_back({.name = kHead,
                             .rows = {.of = RowSpace::Of::wanted, .from = 0, .stream = normed_},
                             .width = width_,
                             .streams = {{kLogits, c_.vocabulary}},
                             .first = {{.branches = {{product}}, .write = 1, .base = Base::none}}});
        s_.outputs.push_back({kLogits, 1, 1});
    }
    void rows() { s_.outputs.push_back({kLastHidden, 0, normed_}); }

private:
    std::vector<bool> strands() const { return c_.complemented ? std::vector{false, true} : std::vector{false}; }
    StreamId stream(bool other) const { return c_.complemented ? 1u + other : kResidual; }
    std::string embedding() const { return c_.complemented ? "embedding.weight" : "weight"; }

    // The columns of the other strand's matrices, and the places in its vectors.
    std::vector<uint64_t> reversed() const {
        std::vector<uint64_t> order(c_.width);
        for (uint32_t i = 0; i < c_.width; ++i) order[i] = c_.width - 1 - i;
        return order;
    }

    // [vocabulary, d], or [vocabulary, d | d]: of each token its row, and that of its complement in reverse.
    WeightId table(const std::string& name) {
        if (!c_.complemented) return builder_.matrix(name, c_.vocabulary, c_.width);
        WeightSlot slot{name + ", both strands", {c_.vocabulary, width_}, true, {}, {}, {}};
        const WeightPiece whole{.names = builder_.names(name), .file_shape = {c_.vocabulary, c_.width}};
        slot.pieces.push_back(whole);
        slot.pieces[0].to = {0, {{c_.vocabulary, 2}}};
        for (uint32_t id = 0; id < c_.vocabulary; ++id) {
            WeightPiece other = whole;
            other.rows = {c_.complement[id], {{1, 1}}};
            other.to = {2 * id + 1, {{1, 1}}};
            other.gather = reversed();
            slot.pieces.push_back(std::move(other));
        }
        return builder_.add(std::move(slot));
    }

    WeightId vector(const std::string& name, bool other) {
        if (!other) return builder_.vector(name, {c_.width});
        WeightSlot slot{name + ", other strand", {c_.width}, false, {}, {}, {}};
        slot.pieces = {{.names = builder_.names(name), .file_shape = {1, c_.width}, .gather = reversed()}};
        return builder_.add(std::move(slot));
    }
    Norm norm(const std::string& at, bool other) {
        Norm n{true, kernel::NormKind::rms, vector(at + "weight", other), kNoWeight, float(c_.eps)};
        if (c_.rms) return n;
        n.kind = kernel::NormKind::layer;
        n.bias = vector(at + "bias", other);
        return n;
    }

    Linear in(const std::string& name, bool other) {
        Linear l = builder_.linear(name, 2 * c_.mamba.inner, c_.width, c_.mamba.bias);
        if (!other) return l;
        WeightSlot slot{name + ".weight, other strand", {l.out, l.in}, true, {}, {}, {}};
        slot.pieces = {{.names = builder_.names(name + ".weight"), .file_shape = {l.out, l.in}, .gather = reversed()}};
        l.weight = builder_.add(std::move(slot));
        return l;
    }
    Linear out(const std::string& name, bool other) {
        Linear l = builder_.linear(name, c_.width, c_.mamba.inner, c_.mamba.bias);
        if (!other) return l;
        WeightSlot slot{name + ".weight, other strand", {l.out, l.in}, true, {}, {}, {}};
        for (uint32_t row = 0; row < c_.width; ++row)
            slot.pieces.push_back({.names = builder_.names(name + ".weight"),
                                   .file_shape = {l.out, l.in},
                                   .rows = {c_.width - 1 - row, {{1, 1}}},
                                   .to = {row, {{1, 1}}}});
        l.weight = builder_.add(std::move(slot));
        if (l.bias != kNoWeight) l.bias = vector(name + ".bias", true);
        return l;
    }

    // One of the two mixers, which reads in its own order: the other strand is read from its end.
    ScanDirection direction(const std::string& at, bool backwards) {
        const Mamba1Sizes& m = c_.mamba;
        return {.view = backwards ? kBackwards : 0,
                .conv = depthwise(builder_, {{at + "conv1d"}, m.inner, m.taps, 0, m.conv_bias, m.activation}, true),
                .x = builder_.linear(at + "x_proj", m.rank + 2 * m.state_size, m.inner),
                .dt = builder_.linear(at + "dt_proj", m.inner, m.rank),
                .parameters =
                    scan_parameters(builder_, at + "A, D, dt bias", m, {at + "A_log", at + "D", at + "dt_proj.bias"})};
    }
    // Where the projections are shared, so that the scans' results can be added before the last one, they are one op.
    std::vector<Branch> mixers(const std::string& at, bool other) {
        std::vector<Branch> all;
        const bool one = c_.tied && !c_.mamba.bias;
        for (const bool back : c_.both_ways ? std::vector{false, true} : std::vector{false}) {
            const std::string own = at + (back ? "mamba_rev." : "mamba_fwd."),
                              projections = c_.tied ? at + "mamba_fwd." : own;
            const ScanDirection reads = direction(own, back != other);
            if (back && one) {
                all[0].op.as<CrossScanSpec>()->directions.push_back(reads);
                continue;
            }
            CrossScanSpec scan;
            scan.inner = c_.mamba.inner;
            scan.state_size = c_.mamba.state_size;
            scan.rank = c_.mamba.rank;
            scan.in = in(projections + "in_proj", other);
            scan.directions = {reads};
            scan.out = out(projections + "out_proj", other);
            all.push_back({scan});
        }
        return all;
    }

    Schedule& s_;
    Builder& builder_;
    const Config& c_;
    const std::string inner_; // modules are wrapped
    const uint32_t width_;    // of the residual stream
    StreamId normed_ = 0;
};

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    weft_ASSIGN(const auto classes, classes_of(config));
    weft_ASSIGN(const bool tied, config.boolean_or("tie_word_embeddings", true));
    Schedule s;
    s.vocabulary = c.vocabulary;
    Builder builder(s, files, {"caduceus.", ""});
    Maker maker(s, builder, c);
    maker.encoder();
    if (std::ranges::any_of(classes, [](const std::string& name) { return name.ends_with("ForMaskedLM"); }))
        maker.head(tied);
    else maker.rows();
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"caduceus"},
                                "Caduceus",
                                "DNA: Mamba forwards and backwards, with or without the other strand",
                                schedule,
                                {},
                                {},
                                {{"residual_in_fp32", "always"},
                                 {"fused_add_norm", "how the reference implementation computes"},
                                 {"initializer_cfg", "training"},
                                 {"ssm_cfg.dt_*", "training"},
                                 {"ssm_cfg.use_fast_path", "how the reference implementation computes"},
                                 {"complement_map*", "of models that read both strands"},
                                 {"*max_length", "generation"},
                                 {"num_beam*", "generation"},
                                 {"num_return_sequences", "generation"},
                                 {"*_penalty", "generation"},
                                 {"temperature", "generation"},
                                 {"top_*", "generation"},
                                 {"typical_p", "generation"}},
                                {{"*complement_map", "config.json has it"}}};

} // namespace weft::detail::caduceus
