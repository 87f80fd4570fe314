// SPDX-License-Identifier: Apache-2.0
// The models of flash-linear-attention, and RWKV-6's authors' files: what configs leave out, and what is refused.
#include "layers/gated_delta.hpp"
#include "layers/linear_attention.hpp"
#include "layers/mlp.hpp"
#include "layers/rwkv6.hpp"
#include "layers/shifted_mlp.hpp"
#include "schedules.hpp"
#include <catch2/catch_all.hpp>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("fla: the schedule fits the file", "[models]") {
    for (const char* name :
         {"fla-gla", "fla-gla-conv-gqa", "fla-retnet", "fla-linear-attn", "fla-linear-attn-norm", "fla-hgrn2",
          "fla-rwkv6", "rwkv6-blink", "fla-gated-deltanet", "fla-delta-net", "fla-delta-net-negeig"})
        DYNAMIC_SECTION(name) {
            weft_GOLDEN(path, name);
            require_fit(path);
        }
}

TEST_CASE("fla: what configs leave out", "[models]") {
    const auto made = [](const char* type, const Json& sizes = {}) {
        Json c = {{"model_type", type}, {"vocab_size", 99}, {"hidden_size", 512}, {"num_hidden_layers", 2}};
        c.update(sizes.is_object() ? sizes : Json::object());
        return require_schedule(c);
    };
    const auto linear = [](const Schedule& s) -> const LinearAttentionSpec& {
        return op<LinearAttentionSpec>(s, 1, 0);
    };
    const Schedule gla = made("gla");
    CHECK((linear(gla).heads == 4 && linear(gla).key_size == 64 && linear(gla).value_size == 128));
    CHECK((linear(gla).forget.of.down.out == 16 && linear(gla).forget.least == 0 && linear(gla).gate));
    CHECK((!linear(gla).conv && linear(gla).feature == kernel::Activation::none && linear(gla).norm_heads));
    CHECK(op<MlpSpec>(gla, 1, 1).inner == 1536); // two thirds of four times the width, in steps of 256
    const Schedule retnet = made("retnet");
    CHECK((linear(retnet).heads == 8 && linear(retnet).key_size == 64 && linear(retnet).value_size == 128));
    CHECK((linear(retnet).rope.rotary == 64 && linear(retnet).decay != kNoWeight && !linear(retnet).forget));
    CHECK(op<MlpSpec>(retnet, 1, 1).inner == 768);
    const Schedule plain = made("linear_attn");
    CHECK((linear(plain).q_map && linear(plain).k_map && !linear(plain).normalize && !linear(plain).gate));
    const Schedule tied = made("linear_attn", {{"tie_feature_map_qk", true}, {"norm_q", true}});
    CHECK((linear(tied).q_map.weight == linear(tied).k_map.weight && linear(tied).q_norm && !linear(tied).k_norm));
    const Schedule hgrn2 = made("hgrn2");
    CHECK((linear(hgrn2).heads == 4 && linear(hgrn2).key_size == 128 && linear(hgrn2).forget.keys));
    CHECK((linear(hgrn2).forget.lower_bound != kNoWeight && linear(hgrn2).norm.eps == 1e-5f));
    CHECK(op<LinearAttentionSpec>(hgrn2, 0, 0).forget.lower_bound == kNoWeight);
    CHECK(linear(made("hgrn2", {{"expand_ratio", nullptr}, {"num_heads", 8}})).key_size == 64);
    CHECK(linear(made("hgrn2", {{"use_lower_bound", false}})).forget.lower_bound == kNoWeight);
    const auto delta = [](const Schedule& s) -> const GatedDeltaSpec& { return op<GatedDeltaSpec>(s, 1, 0); };
    const Schedule gated = made("gated_deltanet");
    CHECK((delta(gated).key_heads == 6 && delta(gated).key_size == 256 && delta(gated).value_size == 512));
    CHECK((delta(gated).gated && delta(gated).decays && delta(gated).conv.taps == 4 && delta(gated).beta_scale == 1));
    CHECK(!delta(made("gated_deltanet", {{"use_gate", false}})).gated);
    const Schedule without = made("gated_deltanet", {{"use_short_conv", false}, {"allow_neg_eigval", true}});
    CHECK((!delta(without).conv && delta(without).key_activation == kernel::Activation::silu));
    CHECK(delta(without).beta_scale == 2);
    const Schedule ungated = made("delta_net", {{"qk_activation", "relu"}, {"qk_norm", "sum"}});
    CHECK((!delta(ungated).gated && !delta(ungated).decays && delta(ungated).key_heads == 16));
    CHECK(delta(ungated).key_norm.kind == kernel::NormKind::sum);
    CHECK((delta(ungated).key_activation == kernel::Activation::relu &&
           delta(ungated).value_activation == kernel::Activation::silu));
    const Schedule finch = made("rwkv6");
    const Rwkv6Spec& mix = op<Rwkv6Spec>(finch, 1, 0);
    CHECK((mix.heads == 4 && mix.key_size == 64 && mix.value_size == 128 && mix.head_norm.eps == 1e-5f));
    CHECK((mix.mix_up[4].in == 32 && mix.decay.down.out == 64));
    CHECK((op<ShiftedMlpSpec>(finch, 1, 1).inner == 1792 && op<ShiftedMlpSpec>(finch, 1, 1).receptance));
    CHECK(decoder_of(finch).layers[0].blocks.size() == 3);
    const Schedule later = made("rwkv6", {{"norm_first", false}});
    CHECK(decoder_of(later).layers[0].blocks.size() == 2);
    const Schedule own = made("rwkv6-blink", {{"intermediate_size", 1792}});
    CHECK((op<Rwkv6Spec>(own, 1, 0).heads == 8 && op<Rwkv6Spec>(own, 1, 0).head_norm.eps == 64e-5f));
}

