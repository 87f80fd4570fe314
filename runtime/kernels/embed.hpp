// SPDX-License-Identifier: Apache-2.0
// L2: rows of a table by token id.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[t,:] = residual[t,:] + scale * table[ids[t],:] + position_table[positions[t] + position_offset,:].
/// An id or position outside its table adds zeros. A table over the storage range is read by
/// several dispatches, each its own rows.
struct EmbedArgs {
    Tensor ids;            ///< u32 [T]: step.ids, token types, ...
    Tensor table;          ///< f32, f16, bf16 or in blocks [V, D], contiguous
    Tensor positions;      ///< u32 [T]: step.positions; needed with position_table
    Tensor position_table; ///< f32, f16 or bf16 [N, D], contiguous; absent: 0
    Tensor residual;       ///< f32 [T, D]; may be y itself (tables added one by one); absent: 0
    Tensor y;              ///< f32 [T, D]; may be a column slice
    float scale = 1.0f;    ///< of the token's row only
    uint32_t position_offset = 0;
    /// Most bytes of the table a dispatch may see; 0: the device's limit. Smaller only in tests.
    uint64_t slice_bytes = 0;
    Extent tokens = {1, Quantity::tokens};
};
void embed(Recorder& r, const EmbedArgs& a);

} // namespace weft::detail::kernel
