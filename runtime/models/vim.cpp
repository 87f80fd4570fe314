// SPDX-License-Identifier: Apache-2.0
// L5: Vision Mamba (Zhu et al. 2024): patches of a picture and class tokens through Mamba layers that read them
// forwards and backwards.
#include "models/scan_parts.hpp"

namespace weft::detail::vim {
namespace {

Result<Schedule> schedule(const JsonObject& c, const ModelFiles& files) {
    weft_ASSIGN(VimSizes s, read_vim(c, "if_divide_out", 3));
    weft_ASSIGN(const Sides picture, sides_or(c, "img_size", 224));
    weft_ASSIGN(const Sides patch_size, sides_or(c, "patch_size", 16));
    weft_ASSIGN(const uint32_t stride, c.count_or("stride", 16));
    s.grid.patch_y = patch_size.height;
    s.grid.patch_x = patch_size.width;
    s.grid.stride_y = s.grid.stride_x = stride;
    weft_TRY(count_patches(c, s, picture, "img_size"));
    Schedule made;
    Builder builder(made, files, {""});
    PatchSpec patch;
    patch.grid = s.grid;
    patch.weight = picture_weight(builder, "patch_embed.proj.weight", s.width, s.grid);
    patch.rows = patch_rows(builder, class_tokens(s), "patch_embed.proj.bias", s.width);
    if (s.positions) patch.positions = builder.vector("pos_embed", {s.rows(), s.width});
    add_vim(builder, made, s, patch);
    return made;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"vim"},
                                "Vision Mamba",
                                "pictures: scans of patches forwards and backwards, class tokens in the middle",
                                schedule,
                                {},
                                {},
                                vision_mamba_keys_not_read()};

} // namespace weft::detail::vim
