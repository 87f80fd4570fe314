// SPDX-License-Identifier: Apache-2.0
// Public: what a model is and what it needs, before anything is loaded.
#pragma once
#include <optional>
#include <variant>
#include <weft/device.hpp>

namespace weft {

struct InspectOptions {
    uint32_t context = 0; ///< for state and activation memory; 0: as SequenceOptions::context
    WeightType dtype = WeightType::stored;
    CacheType cache = CacheType::beside_weights;
    /// Build the pipelines of the model's programs, and ask the driver's compiler about them: the device must have been
    /// opened with DeviceOptions::report_pipelines. Takes the seconds that compiling takes.
    bool pipelines = false;
};

/// One field of an op: "heads" and 4, "rope.kind" and "half"; the names are those of schedule files.
struct InspectedField {
    std::string name;
    std::variant<bool, int64_t, double, std::string> value;
};

/// One operation: "attention", its fields, and for people: "4 heads, 2 kv, 16 wide, window 8", and the colour of its
/// box in pictures, 0xrrggbb.
struct InspectedOp {
    std::string name;
    std::vector<InspectedField> fields;
    std::string words;
    uint32_t colour = 0;
};

/// Layers over one kind of rows.
struct InspectedStage {
    /// What a row is: of an input a token or a patch of a picture; of another stage's rows those that are asked for,
    /// the first, the last or the mean of each sequence, those beside its patches, rectangles of down x across, its
    /// patches and zeros that make its sides multiples of these, or one token of each sequence.
    enum class Rows { tokens, patches, wanted, first, last, mean, extra, merged, padded, marked };
    /// Every step; before a sequence's first; whenever there are pictures.
    enum class When { every_step, once, given };
    std::string name;
    Rows rows = Rows::tokens;
    std::string of; ///< name of the input, or of the other stage
    uint32_t down = 1, across = 1;
    uint32_t width = 0;
    When when = When::every_step;
};

/// The rows of a stage cut into windows of a picture, or in another order: by rows, by columns, every other one
/// backwards; or those of them that were chosen on the device.
struct InspectedView {
    enum class Order { windows, rows, columns, snake, snake_columns, routed };
    std::string name;
    Order order = Order::windows;
    uint32_t window = 0, shift = 0; ///< windows
    bool mirrored = false;          ///< as if left were right
    bool reversed = false;          ///< the whole of it backwards
};

/// What an op keeps of a sequence between steps.
struct InspectedState {
    /// One value that every token moves on; a row a token; a ring of rows; a row a token of another stage.
    enum class Law { constant, rows, ring, memory };
    std::string name; ///< "keys", "convolution"
    Law law = Law::constant;
    uint64_t bytes = 0;    ///< of the value, or of one row
    uint32_t capacity = 0; ///< rows, at most
};

/// One block of a layer, or of what stands before or behind the layers.
struct InspectedBlock {
    uint32_t stage = 0; ///< index of its stage
    std::optional<uint32_t> layer;
    std::optional<InspectedView> view; ///< in which it sees its rows; none: as they are
    std::vector<InspectedOp> ops;      ///< side by side
    uint64_t parameters = 0;
    std::vector<InspectedState> states; ///< that no block before it has
};

/// One kernel that the model's recordings use.
struct InspectedKernel {
    std::string name, tier, why; ///< why: what this form is for, and which others the device or the build lacks
    uint32_t prefill_calls = 0, decode_calls = 0;
};

/// One pipeline that the model's programs use, and what the driver's compiler says of it: nothing where it does not.
struct InspectedPipeline {
    struct Constant {
        std::string name;
        uint32_t value;
    };
    std::string kernel, tier;
    std::vector<Constant> constants; ///< that its form is specialized with: shapes of tiles, flags
    std::vector<uint32_t> calls;     ///< in each of Inspection::programs
    uint32_t subgroup_size = 0;
    std::optional<uint64_t> registers;    ///< of a thread
    std::optional<uint64_t> spills;       ///< registers, or stores and loads, beyond the register file
    std::optional<uint64_t> scratch;      ///< bytes of memory of a thread
    std::optional<uint64_t> shared_bytes; ///< of a workgroup
    std::optional<uint64_t> waves;        ///< subgroups side by side on a unit of the processor
    std::optional<uint64_t> instructions;
    std::optional<uint64_t> cycles;      ///< of one pass, as the compiler estimates
    std::vector<InspectedField> numbers; ///< all that it says, under the driver's own names
};

/// One weight as the schedule needs it: the tensor that a file beside a hand-written schedule must have.
struct InspectedWeight {
    std::string name;
    std::vector<uint32_t> shape;
    bool computed = false; ///< from the settings: no tensor
};

/// What was made of one key of a model's settings.
struct InspectedKey {
    enum class Made { used, no_effect, unused };
    std::string key; ///< "rope_scaling.factor", "llama.block_count"
    Made made = Made::used;
    std::string why; ///< of no_effect
};

/// One tensor of a lone file of weights.
struct InspectedTensor {
    std::string name, type;
    std::vector<uint64_t> shape;
};

struct Inspection {
    std::string path, architecture, device;
    uint32_t vocabulary = 0, width = 0, trained_context = 0, context = 0;
    uint64_t hash = 0; ///< of the schedule: equal for equal models, whatever their weights hold
    uint64_t parameters = 0, weight_bytes = 0, activation_bytes = 0;
    std::string cache;        ///< type in which keys and values are held; empty: there are none
    uint64_t state_bytes = 0; ///< of a sequence; a conversation holds some recurrent states more, to go back to
    std::vector<InspectedStage> stages;
    std::vector<InspectedBlock> blocks;
    std::vector<InspectedKernel> kernels; ///< empty without a device
    std::vector<std::string> programs;    ///< "decode 1", "prefill 256": with InspectOptions::pipelines
    std::vector<InspectedPipeline> pipelines;
    std::vector<InspectedWeight> weights;
    std::vector<InspectedKey> keys;       ///< of config.json or of a GGUF file's metadata
    std::vector<std::string> problems;    ///< why the model cannot run here; empty: it can
    std::vector<InspectedTensor> tensors; ///< of a lone .safetensors

    weft_API std::string text() const, json() const;
    /// The keys as a table.
    weft_API std::string keys_text() const;
    /// The weights as a table.
    weft_API std::string weights_text() const;
    /// The pipelines as a table.
    weft_API std::string pipelines_text() const;
    /// A picture of the schedule: a row a layer, a box a block, and the state's growth with the context.
    weft_API std::string svg() const;
};

/// `device` may be null: then there is no support report. A config.json, a schedule file
/// or a .safetensors alone works too.
weft_API Result<Inspection> inspect(const Device* device, const std::filesystem::path& path,
                                    const InspectOptions& options = {});

/// The schedule of a model directory, a config.json or a schedule file as JSON that can be edited and run.
weft_API Result<std::string> schedule_text(const std::filesystem::path& path);

/// Forms of kernels that need the same features of a device.
struct KernelTier {
    std::string name;   ///< "core", "subgroup", ...
    uint32_t forms = 0; ///< how many
    DeviceFeatures needs;
    bool compiled = true; ///< false: the glslc of this build could not compile them, and `name` is that of the form
};
weft_API std::vector<KernelTier> kernel_tiers();

/// "| title | model types | what it exercises |" for every architecture, as a Markdown table.
weft_API std::string architecture_table();

} // namespace weft
