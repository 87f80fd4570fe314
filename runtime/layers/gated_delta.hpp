// SPDX-License-Identifier: Apache-2.0
// L3: delta rule mixers: Gated DeltaNet (Yang et al. 2024; Qwen3-Next, OLMo-hybrid), and without decay DeltaNet
// (Yang et al. 2024; Schlag et al. 2021).
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

struct GatedDeltaSpec {
    static constexpr const char* name = "gated_delta";
    static constexpr uint32_t colour = 0x7fb2d9;

    uint32_t key_heads = 0, value_heads = 0, key_size = 0, value_size = 0;
    bool tiled = false; ///< value head h has key head h % Hk (Qwen3.5), else h / (Hv / Hk)
    bool gated = true;  ///< there is z
    bool decays = true; ///< there is a, with its weights
    Linear in;          ///< rows: q [Hk*dk] | k [Hk*dk] | v [Hv*dv] | z [Hv*dv] | b [Hv] | a [Hv]
    Conv conv;          ///< over q | k | v; absent: none
    /// Behind the convolution: on q and k, and on v.
    kernel::Activation key_activation = kernel::Activation::none, value_activation = kernel::Activation::none;
    Norm key_norm;                               ///< of each head of q and k; absent: x / sqrt(sum of squares + 1e-6)
    WeightId dt_bias = kNoWeight, a = kNoWeight; ///< f32 [Hv]; a already -exp(A_log)
    float beta_scale = 1;                        ///< 2 allows negative eigenvalues
    Norm norm;                                   ///< per head of dv, then times silu(z)
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
