// SPDX-License-Identifier: Apache-2.0
// L3: Mamba, the selective scan (Gu & Dao 2023).
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

struct MambaSpec {
    static constexpr const char* name = "mamba";
    static constexpr uint32_t colour = 0x8fc1a9;

    uint32_t inner = 0, state_size = 0, rank = 0;
    Linear in; ///< rows: x [inner] | z [inner]
    Conv conv;
    Linear x; ///< rows: dt [rank] | B [N] | C [N]
    Norm dt_norm, b_norm, c_norm;
    Linear dt;                       ///< [inner, rank], without its bias: the scan adds that in fp32
    WeightId parameters = kNoWeight; ///< f32 [inner * (N + 2)]: A [inner, N] (-exp(A_log)), D [inner], dt_bias [inner]
    Linear out;
    StateId window = kNoState, state = kNoState; ///< of the convolution, of the scan

    void fields(Fields& f, const Widths& w);
    void states(States& s);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
