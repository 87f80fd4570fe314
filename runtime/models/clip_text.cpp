// SPDX-License-Identifier: Apache-2.0
// L5: the towers of CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023) for texts: CLIP's is causal and gives what
// the end of the text becomes, SigLIP's sees all and gives the last token, padding or not.
#include "models/clip_parts.hpp"

namespace weft::detail::clip_text {
namespace {

// What the two config classes disagree on.
struct Class {
    const char* type;
    ClipDefaults defaults;
    uint32_t vocabulary, positions;
    bool causal; // and pooled at the end of the text, without a head of its own
};
constexpr Class kClasses[] = {{"clip_text_model", {512, 2048, 8, 1e-5, "quick_gelu"}, 49408, 77, true},
                              {"siglip_text_model", {768, 3072, 12, 1e-6, "gelu_pytorch_tanh"}, 32000, 64, false}};

// The first eos_token_id; where it is 2, which was never right, the largest id (as transformers has it).
Result<int64_t> end_of_text(const JsonObject& config, uint32_t vocabulary) {
    weft_ASSIGN(const int64_t end, config.integer_or("eos_token_id", 49407));
    if (end == 2) return kLargestId;
    if (end < 0 || end >= int64_t(vocabulary)) return config.bad("eos_token_id", "must be a token's id");
    return end;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(const ClipConfig c, read_clip(config, k.defaults));
    Schedule s;
    weft_ASSIGN(s.vocabulary, config.count_or("vocab_size", k.vocabulary));
    weft_ASSIGN(s.position_limit, config.count_or("max_position_embeddings", k.positions));
    s.trained_context = s.position_limit;
    Builder builder(s, files, {"text_model.", ""});
    Stage& stage = add_encoder(s, c.width, builder.matrix("embeddings.token_embedding.weight", s.vocabulary, c.width));
    stage.first[0].branches[0].op.as<EmbedSpec>()->positions =
        builder.vector("embeddings.position_embedding.weight", {s.position_limit, c.width});
    stage.layers = clip_layers(builder, c, k.causal);
    const StreamId normed = add_normed(stage, builder.layer_norm("final_layer_norm", c.width, c.eps));
    s.outputs.push_back({kLastHidden, 0, normed});
    Stage& pooler = add_pooled(s, "text pooler", normed);
    if (k.causal) {
        pooler.rows.of = RowSpace::Of::marked;
        weft_ASSIGN(pooler.rows.mark, end_of_text(config, s.vocabulary));
        s.outputs.push_back({kPooled, 1});
        weft_ASSIGN(const bool projected, has_projection(config, builder, files, "text_projection.weight"));
        if (projected) {
            weft_ASSIGN(const uint32_t width, config.count_or("projection_dim", 512));
            add_projection(s, kTextEmbeds, builder.linear("text_projection", width, c.width));
        }
        return s;
    }
    pooler.rows.of = RowSpace::Of::last;
    weft_ASSIGN(const uint32_t width, count_or_none(config, "projection_size", c.width));
    add_projection(s, kPooled, builder.linear("head", width ? width : c.width, c.width, true));
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"clip_text_model", "siglip_text_model"},
                                "CLIP's and SigLIP's towers of texts",
                                "one row a text: its end, or its last token",
                                schedule,
                                {},
                                {},
                                {{"initializer_factor", "training"},
                                 {"projection_dim", "the whole model's counts"},
                                 {"bos_token_id", "a token like others"},
                                 {"pad_token_id", "a token like others"},
                                 {"eos_token_id", "SigLIP takes the last token, whatever it is"}},
                                {{"*embeddings.position_ids", "0, 1, 2 ..."}}};

} // namespace weft::detail::clip_text
