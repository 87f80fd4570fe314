// SPDX-License-Identifier: Apache-2.0
// L0: the files of a model: which weights, configuration and tokenizer a path means,
// opened and checked against each other.
#pragma once
#include "base/json.hpp"
#include "io/gguf.hpp"
#include "io/safetensors.hpp"
#include <memory>

namespace weft::detail {

/// What a part of a model has before the names of its tensors: the whole's, in the order in which they are tried, where
/// the part alone would have what `own` says. The first rule counts whose `own` a prefix begins with.
struct NameScope {
    struct Rule {
        std::string own;
        std::vector<std::string> whole;
    };
    std::vector<Rule> rules; ///< none: the part is the whole

    std::vector<std::string> of(const std::string& prefix) const;
};

/// What a path given by a user holds. Immutable, so any number of threads may read it.
/// Copies share the files; moving and copying keep every view valid.
///
/// The path is one of
/// - a directory as on the Hugging Face hub. Weights: model.safetensors, else the shards of
///   model.safetensors.index.json, else the only *.safetensors there is; other safetensors files beside them are
///   ignored. config.json and the other files are taken if present.
/// - a .safetensors file: that file alone, without configuration.
/// - a GGUF file, known by its first bytes, or one of the parts of a split one: weights, with metadata instead of a
///   configuration.
/// - a .json file: that configuration alone, without weights.
class ModelFiles {
public:
    static Result<ModelFiles> open(const std::filesystem::path& path);

    /// A configuration in memory, as if read from the file `origin`. Must be an object.
    static Result<ModelFiles> from_config(Json config, const std::string& origin);

    /// A GGUF file that is open already, whatever its name.
    static ModelFiles from_gguf(GgufFile file);

    /// config.json, an object; absent for weights alone.
    const std::optional<Json>& config() const { return config_.json; }
    /// The path of config.json, for messages and for JsonObject.
    const std::string& config_origin() const { return config_.origin; }
    /// generation_config.json, an object.
    const std::optional<Json>& generation_config() const { return generation_config_.json; }
    const std::string& generation_config_origin() const { return generation_config_.origin; }
    /// A file of the directory such as "tokenizer.json", if it is there. Nothing for a path that was not a directory.
    std::optional<std::filesystem::path> file(const std::string& name) const;
    std::optional<std::filesystem::path> tokenizer() const { return file("tokenizer.json"); }
    std::optional<std::filesystem::path> tokenizer_config() const { return file("tokenizer_config.json"); }

    /// The metadata of a GGUF file; nullptr for what is none.
    const GgufMetadata* gguf() const { return ggufs_->empty() ? nullptr : &ggufs_->front().metadata(); }

    /// A GGUF file with another beside it (mmproj), which holds the tower that sees pictures. An empty `path`: the only
    /// mmproj*.gguf in the model's folder; fails (not_found) where there is none, or where there are several.
    Result<ModelFiles> with_mmproj(const std::filesystem::path& path) const;
    /// That file's metadata; nullptr where there is none.
    const GgufMetadata* mmproj() const { return sees_ ? &mmproj_->metadata() : nullptr; }
    /// Whether nobody named it.
    bool found_mmproj() const { return mmproj() && found_; }
    /// The same files for what is the text's.
    ModelFiles without_mmproj() const;

    /// The tensor of that name in any shard, or nullptr.
    const TensorView* find(std::string_view name) const;
    /// Of a tensor that find() does not find although the index of the shards names it: what the index says; else "".
    std::string promised(const std::string& name) const;
    /// All tensors as the files have them, shard after shard, each in the order of its bytes. find() gives numbers
    /// together with their scales (NAME_scale_inv of 8-bit floats;
    /// NAME_blocks and NAME_scales as NAME).
    std::span<const TensorView* const> tensors() const { return tensors_; }
    /// The names that tensors() has for what find() gave: one, or numbers and scales.
    std::vector<std::string> parts_of(const TensorView& tensor) const;
    /// MappedFile's advice, for whichever file has these bytes.
    void read_now(std::span<const std::byte> bytes) const;
    void let_go(std::span<const std::byte> bytes) const;
    /// The bytes of all tensors together.
    uint64_t total_bytes() const { return total_bytes_; }
    /// The safetensors files: one, several shards in the order of their names, or none.
    std::span<const SafetensorsFile> shards() const { return *shards_; }
    /// The same files as a part of the model sees them.
    ModelFiles part(NameScope scope) const;
    /// The same files with another config.json, of the same origin.
    ModelFiles with_config(Json config) const;
    const NameScope& scope() const { return scope_; }
    /// The path as given.
    const std::string& origin() const { return origin_; }

private:
    struct Document {
        std::optional<Json> json;
        std::string origin;
        Status read(const std::filesystem::path& path);
        Status set(Json value, const std::string& from);
    };

    ModelFiles() = default;
    Status open_directory();
    Status open_shards(const std::filesystem::path& index_path);
    Status add_tensors(const std::map<std::string, std::string>& shard_of);
    void index_tensors();
    Status join_scales();

    std::string origin_;
    std::filesystem::path directory_; // empty for a lone file
    Document config_, generation_config_;
    std::shared_ptr<std::vector<SafetensorsFile>> shards_ = std::make_shared<std::vector<SafetensorsFile>>();
    std::map<std::string, std::string> absent_; // tensors that the index puts into shards which lack them
    std::string index_origin_;
    std::shared_ptr<std::vector<GgufFile>> ggufs_ = std::make_shared<std::vector<GgufFile>>();
    std::shared_ptr<const GgufFile> mmproj_;
    bool sees_ = false, found_ = false;                     // it counts; it was looked for
    std::vector<std::shared_ptr<const TensorView>> joined_; // with scales
    std::vector<const TensorView*> tensors_, by_name_;      // by_name_ is sorted
    uint64_t total_bytes_ = 0;
    NameScope scope_;
};

} // namespace weft::detail