TEST_CASE("fla: what is refused", "[models]") {
    const auto error = [](const char* type, const char* key, const Json& value) {
        return error_of(
            {{"model_type", type}, {"vocab_size", 99}, {"hidden_size", 512}, {"num_hidden_layers", 2}, {key, value}});
    };
    for (const char* type : {"gla", "retnet", "linear_attn", "hgrn2", "delta_net", "gated_deltanet", "rwkv6"})
        CHECK_THAT(error(type, "attn", {{"layers", {1}}}), ContainsSubstring("'attn'"));
    CHECK_THAT(error("gla", "num_kv_heads", 3), ContainsSubstring("num_kv_heads") && ContainsSubstring("num_heads"));
    CHECK_THAT(error("gla", "expand_k", 0.001), ContainsSubstring("expand_k"));
    CHECK_THAT(error("gla", "expand_v", 1e9), ContainsSubstring("expand_v"));
    CHECK_THAT(error("gla", "clamp_min", 0.5), ContainsSubstring("clamp_min") && ContainsSubstring("below 0"));
    CHECK_THAT(error("gla", "feature_map", "hedgehog"),
               ContainsSubstring("feature_map") && ContainsSubstring("hedgehog"));
    CHECK_THAT(error("gla", "hidden_ratio", 1e12), ContainsSubstring("hidden_ratio"));
    CHECK_THAT(error("retnet", "num_heads", 7), ContainsSubstring("num_heads"));
    CHECK_THAT(error("linear_attn", "feature_map", "dpfp"),
               ContainsSubstring("feature_map") && ContainsSubstring("dpfp"));
    CHECK_THAT(error("hgrn2", "expand_ratio", 100), ContainsSubstring("expand_ratio"));
    CHECK_THAT(error("delta_net", "use_beta", false), ContainsSubstring("use_beta"));
    CHECK_THAT(error("delta_net", "qk_norm", "l1"), ContainsSubstring("qk_norm") && ContainsSubstring("l2 or sum"));
    CHECK_THAT(error("delta_net", "qk_activation", "gelu"), ContainsSubstring("qk_activation"));
    CHECK_THAT(error("delta_net", "conv_size", 9), ContainsSubstring("taps"));
    CHECK_THAT(error("gated_deltanet", "num_v_heads", 9), ContainsSubstring("num_v_heads"));
    CHECK_THAT(error("gated_deltanet", "expand_v", 0.3), ContainsSubstring("expand_v"));
    CHECK_THAT(error("rwkv6", "expand_k", 1e9), ContainsSubstring("expand_k"));
    CHECK_THAT(error("rwkv6-blink", "head_size", 100), ContainsSubstring("head_size"));
}
