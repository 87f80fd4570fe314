// SPDX-License-Identifier: Apache-2.0
// L5: the towers of CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023) for pictures: patches through a pre-norm
// encoder. CLIP gives what its class token becomes; SigLIP, which has none, what one learned query sees in all patches.
#include "layers/attention_pool.hpp"
#include "layers/identity.hpp"
#include "models/clip_parts.hpp"
#include "models/picture_parts.hpp"

namespace weft::detail::clip_vision {
namespace {

constexpr const char* kPooler = "vision pooler";

// What the two config classes disagree on.
struct Class {
    const char* type;
    ClipDefaults defaults;
    uint32_t patch;
    bool class_token; // with a norm before the layers, and without a bias of patches
};
constexpr Class kClasses[] = {{"clip_vision_model", {768, 3072, 12, 1e-5, "quick_gelu"}, 32, true},
                              {"siglip_vision_model", {768, 3072, 12, 1e-6, "gelu_pytorch_tanh"}, 16, false}};

Stage tower(Builder& builder, const ClipConfig& c, const SquarePatches& patches, bool class_token) {
    PatchSpec patch;
    patch.grid = patches.grid;
    const std::string at = "embeddings.", projection = at + "patch_embedding.";
    patch.weight = picture_weight(builder, projection + "weight", c.width, patch.grid);
    const std::vector<std::string> extra(class_token ? 1 : 0, at + "class_embedding");
    patch.rows = patch_rows(builder, extra, projection + "bias", c.width);
    learned_positions(builder, patch, at + "position_embedding.weight", patches.side, c.width);
    Norm first; // sic: that is its name
    if (class_token) first = builder.layer_norm("pre_layrnorm", c.width, c.eps);
    return {.name = kVision,
            .rows = {.of = RowSpace::Of::patches, .input = kPixels},
            .width = c.width,
            .first = {{.read = {}, .branches = {{patch}}, .base = Base::none, .after = first}},
            .layers = clip_layers(builder, c, false)};
}

// What the class token becomes.
void add_class_row(Schedule& s, const Norm& norm) {
    add_pooled(s, kPooler, kResidual).first = {{.pre = norm, .branches = {{IdentitySpec{}}}, .base = Base::none}};
    s.outputs.push_back({kPooled, 1});
}

// Attention of a learned query to all patches, and a feed-forward block.
void add_probe(Schedule& s, Builder& builder, const ClipConfig& c, StreamId normed) {
    const std::string at = "head.", packed = at + "attention.in_proj_";
    const uint32_t width = c.width;
    const auto projection = [&](const std::string& name, uint32_t first, uint32_t rows) {
        const auto piece = [&](const std::string& tensor, std::vector<uint64_t> shape) {
            return WeightPiece{
                .names = builder.names(tensor), .file_shape = std::move(shape), .rows = {first, {{rows, 1}}}};
        };
        const auto bias = [&] { // each of its numbers a row
            WeightPiece p = piece(packed + "bias", {3 * width, 1});
            return builder.add({at + name + ".bias", {rows}, false, {std::move(p)}, {}, {}});
        };
        return Linear{
            builder.add(
                {at + name + ".weight", {rows, width}, true, {piece(packed + "weight", {3 * width, width})}, {}, {}}),
            bias(), width, rows};
    };
    AttentionPoolSpec a;
    a.heads = c.heads.heads;
    a.scale = c.heads.attention().scale;
    a.probe = builder.vector(at + "probe", {1, width});
    a.q = projection("q", 0, width);
    a.kv = projection("kv", width, 2 * width);
    a.out = builder.linear(at + "attention.out_proj", width, width, true);
    const MlpSpec m = plain_mlp(builder, at + "mlp.fc1", at + "mlp.fc2", width, c.inner, c.activation);
    Stage& pooler = add_pooled(s, kPooler, normed);
    pooler.first = {{.read = {}, .branches = {{a}}, .base = Base::none},
                    {.pre = builder.layer_norm(at + "layernorm", width, c.eps), .branches = {{m}}}};
    s.outputs.push_back({kPooled, 1});
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(const ClipConfig c, read_clip(config, k.defaults));
    weft_ASSIGN(const SquarePatches patches, read_square_patches(config, k.patch, k.class_token ? 1 : 0, 1024));
    Schedule s;
    s.trained_context = patches.side * patches.side + patches.grid.extra;
    Builder builder(s, files, {"vision_model.", ""});
    s.stages.push_back(tower(builder, c, patches, k.class_token));
    const Norm post = builder.layer_norm("post_layernorm", c.width, c.eps);
    if (k.class_token) {
        s.outputs.push_back({kLastHidden, 0});
        add_class_row(s, post);
        weft_ASSIGN(const bool projected, has_projection(config, builder, files, "visual_projection.weight"));
        if (projected) {
            weft_ASSIGN(const uint32_t width, config.count_or("projection_dim", 512));
            add_projection(s, kImageEmbeds, builder.linear("visual_projection", width, c.width));
        }
        return s;
    }
    const StreamId normed = add_normed(s.stages[0], post);
    s.outputs.push_back({kLastHidden, 0, normed});
    weft_ASSIGN(const bool head, config.boolean_or("vision_use_head", true));
    if (head) add_probe(s, builder, c, normed);
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"clip_vision_model", "siglip_vision_model"},
                                "CLIP's and SigLIP's towers of pictures",
                                "pictures of any size; pooled by a class token, or by attention with a learned query",
                                schedule,
                                {},
                                {},
                                {{"initializer_factor", "training"},
                                 {"projection_dim", "the whole model's counts"},
                                 {"vocab_size", "pictures have no vocabulary"}},
                                {{"*embeddings.position_ids", "0, 1, 2 ..."}}};

} // namespace weft::detail::clip_vision
