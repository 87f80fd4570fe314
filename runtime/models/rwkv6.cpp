// SPDX-License-Identifier: Apache-2.0
// L5: RWKV-6 "Finch" (Peng et al. 2024) as flash-linear-attention's class writes it, and as its authors' checkpoints
// are.
#include "layers/rwkv6.hpp"
#include "layers/identity.hpp"
#include "layers/shifted_mlp.hpp"
#include "models/decoder_parts.hpp"
#include <cmath>

namespace weft::detail::rwkv6 {
namespace {

// What the two kinds of files call the same.
struct Class {
    const char *type, *layers, *eps;
    DecoderNames frame;
    const char *first_norm, *norm, *second_norm, *time, *channel;
    const char *receptance, *key, *value, *gate, *out, *head_norm, *bonus, *mix;
    const char *mix_down, *decay_down, *decay_up, *decay_bias;
    const char *channel_key, *channel_receptance, *mix_of_key, *mix_of_receptance;
    bool blink; // low-rank matrices are [in, out]; a vector for each proportion
};
const Class kClasses[] = {
    {"rwkv6",
     "layers.",
     "norm_eps",
     {.embedding = "embeddings.weight", .norm = "norm"},
     "pre_norm",
     "attn_norm",
     "ffn_norm",
     "attn.",
     "ffn.",
     "r_proj.linear",
     "k_proj.linear",
     "v_proj.linear",
     "g_proj.linear",
     "o_proj",
     "g_norm",
     "bonus",
     "x_proj.0.mu",
     "x_proj.0.linear.weight",
     "w_proj.linear.lora.0.weight",
     "w_proj.linear.lora.2.weight",
     "w_proj.linear.lora.2.bias",
     "key.linear",
     "receptance.linear",
     "key.mu",
     "receptance.mu",
     false},
    {"rwkv6-blink",
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
     "gate",
     "output",
     "ln_x",
     "time_faaaa",
     "time_maa_x",
     "time_maa_w1",
     "time_decay_w1",
     "time_decay_w2",
     "time_decay",
     "key",
     "receptance",
     "time_maa_k",
     "time_maa_r",
     true},
};

struct Config {
    uint32_t layers, width, inner, heads, key_size, value_size;
    double eps, head_eps;
    bool bias = true, normed_first = true; // of norms; a norm before the first layer
    kernel::Activation activation = kernel::Activation::relu2;
    uint32_t keys() const { return heads * key_size; }
    uint32_t values() const { return heads * value_size; }
};

Result<uint32_t> inner_of(const JsonObject& c, uint32_t width) {
    if (c.has("intermediate_size")) return inner_width(c, "intermediate_size");
    weft_ASSIGN(const double ratio, number_or_none(c, "hidden_ratio", 3.5));
    const double inner = std::ceil(std::floor(width * (ratio > 0 ? ratio : 3.5)) / 32) * 32;
    if (!(inner >= 1 && inner <= 0x1p30))
        return c.bad("hidden_ratio", "must make the feed-forward network between 1 and 2^30 wide");
    return uint32_t(inner);
}

// Channels of a head, of all of which `key` says how many times the width they are.
Result<uint32_t> size_of_head(const JsonObject& c, const char* key, double otherwise, const Config& o) {
    weft_ASSIGN(const double ratio, c.number_or(key, otherwise));
    const double channels = std::floor(o.width * ratio);
    if (!(channels >= o.heads && channels <= 0x1p28) || uint64_t(channels) % o.heads != 0)
        return c.has(key) ? c.bad(key, "times hidden_size must be channels that num_heads shares evenly, at most 2^28")
                          : c.bad(c.has("num_heads") ? "num_heads" : "hidden_size",
                                  "must leave each head a whole number of channels");
    return uint32_t(channels) / o.heads;
}

Result<Config> read(const JsonObject& c, const Class& k) {
    Config o{};
    if (c.has("attn"))
        return Error{ErrorCode::unsupported,
                     c.origin() + ": key 'attn' asks for layers of attention between, which is not supported for this "
                                  "model",
                     {}};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.inner, inner_of(c, o.width));
    weft_ASSIGN(o.eps, epsilon_or(c, k.eps, 1e-5));
    o.head_eps = o.eps;
    if (k.blink) {
        weft_ASSIGN(o.key_size, c.count_or("head_size", 64));
        if (o.width % o.key_size) return c.bad("head_size", "must divide hidden_size");
        o.value_size = o.key_size;
        o.heads = o.width / o.key_size;
        weft_ASSIGN(o.head_eps, epsilon_or(c, "group_norm_eps", 64e-5));
        return o;
    }
    weft_ASSIGN(o.heads, c.count_or("num_heads", 4));
    weft_ASSIGN(o.key_size, size_of_head(c, "expand_k", 0.5, o));
    weft_ASSIGN(o.value_size, size_of_head(c, "expand_v", 1, o));
    weft_ASSIGN(o.bias, c.boolean_or("norm_bias", true));
    weft_ASSIGN(o.normed_first, c.boolean_or("norm_first", true));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "sqrelu"));
    return o;
}

