// SPDX-License-Identifier: Apache-2.0
// Public: what a model is and what it needs, before anything is loaded.
#pragma once
#include <optional>
#include <weft/device.hpp>

namespace weft {

struct InspectOptions {
    uint32_t context = 0; ///< for state and activation memory; 0: as TextModelOptions::context
    WeightType dtype = WeightType::stored;
};

/// One operation: "attention", "4 heads, 2 kv, 16 wide, window 8", and the colour of its box in pictures, 0xrrggbb.
struct InspectedOp {
    std::string name, words;
    uint32_t colour = 0;
};

/// Layers over one kind of rows: "decoder", "tokens of input_ids".
struct InspectedStage {
    std::string name, rows;
    uint32_t width = 0;
    bool once = false; ///< runs before a sequence's first step, not every step
};

/// One block of a layer, or of what stands before or behind the layers.
struct InspectedBlock {
    uint32_t stage = 0; ///< index of its stage
    std::optional<uint32_t> layer;
    std::vector<InspectedOp> ops; ///< side by side
    uint64_t parameters = 0;
    std::vector<std::string> states; ///< "keys in a ring", "convolution", "matrix state"
    uint64_t constant_bytes = 0;     ///< state that does not grow
    uint64_t bytes_per_token = 0;    ///< state for each token, up to `grows_to`
    uint32_t grows_to = 0;           ///< tokens after which it stops growing; 0: never
};

/// One kernel that the model's recordings use.
struct InspectedKernel {
    std::string name, tier, why; ///< why: what this form is for, and which others the device or the build lacks
    uint32_t prefill_calls = 0, decode_calls = 0;
};

/// One weight as the schedule needs it: the tensor that a file beside a hand-written schedule must have.
struct InspectedWeight {
    std::string name;
    std::vector<uint32_t> shape;
    bool computed = false; ///< from the settings: no tensor
};

/// What was made of one key of a model's settings.
struct InspectedKey {
    std::string key;  ///< "rope_scaling.factor", "llama.block_count"
    std::string made; ///< "used", "no effect", "not used"
    std::string why;  ///< of "no effect"
};

struct Inspection {
    std::string path, architecture, device;
    uint32_t vocabulary = 0, width = 0, trained_context = 0, context = 0;
    uint64_t hash = 0; ///< of the schedule: equal for equal models, whatever their weights hold
    uint64_t parameters = 0, weight_bytes = 0, activation_bytes = 0;
    uint64_t state_bytes = 0; ///< of a sequence, and of the recurrent states that a conversation holds to go back to
    std::vector<InspectedStage> stages;
    std::vector<InspectedBlock> blocks;
    std::vector<InspectedKernel> kernels; ///< empty without a device
    std::vector<InspectedWeight> weights;
    std::vector<InspectedKey> keys;    ///< of config.json or of a GGUF file's metadata
    std::vector<std::string> problems; ///< why the model cannot run here; empty: it can
    std::vector<std::string> tensors;  ///< of a lone .safetensors: "name type [shape]"

    std::string text() const, json() const;
    /// The keys as a table.
    std::string keys_text() const;
    /// The weights as a table.
    std::string weights_text() const;
    /// A picture of the schedule: a row a layer, a box a block, and the state's growth with the context.
    std::string svg() const;
};

/// `device` may be null: then there is no support report. A config.json, a schedule file
/// or a .safetensors alone works too.
Result<Inspection> inspect(Device* device, const std::filesystem::path& path, const InspectOptions& options = {});

/// The schedule of a model directory, a config.json or a schedule file as JSON that can be edited and run.
Result<std::string> schedule_text(const std::filesystem::path& path);

/// Forms of kernels that need the same features of a device.
struct KernelTier {
    std::string name;               ///< "core", "f16", ...
    uint32_t forms = 0;             ///< how many
    std::vector<std::string> needs; ///< device features
    bool compiled = true; ///< false: the glslc of this build could not compile them, and `name` is that of the form
};
std::vector<KernelTier> kernel_tiers();

/// "| title | model types | what it exercises |" for every architecture, as a Markdown table.
std::string architecture_table();

} // namespace weft
