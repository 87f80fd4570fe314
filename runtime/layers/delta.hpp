// SPDX-License-Identifier: Apache-2.0
// L3: gated delta rule mixers (Gated DeltaNet, Yang et al. 2024; Qwen3-Next, OLMo-hybrid).
#pragma once
#include "layers/mamba.hpp"

namespace weft {

struct GatedDeltaSpec {
    uint32_t key_heads = 0, value_heads = 0, key_size = 0, value_size = 0;
    Linear in;     ///< rows: q [Hk*dk] | k [Hk*dk] | v [Hv*dv] | z [Hv*dv] | b [Hv] | a [Hv]
    ConvSpec conv; ///< over q | k | v
    WeightId dt_bias = kNoWeight, a = kNoWeight; ///< f32 [Hv]; a already -exp(A_log)
    float beta_scale = 1;                        ///< 2 allows negative eigenvalues
    Norm norm;                                   ///< per head of dv, then times silu(z)
    Linear out;
};

void lower(LayerContext& c, const GatedDeltaSpec& g, const kernel::Tensor& x, const Destination& to);
std::vector<StateSpec> states_of(const GatedDeltaSpec& g, const StateOptions& o);

} // namespace weft