class LayerMaker {
public:
    LayerMaker(const JsonObject& config, const Class& k, const Config& c, Builder& builder)
        : config_(config), k_(k), c_(c), builder_(builder) {}

    Norm norm(const std::string& name) { return builder_.layer_norm(name, c_.width, c_.eps, c_.bias); }

    ShiftedMlpSpec channel_mix(const std::string& at) {
        ShiftedMlpSpec m;
        m.inner = c_.inner;
        m.activation = c_.activation;
        m.mix = builder_.add({at + "mix",
                              {2 * c_.width},
                              false,
                              {{builder_.names(at + k_.mix_of_key), {c_.width}},
                               {builder_.names(at + k_.mix_of_receptance), {c_.width}}},
                              {},
                              {}});
        m.in = builder_.linear(at + k_.channel_key, c_.inner, c_.width);
        m.receptance = builder_.linear(at + k_.channel_receptance, c_.width, c_.width);
        m.out = builder_.linear(at + "value", c_.width, c_.inner);
        return m;
    }

    Result<Rwkv6Spec> time_mix(const std::string& at) {
        Rwkv6Spec m;
        m.heads = c_.heads;
        m.key_size = c_.key_size;
        m.value_size = c_.value_size;
        m.mix = builder_.vector(at + k_.mix, {c_.width});
        weft_TRY(proportions(m, at));
        weft_ASSIGN(const uint32_t rank, rank_of(at + k_.decay_down, "gate_low_rank_dim", 64, 1));
        m.decay = {{matrix(at + k_.decay_down, rank, c_.width), kNoWeight, c_.width, rank},
                   {matrix(at + k_.decay_up, c_.keys(), rank), builder_.vector(at + k_.decay_bias, {c_.keys()}), rank,
                    c_.keys()}};
        m.receptance = builder_.linear(at + k_.receptance, c_.keys(), c_.width);
        m.key = builder_.linear(at + k_.key, c_.keys(), c_.width);
        m.value = builder_.linear(at + k_.value, c_.values(), c_.width);
        m.gate = builder_.linear(at + k_.gate, c_.values(), c_.width);
        m.bonus = builder_.add(
            {at + k_.bonus, {c_.keys()}, false, {{builder_.names(at + k_.bonus), {c_.heads, c_.key_size}}}, {}, {}});
        m.head_norm = builder_.layer_norm(at + k_.head_norm, c_.values(), c_.head_eps);
        m.out = builder_.linear(at + k_.out, c_.width, c_.values());
        return m;
    }

private:
    /// In which order a file has those of w, k, v, r and g: the places of each.
    static constexpr uint32_t kBlinkOrder[] = {0, 1, 2, 3, 4}, kClassOrder[] = {1, 2, 3, 0, 4};

