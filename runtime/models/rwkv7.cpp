// SPDX-License-Identifier: Apache-2.0
// L5: RWKV-7 "Goose" (Peng et al. 2025) as flash-linear-attention's class writes it, and as its authors' checkpoints
// are. The values of the first layer are a stream of their own, which the time mixes of all later layers read.
#include "layers/rwkv7.hpp"
#include "layers/identity.hpp"
#include "layers/shifted_mlp.hpp"
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"
#include <cmath>

namespace weft::detail::rwkv7 {
namespace {

// What the two kinds of files call the same. A low-rank pair: what stands behind its letter, and
// whether its matrices are [in, out].
struct Class {
    const char *type, *layers, *eps;
    DecoderNames frame;
    const char *first_norm, *norm, *second_norm, *time, *channel, *receptance, *key, *value, *out, *head_norm;
    const char *down, *up, *bias;
    bool turned;
    bool head_eps_grows; // the eps of the heads' norm is that of others times their size
};
const Class kClasses[] = {
    {"rwkv7",
     "layers.",
     "norm_eps",
     {.embedding = "embeddings.weight", .norm = "norm"},
     "pre_norm",
     "attn_norm",
     "ffn_norm",
     "attn.",
     "ffn.",
     "r_proj",
     "k_proj",
     "v_proj",
     "o_proj",
     "g_norm",
     "_lora.lora.0.weight",
     "_lora.lora.2.weight",
     "_lora.lora.2.bias",
     false,
     true},
    {"rwkv7-blink",
     "blocks.",
     "layer_norm_eps",
     {.embedding = "emb.weight", .norm = "ln_out", .head = "head.weight"},
     "ln0",
     "ln1",
     "ln2",
     "att.",
     "ffn.",
     "receptance",
     "key",
     "value",
     "output",
     "ln_x",
     "1",
     "2",
     "0",
     true,
     false},
};

struct Config {
    uint32_t layers, width, inner, heads, head_size;
    double eps, head_eps;
    bool bias = true, normed_first = true; // of norms; a norm before the first layer
};

Result<uint32_t> inner_of(const JsonObject& c, uint32_t width) {
    if (c.has("intermediate_size")) return inner_width(c, "intermediate_size");
    weft_ASSIGN(const double ratio, number_or_none(c, "hidden_ratio", 4));
    const double inner = std::ceil(std::floor(width * (ratio > 0 ? ratio : 4)) / 32) * 32;
    if (!(inner >= 1 && inner <= 0x1p30))
        return c.bad("hidden_ratio", "must make the feed-forward network between 1 and 2^30 wide");
    return uint32_t(inner);
}

// One of all layers, or a list of them. The first layer's values pass through all others.
Status check_value_widths(const JsonObject& c, uint32_t width) {
    if (!c.has("value_dim")) return Ok{};
    std::vector<double> widths(1);
    if (c.json()["value_dim"].is_array()) {
        weft_ASSIGN(widths, c.numbers("value_dim"));
    } else {
        weft_ASSIGN(widths[0], c.number("value_dim"));
    }
    if (std::ranges::all_of(widths, [&](double w) { return w == width; })) return Ok{};
    return c.bad("value_dim", "must be hidden_size");
}

Result<Config> read(const JsonObject& c, const Class& k) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.inner, inner_of(c, o.width));
    const char* size_key = either(c, "head_dim", "head_size");
    weft_ASSIGN(o.head_size, c.count_or(size_key, 64));
    if (c.json().contains(size_key) && !c.has(size_key)) { // null
        weft_ASSIGN(const uint32_t heads, c.count("num_heads"));
        if (o.width % heads) return c.bad("num_heads", "must divide hidden_size");
        o.head_size = o.width / heads;
    }
    if (o.width % o.head_size) return c.bad(size_key, "must divide hidden_size");
    o.heads = o.width / o.head_size;
    weft_ASSIGN(o.eps, epsilon_or(c, k.eps, 1e-5));
    weft_ASSIGN(o.head_eps, epsilon_or(c, "group_norm_eps", k.head_eps_grows ? o.head_size * o.eps : 64e-5));
    weft_ASSIGN(o.bias, c.boolean_or("norm_bias", true));
    weft_ASSIGN(o.normed_first, c.boolean_or("norm_first", true));
    weft_ASSIGN(const std::string activation, c.string_or("hidden_act", "sqrelu"));
    if (activation != "sqrelu") return c.bad("hidden_act", "must be 'sqrelu'");
    if (c.has("attn")) return c.bad("attn", "must be null: weft knows no layers of attention between those of RWKV-7");
    weft_TRY(check_value_widths(c, o.width));
    return o;
}

class LayerMaker {
public:
    LayerMaker(const JsonObject& config, const Class& k, const Config& c, Builder& builder)
        : config_(config), k_(k), c_(c), builder_(builder) {}

