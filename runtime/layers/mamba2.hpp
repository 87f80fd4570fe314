// SPDX-License-Identifier: Apache-2.0
// L3: Mamba-2, state space duality (Dao & Gu 2024).
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

struct Mamba2Spec {
    static constexpr const char* name = "mamba2";
    static constexpr uint32_t colour = 0x8fc1a9;

    uint32_t heads = 0, head_size = 0, state_size = 0, groups = 1;
    Linear in;                           ///< rows: z [heads*P] | x [heads*P] | B [g*N] | C [g*N] | dt [heads]
    WeightId in_multipliers = kNoWeight; ///< f32 [rows of in], on its result (Falcon-H1)
    Conv conv;                           ///< over x | B | C
    WeightId dt_bias = kNoWeight, a = kNoWeight, d = kNoWeight; ///< f32 [heads]; a already -exp(A_log)
    float dt_min = 0, dt_max = 3.4e38f;
    Norm norm;              ///< absent: y * silu(z)
    bool gate_first = true; ///< norm(y * silu(z)), else norm(y) * silu(z)
    uint32_t norm_groups = 1;
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
