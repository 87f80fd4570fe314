// SPDX-License-Identifier: Apache-2.0
// L5: what an architecture's file provides, and the words it is written in. One file an architecture;
// the build lists them (registry).
#pragma once
#include "base/json.hpp"
#include "models/gguf_side.hpp"
#include <span>

namespace weft::detail {

/// A multimodal model whose text part is one of an architecture's and treats text as it does alone; its other parts are
/// not read, unless the model has an architecture of its own, which puts them together.
struct Wrapper {
    const char *type, *text_type; ///< the model_type of config.json, and that of its text_config where it has none
    bool tied;                    ///< what the whole model's class takes where config.json does not say
    /// What the class of text_config takes for sizes that a config of its own must have: transformers leaves them out
    /// there where they are these.
    Json sizes;
    std::vector<const char*> unread = {}; ///< keys that only a config of its own has
};

struct KeyUse; // keys.hpp

/// How a picture is written into a text, by special tokens: before, its rows line by line, after.
struct PictureText {
    const char* mark;          ///< stands for a picture in what people and chat templates write
    const char* alone;         ///< what is put before a text that has no mark: it has one
    const char* before = "";   ///< the mark becomes this,
    const char* each;          ///< this for each of its rows: the placeholder,
    const char* line_end = ""; ///< this behind each line of them but the last,
    const char* after = "";    ///< and this
    /// Of one that is cut into pieces: behind each piece of a line but the last, behind each line of pieces, and before
    /// the whole.
    const char *piece_end = "", *pieces_end = "", *whole = "";
};

/// An architecture: from a config to a schedule. The one value that models/NAME.cpp defines:
/// `weft::NAME::architecture`.
struct Architecture {
    std::vector<const char*> model_types; ///< config.json "model_type" values it serves
    const char* title;                    ///< for the table of supported architectures
    const char* traits;                   ///< one line: what the schedule exercises
    Result<Schedule> (*schedule)(const JsonObject& config, const ModelFiles& files);
    std::vector<GgufSide> gguf = {};
    std::vector<Wrapper> text_of = {};
    std::vector<NotRead> keys_not_read = {};    ///< of configs and of GGUF metadata (keys.hpp)
    std::vector<NotRead> tensors_not_read = {}; ///< all others that no slot takes are refused by name
    /// Of a model that sees them among the tokens of a text, or of a tower with which every model writes them so.
    std::optional<PictureText> pictures = {};
    std::vector<GgufTower> towers = {}; ///< of GGUF files beside one with the text (mmproj)
    /// The key under which a config lists the ways of running the model; recordings of several of them have the way's
    /// name before those of their tensors. Empty: there is one way.
    const char* modes = "";
};

/// All architectures, sorted by their first model type.
std::span<const Architecture* const> all_architectures();
/// The architecture of a model_type; nullptr if there is none.
const Architecture* architecture_of(const std::string& type);
/// The schedule for files with a config, or for a schedule file (schedule_json.hpp) in its place. Unknown model types
/// are refused with the list of known ones. `keys`: what was made of each key of the settings; a schedule file has none
/// that is not read.
Result<Schedule> make_schedule(const ModelFiles& files, std::vector<KeyUse>* keys = nullptr);

/// Architecture::modes of the files' model.
std::string modes_key(const ModelFiles& files);
/// How pictures are written for the model; fails (unsupported) where its architecture does not say.
Result<PictureText> picture_text_of(const ModelFiles& files);
Result<PictureText> picture_text_of(const Json& config);

/// The config of the language model: of a multimodal model that of its text part, whatever
/// else it has left out; else the config itself.
Result<Json> language_config(const JsonObject& config);

/// The schedule of a config by its model_type, with the weights' names and shapes of `files`.
Result<Schedule> schedule_of(const JsonObject& config, const ModelFiles& files);
/// The same of a part of a model, to be put together with others (schedule/compose.hpp): not settled yet.
Result<Schedule> part_of(const JsonObject& config, const ModelFiles& files);
/// The files of a model with other parts as its text sees them.
ModelFiles text_part(const ModelFiles& files);

/// Adds weight slots to a schedule. Names are tried in order; a file may lack the prefix its class would give
/// ("model."). A name may be several, "new.weight|old.weight".
class Builder {
public:
    Builder(Schedule& schedule, const ModelFiles& files, std::vector<std::string> prefixes);