    Norm norm(const std::string& name) { return builder_.layer_norm(name, c_.width, c_.eps, c_.bias); }

    WeightId vector(const std::string& name) { return builder_.vector(name, {c_.width}); }

    Linear square(const std::string& name) { return builder_.linear(name, c_.width, c_.width); }

    ShiftedMlpSpec first_values(const std::string& at) {
        ShiftedMlpSpec m;
        m.inner = c_.width;
        m.mix = mix(at, "v");
        m.in = square(at + k_.value);
        m.activation = kernel::Activation::none;
        return m;
    }

    ShiftedMlpSpec channel_mix(const std::string& at) {
        ShiftedMlpSpec m;
        m.inner = c_.inner;
        m.mix = vector(at + "x_k");
        m.in = builder_.linear(at + "key", c_.inner, c_.width);
        m.out = builder_.linear(at + "value", c_.width, c_.inner);
        return m;
    }

    Result<Rwkv7Spec> time_mix(const std::string& layer, bool first) {
        const std::string at = layer + k_.time;
        Rwkv7Spec m;
        m.heads = c_.heads;
        m.key_size = m.value_size = c_.head_size;
        m.norm = norm(layer + k_.norm);
        m.mix = mix(at, first ? "rwkag" : "rwkvag");
        m.receptance = square(at + k_.receptance);
        m.key = square(at + k_.key);
        if (!first) {
            m.value = square(at + k_.value);
            weft_ASSIGN(m.value_gate, low_rank(at, "v", "v_low_rank_dim", 1.7, true));
        }
        weft_ASSIGN(m.decay, low_rank(at, "w", "decay_low_rank_dim", 2.5, true));
        weft_ASSIGN(m.rate, low_rank(at, "a", "a_low_rank_dim", 2.5, true));
        weft_ASSIGN(m.gate, low_rank(at, "g", "gate_low_rank_dim", 5, false));
        m.k_k = vector(at + "k_k");
        m.k_a = vector(at + "k_a");
        std::vector<uint64_t> r_k{c_.heads, c_.head_size};
        if (builder_.gguf()) r_k = {c_.width};
        m.r_k = builder_.add({at + "r_k", {c_.width}, false, {{builder_.names(at + "r_k"), r_k}}, {}, {}});
        m.head_norm = builder_.layer_norm(at + k_.head_norm, c_.width, c_.head_eps);
        m.out = square(at + k_.out);
        return m;
    }

private:
    /// In which proportions tokens are mixed with the ones before them: some of r, w, k, v, a and g, each in a tensor
    /// of its own, or all in one, as older files and GGUF files have them.
    WeightId mix(const std::string& at, const std::string& of) {
        const std::string order = "rwkvag";
        std::vector<WeightPiece> apart, fused;
        for (const char letter : of) {
            apart.push_back({builder_.names(at + "x_" + letter), {c_.width}});
            fused.push_back({builder_.names(at + "x_x"), {6, c_.width}, {order.find(letter), {{1}}}});
        }
        WeightSlot slot{at + "x_" + of, {uint32_t(of.size()) * c_.width}, false, apart, {}, {fused}};
        if (builder_.gguf()) {
            slot.pieces = fused;
            slot.alternatives.clear();
        }
        return builder_.add(std::move(slot));
    }

    /// Its rank is what the config says, else what the file has, else what the class takes for the width.
    Result<LowRank> low_rank(const std::string& at, const std::string& letter, const char* key, double factor,
                             bool bias) {
        const std::string down = at + letter + k_.down, up = at + letter + k_.up;
        const double heads = letter == "g" ? 1 : c_.head_size / 64.0;
        double rank = std::max(32.0, std::nearbyint(factor * std::sqrt(c_.width) * heads / 32) * 32);
        if (const TensorView* t = builder_.find(down); t && t->shape.size() == 2) rank = double(t->shape[k_.turned]);
        weft_ASSIGN(const uint32_t r, config_.count_or(key, uint32_t(std::min(rank, 0x1p30))));
        const auto matrix = [&](const std::string& name, uint32_t out, uint32_t in) {
            return k_.turned ? builder_.transposed(name, out, in) : builder_.matrix(name, out, in);
        };
        return LowRank{{matrix(down, r, c_.width), kNoWeight, c_.width, r},
                       {matrix(up, c_.width, r), bias ? vector(at + letter + k_.bias) : kNoWeight, r, c_.width}};
    }

