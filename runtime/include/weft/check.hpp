// SPDX-License-Identifier: Apache-2.0
// Public: runs a model directory against recorded inputs and outputs, layer by layer.
#pragma once
#include <cstdint>
#include <filesystem>
#include <weft/device.hpp>
#include <weft/progress.hpp>

namespace weft {

struct CheckOptions {
    std::filesystem::path io; ///< recorded tensors; empty: io.safetensors beside the model
    /// How the prompt is fed: "whole", "step", or a number of tokens at a time. Empty:
    /// whole, 1, 7, 16, 64 and step, one after another; of models whose tokens see those behind them whole, and
    /// "alone": each row by itself.
    std::vector<std::string> prefill;
    WeightType dtype = WeightType::stored;
    CacheType cache = CacheType::f32; ///< others add an error that the tolerances do not count
    ProgressFunction progress;        ///< stages load, then prefill: ways of feeding done; false stops
};

/// One recorded tensor against ours.
struct CheckedTensor {
    std::string name;     ///< "hidden.3", "logits", "greedy"
    double error = 0;     ///< largest absolute difference
    double tolerance = 0; ///< F * noise / std(main output) * std(tensor); greedy: 0 differences
    bool ok = false;
    std::string note; ///< why it was not compared, or where it differs
    bool compared = true;
};

struct CheckRun {
    std::string mode; ///< which of several ways of running the model; empty: it has one
    std::string prefill;
    std::vector<CheckedTensor> tensors; ///< in the order of the layers
    std::string first_wrong;            ///< the first tensor that is off; empty: none
};

struct CheckReport {
    std::string model, architecture, dtype, device;
    std::string cache;                 ///< type of keys and values
    std::vector<std::string> warnings; ///< as Model::warnings(), and what was recorded and is not compared
    std::vector<CheckRun> runs;
    weft_API bool ok() const;
    weft_API std::string json() const;
    /// A table for people: one line a run, and the layers of the first run that is off.
    weft_API std::string text() const;
};

/// The format is that of the recorded cases (input.input_ids, perhaps input.attention_mask; output.logits,
/// output.hidden.i, output.greedy; case.json with the noise beside it). Of a model with several ways of running each
/// that is recorded is run: their names stand before those of their tensors (threshold.input.input_ids).
/// Fails with ErrorCode::unsupported if the architecture is unknown.
weft_API Result<CheckReport> check(const Device& device, const std::filesystem::path& model,
                                   const CheckOptions& options = {});

} // namespace weft