    /// True if names and shapes are those of a GGUF file.
    bool gguf() const { return side_; }
    /// True if the file is there; one that is yet to be written has no tensors.
    bool from_gguf() const { return side_ && !files_.tensors().empty(); }
    /// Whether something that a model may have is there: as the config says, but in GGUF files, whose metadata say
    /// nothing of it, each such tensor stands for itself wherever the architecture may have it.
    bool optional(const std::string& name, bool may_have) const { return may_have && (!from_gguf() || has(name)); }
    /// GGUF files have -exp(A_log) where others have A_log, and 1 + w where others have the w of zero-centred norms.
    WeightTransform decay() const { return gguf() ? WeightTransform::none : WeightTransform::negative_exp; }
    WeightTransform centred() const { return gguf() ? WeightTransform::none : WeightTransform::add_one; }

    /// A matrix [out, in], kept in the file's type.
    WeightId matrix(const std::string& name, uint32_t out, uint32_t in);
    /// The same of a file that has it as [in, out].
    WeightId transposed(const std::string& name, uint32_t out, uint32_t in);
    /// Several matrices with the same `in`, one below the other. Each part gives `rows` rows: those of its tensor, or
    /// `taken` of the `of` that the tensor has.
    struct Part {
        std::string name;
        uint32_t rows = 0, of = 0;   ///< of = 0: the tensor has exactly `rows` rows
        RowView taken = {}, to = {}; ///< WeightPiece's rows and to
        bool biased = true;          ///< stacked_linear: false: zeros where the others have a bias
        /// Of each of `groups` groups of `group` rows those from `first` on, `each` of them.
        static Part of_groups(const std::string& name, uint32_t groups, uint32_t group, uint32_t first, uint32_t each) {
            return {name, groups * each, groups * group, rows_of_groups(groups, group, first, each)};
        }
    };
    /// `matrix` false: f32 values, as vector. `alternatives`: other parts that give the same rows.
    WeightId stacked(const std::string& slot, const std::vector<Part>& parts, uint32_t in, bool matrix = true,
                     const std::vector<std::vector<Part>>& alternatives = {});
    /// [count, out, in]: matrices that the file holds in one tensor.
    WeightId stack(const std::string& name, uint32_t count, uint32_t out, uint32_t in);
    /// f32 values; biases, norm weights, conv weights [channels, taps], rows by position.
    WeightId vector(const std::string& name, std::initializer_list<uint32_t> shape,
                    WeightTransform transform = WeightTransform::none);
    /// The pieces of several vectors one after another; in GGUF files zeros for those that are not there.
    WeightId stacked_vector(const std::string& slot, const std::vector<Part>& parts);
    /// Experts as one [E, rows, in] slot: from one tensor an expert ("...experts.{e}.gate_proj.weight": parts with
    /// {e} in their names, stacked within each expert), or from one stacked tensor, or from one of each projection
    /// (all that GGUF has), whichever the file has.
    WeightId experts(const std::string& slot, uint32_t count, const std::vector<Part>& parts_of_one,
                     const std::string& stacked_name, uint32_t in);
    /// f32 values made from the config.
    WeightId computed(const std::string& slot, std::vector<uint32_t> shape, std::vector<float> values);
    /// Rows [rows, as wide as the program's output] that a schedule makes of others, once (weight_program.hpp); its
    /// weights are named as this builder's are. Fails as settle() does.
    Result<WeightId> made(const std::string& slot, uint32_t rows, Schedule program);
    /// y = x W^T (+ b if `bias`): NAME.weight and NAME.bias, which is optional().
    Linear linear(const std::string& name, uint32_t out, uint32_t in, bool bias = false);
    /// The same from several layers NAME.weight (NAME.bias) stacked: fused q, k, v or gate, up. Each bias is
    /// optional().
    Linear stacked_linear(const std::string& slot, const std::vector<Part>& parts, uint32_t in, bool bias = false);
    /// A tensor [out, ...] whose rows are all that an output is made from: a convolution's [out, in, height, width].
    struct Rows {
        std::string name;
        std::vector<uint32_t> shape;
        std::vector<uint64_t> order = {}; ///< WeightPiece's
    };
    /// The layer NAME.weight (NAME.bias, if `bias`) with the BatchNorm `norm` behind it in one, and, where it has a
    /// name, a factor for each of its results: [out, the rest].
    Linear folded(const Rows& layer, const std::string& norm, double eps, bool bias = false,
                  const std::string& scale = "");
    /// The matrix [out, the rest] of NAME.weight under a weight norm along an axis of its shape: under PyTorch's names,
    /// NAME.parametrizations.weight.original0 for the lengths and original1 for the directions, or its former ones,
    /// NAME.weight_g and NAME.weight_v.
    WeightId weight_normed(const Rows& layer, uint32_t axis);
    Norm rms(const std::string& name, uint32_t width, double eps, bool zero_centred = false);
    Norm layer_norm(const std::string& name, uint32_t width, double eps, bool bias = true);