    const JsonObject& config_;
    const Class& k_;
    const Config& c_;
    Builder& builder_;
};

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(const Config c, read(config, k));
    Schedule s;
    weft_ASSIGN(s.vocabulary, config.count("vocab_size"));
    weft_ASSIGN(s.trained_context, config.count_or("max_position_embeddings", 0));
    weft_ASSIGN(const bool tied, config.boolean_or("tie_word_embeddings", false));
    Builder builder(s, files, {"model.", ""});
    LayerMaker build(config, k, c, builder);
    embedding_and_head(builder, s, c.width, tied, k.frame);
    head_norm(s) = build.norm(k.frame.norm);
    decoder_of(s).streams.push_back({"first values", c.width});
    constexpr StreamId values = 1;
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = k.layers + std::to_string(i) + ".";
        weft_ASSIGN(const Rwkv7Spec mixer, build.time_mix(at, i == 0));
        Layer layer;
        if (i == 0 && c.normed_first)
            layer.blocks.push_back({.pre = build.norm((builder.gguf() ? "" : at) + k.first_norm),
                                    .branches = {{IdentitySpec{}}},
                                    .base = Base::none});
        if (i == 0)
            layer.blocks.push_back({.pre = mixer.norm,
                                    .branches = {{build.first_values(at + k.time)}},
                                    .write = values,
                                    .base = Base::none});
        layer.blocks.push_back({.read = {kResidual, values}, .join = Join::columns, .branches = {{mixer}}});
        layer.blocks.push_back(
            {.pre = build.norm(at + k.second_norm), .branches = {{build.channel_mix(at + k.channel)}}});
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

// Read alone: other readers want the first layer's value gate in a file, which such a model does not have.
const std::vector<GgufKey> kKeys = {{"wkv.head_size", "head_dim"},
                                    {"attention.decay_lora_rank", "decay_low_rank_dim"},
                                    {"attention.iclr_lora_rank", "a_low_rank_dim"},
                                    {"attention.value_residual_mix_lora_rank", "v_low_rank_dim"},
                                    {"attention.gate_lora_rank", "gate_low_rank_dim"}};

Status complete(const ModelFiles&, Json& config) {
    config["group_norm_eps"] = 64e-5; // whatever the size of a head
    return Ok{};
}

const std::vector<GgufName> kGgufNames = {{"pre_norm", "token_embd_norm"},
                                          {"attn_norm", "attn_norm"},
                                          {"ffn_norm", "attn_norm_2"},
                                          {"attn.x_x", "time_mix_lerp_fused.weight"},
                                          {"attn.r_proj", "time_mix_receptance"},
                                          {"attn.k_proj", "time_mix_key"},
                                          {"attn.v_proj", "time_mix_value"},
                                          {"attn.o_proj", "time_mix_output"},
                                          {"attn.g_norm", "time_mix_ln"},
                                          {"attn.w_lora.lora.0", "time_mix_w1"},
                                          {"attn.w_lora.lora.2", "time_mix_w2"},
                                          {"attn.w_lora.lora.2.bias", "time_mix_w0.weight"},
                                          {"attn.a_lora.lora.0", "time_mix_a1"},
                                          {"attn.a_lora.lora.2", "time_mix_a2"},
                                          {"attn.a_lora.lora.2.bias", "time_mix_a0.weight"},
                                          {"attn.v_lora.lora.0", "time_mix_v1"},
                                          {"attn.v_lora.lora.2", "time_mix_v2"},
                                          {"attn.v_lora.lora.2.bias", "time_mix_v0.weight"},
                                          {"attn.g_lora.lora.0", "time_mix_g1"},
                                          {"attn.g_lora.lora.2", "time_mix_g2"},
                                          {"attn.k_k", "time_mix_k_k.weight"},
                                          {"attn.k_a", "time_mix_k_a.weight"},
                                          {"attn.r_k", "time_mix_r_k.weight"},
                                          {"ffn.x_k", "channel_mix_lerp_k.weight"},
                                          {"ffn.key", "channel_mix_key"},
                                          {"ffn.value", "channel_mix_value"}};

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"rwkv7", "rwkv7-blink"},
    "RWKV-7",
    "delta rule with a decay a channel, token shift, the first layer's values in all layers",
    schedule,
    {{.name = "rwkv7",
      .model_type = "rwkv7",
      .keys = kKeys,
      .complete = complete,
      .names = kGgufNames,
      .epsilon = {"attention.layer_norm_epsilon", "norm_eps", said_epsilon}}},
    {},
    {{"hidden_ratio", "intermediate_size says the same"},
     {"num_heads", "the size of a head says the same"},
     {"attn_mode", "how the reference implementation computes"},
     {"fuse_*", "how the reference implementation computes"},
     {"use_l2warp", "training"},
     {"chunk_size_feed_forward", "how the reference implementation computes"}},
    {{"*layers.0.attn.v_lora.*", "the first layer's values are drawn to nothing"},
     {"*blocks.0.att.v[012]", "the first layer's values are drawn to nothing"},
     {"blk.0.time_mix_v[012].weight", "the first layer's values are drawn to nothing"}}};

} // namespace weft::detail::rwkv7
