// SPDX-License-Identifier: Apache-2.0
// Public: how fast kernels and models run, against what the device can do.
#pragma once
#include <weft/device.hpp>
#include <weft/progress.hpp>

namespace weft {

/// What the device reaches with the simplest work: the limits that kernels are held against.
struct DevicePeaks {
    double copy_gb_per_s = 0; ///< bytes read plus bytes written
    double gflop_per_s = 0;   ///< fp32 multiply-adds, counted as two
    explicit operator bool() const { return copy_gb_per_s > 0 && gflop_per_s > 0; } ///< false: not measured
};

struct KernelTiming {
    std::string kernel, name, forms; ///< case name; the kernel forms that ran
    double us = 0;                   ///< median of repeated runs, GPU time where the queue has timestamps
    uint64_t bytes = 0, operations = 0;
    double share = 0;  ///< time the work needs at the device's peaks / time taken
    std::string error; ///< why it did not run; empty: it did
};

struct KernelBench {
    std::string device, driver;
    DevicePeaks peaks;
    std::vector<KernelTiming> cases;
    weft_API std::string text() const, json() const;
};
/// Runs the timed cases of the named kernels (none: all). They and this function are in a library of their own,
/// weft::cases, to be linked beside weft::weft. `progress`: stage measure, cases, with their names.
weft_API Result<KernelBench> bench_kernels(const Device& device, const std::vector<std::string>& names,
                                           uint32_t repeats, const ProgressFunction& progress = {});

/// `prompt`: tokens that are read, by encoders too; pictures have the size that the model's config names. `generate`:
/// tokens that are made, where the model makes any. `batch`: sequences, or pictures, at the same time.
struct ModelBenchOptions {
    uint32_t prompt = 256, generate = 64, batch = 1, repeats = 3;
    bool per_layer = false, random_weights = false;
    WeightType dtype = WeightType::stored;
    CacheType cache = CacheType::beside_weights;
    ProgressFunction progress; ///< stages load, then prefill: runs done; false stops
};

struct LayerTiming {
    std::string segment, call;
    double us = 0;
};

/// What a phase must do at least, and how near it comes to the device's peaks.
struct PhaseWork {
    uint64_t bytes = 0;      ///< weights and states, read or written once a step; not activations
    uint64_t operations = 0; ///< multiply-adds of products, attention and recurrences, counted as two
    double share = 0;        ///< time the work needs at the peaks / time taken
};

struct ModelBench {
    std::string model, architecture, device, driver;
    std::string cache; ///< type in which keys and values are held; empty: there are none
    uint64_t parameters = 0, weight_bytes = 0;
    uint32_t prompt = 0, generate = 0, batch = 0;
    bool encodes = false;           ///< what is read comes whole (encoders), and is no beginning of what is made
    uint32_t height = 0, width = 0; ///< of the pictures that are read, of `prompt` patches and class tokens; 0: texts
    double pictures_per_s = 0;
    /// Over all sequences of the batch, median of the repeats.
    double prefill_tokens_per_s = 0, decode_tokens_per_s = 0;
    double host_us_per_token = 0; ///< of decode: wall time not spent waiting for the device
    uint64_t decode_submissions = 0;
    DevicePeaks peaks;
    PhaseWork prefill_work, decode_work; ///< of the whole prefill, with its chunks; of the decode step in the middle
    std::vector<LayerTiming> decode_layers, prefill_layers; ///< per_layer: GPU time of each call
    weft_API std::string text() const, json() const;
};
weft_API Result<ModelBench> bench_model(const Device& device, const std::filesystem::path& model,
                                        const ModelBenchOptions& options);

} // namespace weft
