// SPDX-License-Identifier: Apache-2.0
// L5: the recurrent mixers that several architectures share: their sizes as configs give them,
// and their weights under the usual names.
#pragma once
#include "layers/gated_delta.hpp"
#include "layers/mamba.hpp"
#include "layers/mamba2.hpp"
#include "models/architecture.hpp"

namespace weft::detail {

/// A key of a config and what it means where absent.
struct SizeKey {
    const char* name;
    uint32_t otherwise;
};

struct Mamba1Sizes {
    uint32_t inner = 0, state_size = 0, rank = 0, taps = 0;
    bool bias = false, conv_bias = true;
    kernel::Activation activation = kernel::Activation::silu; ///< behind the convolution
};
/// Where a config holds Mamba-1's sizes.
struct Mamba1Keys {
    const char *expand, *state_size, *rank, *taps, *bias, *conv_bias;
    /// Where the config has it, the inner width itself instead of expand times the model's.
    const char* inner = nullptr;
};
/// GGUF's keys for them; `inner_norms`: what a config calls norms without weights on dt, B and C, if it has a word.
std::vector<GgufKey> mamba1_gguf(const Mamba1Keys& keys, const char* inner_norms = nullptr);
Result<Mamba1Sizes> read_mamba1(const JsonObject& config, uint32_t width, const Mamba1Keys& keys);
/// at + in_proj, conv1d, x_proj, dt_proj, A_log, D and out_proj; no norms on dt, B and C.
/// MambaSpec's parameters from A_log, D and dt's bias by their names.
struct ScanNames {
    std::string a_log, d, dt_bias;
    /// Of tensors that hold several scans' rows, one below the other: which, of how many.
    uint32_t part = 0, parts = 1;
    float dt_bias_factor = 1;
};
WeightId scan_parameters(Builder& builder, const std::string& slot, const Mamba1Sizes& s, const ScanNames& names);
MambaSpec usual_mamba1(Builder& builder, const std::string& at, uint32_t width, const Mamba1Sizes& s);

struct Mamba2Sizes {
    uint32_t heads = 0, head_size = 0, state_size = 0, groups = 1, taps = 0;
    bool bias = false, out_bias = false, conv_bias = true;
    double dt_min = 0, dt_max = 3.4e38;
    kernel::Activation activation = kernel::Activation::silu; ///< behind the convolution
    uint32_t inner() const { return heads * head_size; }
    uint32_t group_rows() const { return groups * state_size; } ///< of B, and of C
    uint32_t conv_channels() const { return inner() + 2 * group_rows(); }
    uint32_t rows() const { return inner() + conv_channels() + heads; }
};
/// Where a config holds Mamba-2's sizes: Bamba's keys, which later models kept.
struct Mamba2Keys {
    SizeKey heads{"mamba_n_heads", 128}, groups{"mamba_n_groups", 1}, state_size{"mamba_d_state", 256},
        taps{"mamba_d_conv", 4};
    SizeKey head_size{"mamba_d_head", 0}; ///< 0, null or "auto": what the heads leave of the inner width
    const char *bias = "mamba_proj_bias", *conv_bias = "mamba_conv_bias", *activation = "hidden_act";
};
/// GGUF's keys for them; `inner`: what a config calls the inner width, if it has a word.
std::vector<GgufKey> mamba2_gguf(const Mamba2Keys& keys = {}, const char* inner = nullptr);
/// `inner`: channels of all heads together; sizes that do not give it are refused. dt is not limited yet.
Result<Mamba2Sizes> read_mamba2(const JsonObject& config, uint64_t inner, const Mamba2Keys& keys = {});
/// time_step_limit: the least and the largest dt; none where absent or null.
Status read_time_step_limit(const JsonObject& config, Mamba2Sizes& s);
/// at + in_proj, conv1d, dt_bias, A_log, D and out_proj; with `norm_eps` also at + norm,
/// RMS of y * silu(z) over each group's channels.
Mamba2Spec usual_mamba2(Builder& builder, const std::string& at, uint32_t width, const Mamba2Sizes& s,
                        std::optional<double> norm_eps);

struct DeltaSizes {
    uint32_t key_heads = 0, value_heads = 0, key_size = 0, value_size = 0, taps = 0;
    kernel::Activation activation = kernel::Activation::silu; ///< behind the convolution
    uint32_t keys() const { return key_heads * key_size; }
    uint32_t values() const { return value_heads * value_size; }
    uint32_t mixed() const { return 2 * keys() + values(); } ///< q | k | v
    uint32_t rows() const { return mixed() + values() + 2 * value_heads; }
};
/// GGUF's keys for linear_num_key_heads, linear_key_head_dim and so on, and for `values`, the channels of all heads.
std::vector<GgufKey> delta_gguf(const char* values);
/// linear_num_key_heads, linear_key_head_dim and so on; `otherwise` says what absent ones mean.
Result<DeltaSizes> read_delta(const JsonObject& config, const DeltaSizes& otherwise);
/// Sizes, at + dt_bias and at + A_log; the projections, the convolution's weight and the norm are the caller's.
/// `heads`: where the file has each of the value heads.
GatedDeltaSpec usual_delta(Builder& builder, const std::string& at, const DeltaSizes& s, const RowView& heads = {});

/// Which layers are of `kind`, from the list under `key`; every other one must be of the kind `other`. The old words
/// "mamba" and "attention" mean "linear_attention" and "full_attention". Nothing where there is no such key.
Result<std::optional<std::vector<bool>>> layers_of_kind(const JsonObject& config, const std::string& key,
                                                        uint32_t layers, const std::string& kind,
                                                        const std::string& other);
/// The layers whose numbers are in the list under `key`; numbers of layers that are not there say nothing. Nothing
/// where there is no such key.
Result<std::optional<std::vector<bool>>> layers_listed(const JsonObject& config, const std::string& key,
                                                       uint32_t layers);

} // namespace weft::detail
