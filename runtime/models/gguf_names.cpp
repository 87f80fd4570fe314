// SPDX-License-Identifier: Apache-2.0
// L5: what most GGUF files call weights.
#include "models/gguf.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

constexpr GgufName kLayerNames[] = {{"input_layernorm", "attn_norm"},
                                    {"norm", "attn_norm"},
                                    {"post_attention_layernorm", "ffn_norm"},
                                    {"pre_ff_layernorm", "ffn_norm"},
                                    {"self_attn.q_proj", "attn_q"},
                                    {"self_attn.k_proj", "attn_k"},
                                    {"self_attn.v_proj", "attn_v"},
                                    {"self_attn.o_proj", "attn_output"},
                                    {"self_attn.qkv_proj", "attn_qkv"},
                                    {"self_attn.q_norm", "attn_q_norm"},
                                    {"self_attn.k_norm", "attn_k_norm"},
                                    {"mlp.gate_proj", "ffn_gate"},
                                    {"mlp.up_proj", "ffn_up"},
                                    {"mlp.down_proj", "ffn_down"},
                                    {"mlp.gate", "ffn_gate_inp"},
                                    {"mlp.router", "ffn_gate_inp"},
                                    {"mlp.experts.gate_proj", "ffn_gate_exps"},
                                    {"mlp.experts.up_proj", "ffn_up_exps"},
                                    {"mlp.experts.down_proj", "ffn_down_exps"},
                                    {"mlp.experts.w1", "ffn_gate_exps"},
                                    {"mlp.experts.w3", "ffn_up_exps"},
                                    {"mlp.experts.w2", "ffn_down_exps"},
                                    {"mlp.shared_expert.gate_proj", "ffn_gate_shexp"},
                                    {"mlp.shared_expert.up_proj", "ffn_up_shexp"},
                                    {"mlp.shared_expert.down_proj", "ffn_down_shexp"},
                                    {"mlp.shared_expert_gate", "ffn_gate_inp_shexp"},
                                    {"mixer.in_proj", "ssm_in"},
                                    {"mixer.conv1d", "ssm_conv1d"},
                                    {"mixer.x_proj", "ssm_x"},
                                    {"mixer.dt_proj", "ssm_dt"},
                                    {"mixer.dt_bias", "ssm_dt.bias"},
                                    {"mixer.A_log", "ssm_a"},
                                    {"mixer.D", "ssm_d"},
                                    {"mixer.norm", "ssm_norm"},
                                    {"mixer.out_proj", "ssm_out"},
                                    {"mixer.dt_layernorm", "ssm_dt_norm"},
                                    {"mixer.b_layernorm", "ssm_b_norm"},
                                    {"mixer.c_layernorm", "ssm_c_norm"}};
constexpr GgufName kFrameNames[] = {{"embed_tokens", "token_embd"}, {"embeddings", "token_embd"},
                                    {"embedding", "token_embd"},    {"norm", "output_norm"},
                                    {"norm_f", "output_norm"},      {"final_layernorm", "output_norm"},
                                    {"lm_head", "output"}};
// What hybrids call the blocks that others call otherwise.
constexpr GgufName kSynonyms[] = {{"mamba.", "mixer."}, {"feed_forward.", "mlp."}};

// A list's entry for a module or a whole name.
const char* entry(std::span<const GgufName> names, const std::string& name) {
    for (const GgufName& n : names)
        if (name == n.module) return n.gguf;
    return nullptr;
}

// The first part between dots that is a number: where it begins, and its length; 0: there is none.
std::pair<size_t, size_t> number_in(const std::string& name) {
    for (size_t at = 0, end; at < name.size(); at = end + 1) {
        end = std::min(name.find('.', at), name.size());
        if (end > at && name.find_first_not_of("0123456789", at) >= end) return {at, end - at};
    }
    return {0, 0};
}

} // namespace

std::string gguf_name(const std::string& name, std::span<const GgufName> own) {
    const auto found = [](std::span<const GgufName> list, const std::string& in) -> std::optional<std::string> {
        if (const char* whole = entry(list, in)) return whole;
        const size_t ending = std::min(in.rfind('.'), in.size()); // ".weight", ".bias"
        if (const char* module = entry(list, in.substr(0, ending))) return module + in.substr(ending);
        return std::nullopt;
    };
    if (const auto [at, length] = number_in(name); length > 0) {
        std::string starred = name;
        if (auto known = found(own, starred.replace(at, length, "*")))
            return known->replace(known->find('*'), 1, name, at, length);
    }
    std::string block, rest = name;
    for (const char* layers : {"layers.", "h."})
        if (const size_t from = std::string_view(layers).size(); name.starts_with(layers))
            if (const size_t dot = name.find('.', from); dot != name.npos) {
                block = "blk." + name.substr(from, dot + 1 - from);
                rest = name.substr(dot + 1);
                break;
            }
    const std::span<const GgufName> usual =
        block.empty() ? std::span<const GgufName>(kFrameNames) : std::span<const GgufName>(kLayerNames);
    for (const std::span<const GgufName> list : {own, usual})
        if (const auto known = found(list, rest)) return block + *known;
    for (const GgufName& s : kSynonyms)
        if (rest.starts_with(s.module))
            for (const std::span<const GgufName> list : {own, usual})
                if (const auto known = found(list, s.gguf + rest.substr(std::string_view(s.module).size())))
                    return block + *known;
    return name;
}

} // namespace weft::detail
