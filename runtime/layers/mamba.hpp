// SPDX-License-Identifier: Apache-2.0
// L3: state space mixers: Mamba (selective scan) and Mamba-2 (SSD).
#pragma once
#include "layers/context.hpp"

namespace weft {

/// Depthwise causal convolution over time; weight f32 [channels, taps].
struct ConvSpec {
    WeightId weight = kNoWeight, bias = kNoWeight;
    uint32_t channels = 0, taps = 0;
    kernel::Activation activation = kernel::Activation::silu;
};

/// y = act(conv(x)) with the next state of the context as its window.
void lower_conv(LayerContext& c, const ConvSpec& conv, const kernel::Tensor& x, const kernel::Tensor& y);
StateSpec state_of(const ConvSpec& conv);

/// Mamba-1 (Gu & Dao 2023).
struct Mamba1Spec {
    uint32_t inner = 0, state_size = 0, rank = 0;
    Linear in; ///< rows: x [inner] | z [inner]
    ConvSpec conv;
    Linear x; ///< rows: dt [rank] | B [N] | C [N]
    Norm dt_norm, b_norm, c_norm;
    Linear dt;                       ///< [inner, rank], without its bias: the scan adds that in fp32
    WeightId parameters = kNoWeight; ///< f32 [inner * (N + 2)]: A [inner, N] (-exp(A_log)), D [inner], dt_bias [inner]
    Linear out;
};

/// Mamba-2 (Dao & Gu 2024).
struct Mamba2Spec {
    uint32_t heads = 0, head_size = 0, state_size = 0, groups = 1;
    Linear in;                           ///< rows: z [heads*P] | x [heads*P] | B [g*N] | C [g*N] | dt [heads]
    WeightId in_multipliers = kNoWeight; ///< f32 [rows of in], on its result (Falcon-H1)
    ConvSpec conv;                       ///< over x | B | C
    WeightId dt_bias = kNoWeight, a = kNoWeight, d = kNoWeight; ///< f32 [heads]; a already -exp(A_log)
    float dt_min = 0, dt_max = 3.4e38f;
    Norm norm;              ///< absent: y * silu(z)
    bool gate_first = true; ///< norm(y * silu(z)), else norm(y) * silu(z)
    uint32_t norm_groups = 1;
    Linear out;
};

void lower(LayerContext& c, const Mamba1Spec& m, const kernel::Tensor& x, const Destination& to);
void lower(LayerContext& c, const Mamba2Spec& m, const kernel::Tensor& x, const Destination& to);
std::vector<StateSpec> states_of(const Mamba1Spec& m, const StateOptions& o);
std::vector<StateSpec> states_of(const Mamba2Spec& m, const StateOptions& o);

} // namespace weft