    /// True if the file has this tensor (with any prefix). False for a config alone.
    bool has(const std::string& name) const { return find(name) != nullptr; }
    const TensorView* find(const std::string& name) const;
    std::vector<std::string> names(const std::string& name) const;
    WeightId add(WeightSlot slot);

private:
    WeightId rows(const std::string& slot, const std::string& tensor, const Rows& layer, Rescale rescale);

    Schedule& schedule_;
    const ModelFiles& files_;
    const GgufSide* side_;
    std::vector<GgufName> gguf_names_;
    std::vector<std::string> prefixes_;
};

/// What most decoders share: vocabulary, width, embedding "embed_tokens", final norm and head
/// (tied or "lm_head.weight"). `norm` names the final norm.
struct DecoderNames {
    std::string embedding = "embed_tokens.weight", norm = "norm.weight", head = "lm_head.weight";
};
Status decoder_frame(const JsonObject& config, Builder& builder, Schedule& schedule, double eps, bool tied_default,
                     const DecoderNames& names = {}, bool zero_centred = false);
/// The matrix of a head over the vocabulary, tied: `table` itself, under either name; but a head of other values in the
/// file wins over what the config says.
WeightId head_matrix(Builder& builder, Schedule& schedule, WeightId table, const std::string& table_name,
                     const std::string& head_name, uint32_t width, bool tied);
/// A decoder's stages, with embedding table and head, for a schedule whose vocabulary is set.
void embedding_and_head(Builder& builder, Schedule& schedule, uint32_t width, bool tied,
                        const DecoderNames& names = {});

/// Reads an activation's name ("silu", "gelu_pytorch_tanh", ...).
Result<kernel::Activation> activation_of(const JsonObject& config, const std::string& key,
                                         const std::string& otherwise);

/// Rotary settings from rope_parameters (transformers 5) or rope_theta + rope_scaling (before), for heads of
/// `head_size`. `layer_kind`: key of rope_parameters where it is keyed by layer type. Types: default, linear, dynamic,
/// yarn, longrope, llama3; others are refused by name.
Result<Rope> rope_of(const JsonObject& config, Builder& builder, uint32_t head_size, double default_theta,
                     const std::string& layer_kind = "", double default_partial = 1.0, RopeKind kind = RopeKind::half,
                     uint32_t default_context = 2048);
/// In rotary parameters: what the rotated channels are multiplied with beside what their type asks for. No class of
/// transformers has this; GGUF files do.
inline constexpr const char* kRopeMagnitude = "weft_magnitude";
/// The two halves of rope_of, for models that change something between. First: all that the config says in one object
/// with rope_type, rope_theta, partial_rotary_factor, max_position_embeddings (`default_context` if the config has
/// none) and the type's own keys. Second: frequencies from it. Without `default_partial` heads are rotated whole,
/// whatever the config says.
Result<Json> rope_parameters(const JsonObject& config, double default_theta, const std::string& layer_kind = "",
                             std::optional<double> default_partial = 1.0, uint32_t default_context = 2048);
Result<Rope> rope_from(const JsonObject& parameters, Builder& builder, uint32_t head_size,
                       RopeKind kind = RopeKind::half);
/// A view of what rope_parameters made of this config.
JsonObject rope_view(const JsonObject& config, const Json& parameters, const std::string& layer_kind = "");

/// True for layer i if the config's "layer_types"[i] is one of `kinds`; nullopt if there is no such key.
Result<std::optional<std::vector<std::string>>> layer_types(const JsonObject& config, uint32_t layers);

} // namespace weft::detail