    Status proportions(Rwkv6Spec& m, const std::string& at) {
        const uint32_t* order = k_.blink ? kBlinkOrder : kClassOrder;
        const std::string down = at + k_.mix_down, up = at + (k_.blink ? "time_maa_w2" : "x_proj.2.weight");
        weft_ASSIGN(const uint32_t rank, rank_of(down, "proj_low_rank_dim", 32, 5));
        m.mix_down.in = c_.width;
        m.mix_down.out = 5 * rank;
        if (k_.blink) m.mix_down.weight = builder_.transposed(down, 5 * rank, c_.width);
        else {
            std::vector<Builder::Part> parts;
            for (uint32_t i = 0; i < 5; ++i)
                parts.push_back({down, rank, 5 * rank, {uint64_t(order[i]) * rank, {{rank, 1}}}});
            m.mix_down.weight = builder_.stacked(down, parts, c_.width);
        }
        for (uint32_t i = 0; i < 5; ++i) {
            const std::string slot = at + "mix_up." + "wkvrg"[i];
            WeightPiece weight{.names = builder_.names(up)}, bias;
            if (k_.blink) {
                weight.file_shape = {5, rank, c_.width};
                weight.order = kTransposed;
                weight.rows = {uint64_t(i) * c_.width, {{c_.width, 1}}};
                bias = {builder_.names(at + "time_maa_" + "wkvrg"[i]), {c_.width}};
            } else {
                weight.file_shape = {c_.width, 5 * rank};
                for (uint32_t r = 0; r < rank; ++r) weight.gather.push_back(uint64_t(order[i]) * rank + r);
                bias = {builder_.names(at + "x_bias"), {5, c_.width}, {order[i], {{1, 1}}}};
            }
            m.mix_up[i] = {builder_.add({slot + ".weight", {c_.width, rank}, true, {std::move(weight)}, {}, {}}),
                           builder_.add({slot + ".bias", {c_.width}, false, {std::move(bias)}, {}, {}}), rank,
                           c_.width};
        }
        return Ok{};
    }

    WeightId matrix(const std::string& name, uint32_t out, uint32_t in) {
        return k_.blink ? builder_.transposed(name, out, in) : builder_.matrix(name, out, in);
    }

    /// What the config says of it, else what the file has in `parts`, else what the class takes.
    Result<uint32_t> rank_of(const std::string& name, const char* key, uint32_t otherwise, uint32_t parts) {
        if (const TensorView* t = builder_.find(name); t && t->shape.size() == 2) {
            const uint64_t rank = t->shape[k_.blink] / parts;
            if (rank >= 1 && rank <= c_.width) otherwise = uint32_t(rank);
        }
        weft_ASSIGN(const uint32_t rank, config_.count_or(key, otherwise));
        if (rank > 1u << 20) return config_.bad(key, "must be at most 2^20");
        return rank;
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
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = k.layers + std::to_string(i) + ".";
        weft_ASSIGN(const Rwkv6Spec mixer, build.time_mix(at + k.time));
        Layer layer;
        if (i == 0 && c.normed_first)
            layer.blocks.push_back(
                {.pre = build.norm(at + k.first_norm), .branches = {{IdentitySpec{}}}, .base = Base::none});
        layer.blocks.push_back({.pre = build.norm(at + k.norm), .branches = {{mixer}}});
        layer.blocks.push_back(
            {.pre = build.norm(at + k.second_norm), .branches = {{build.channel_mix(at + k.channel)}}});
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"rwkv6", "rwkv6-blink"},
    "RWKV-6",
    "linear attention with a decay a channel and a bonus, token shift in proportions that follow from the token",
    schedule,
    {},
    {},
    {{"hidden_ratio", "intermediate_size says the same"},
     {"attn_mode", "how the reference implementation computes"},
     {"fuse_*", "how the reference implementation computes"},
     {"use_l2warp", "training"},
     {"chunk_size_feed_forward", "how the reference implementation computes"}}};

} // namespace weft::detail::rwkv6
