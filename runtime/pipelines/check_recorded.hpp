// SPDX-License-Identifier: Apache-2.0
// L6: recorded inputs and outputs of a model, by name.
#pragma once
#include "schedule/session.hpp"
#include <filesystem>
#include <optional>

namespace weft::detail {

/// What case.json says about the recorded numbers; without it, figures typical of small models in f32.
struct Noise {
    double f32 = 5e-5, f16 = 0.02, bf16 = 0.15, std_main = 1;
    double margin = 0; ///< smallest gap between the two best logits along the greedy continuation; 0: unknown
};

/// An input of ids, the real ones of each row; or of pictures.
struct RecordedIds {
    std::string name;
    std::vector<std::vector<uint32_t>> rows; ///< of pictures zeros, as many as they have patches
    std::vector<std::vector<float>> pictures;
    StageId stage = 0;   ///< of pictures
    uint32_t height = 0; ///< of pictures, as their input takes them
    std::vector<uint32_t> widths;
    uint32_t padded = 0; ///< numbers of a row in the file
    Feed::Picture picture(size_t row) const { return {pictures[row], height, widths[row]}; }
    uint32_t longest() const;
    uint32_t all() const;
};

/// A picture among the tokens of a row.
struct RecordedPicture {
    std::vector<float> values; ///< [channels, height, width]
    uint32_t height = 0, width = 0;
    uint32_t row = 0; ///< of the batch
};

/// A recorded tensor, and what of the model it is: an output, or a stage's residual stream.
struct RecordedTensor {
    std::string name;   ///< "hidden.3", "logits"
    std::string output; ///< of that name; empty: a tap
    std::string stage;
    uint32_t index = 0;
    std::vector<float> values;  ///< [rows, padded, columns], or [rows, columns] of what is one a sequence
    bool each_sequence = false; ///< one a sequence
    bool of_pictures = false;   ///< of all pictures, one behind the other
    bool similarity = false;    ///< of Schedule::similarities
    uint32_t rows = 0;          ///< of a sequence in the file
    uint32_t sequences = 0;     ///< in the file: the first of the batch
    PictureRows picture = {};   ///< of what is recorded by places of a picture: without rows of zeros beside it
};

struct Recorded {
    RecordedIds tokens;                ///< of the stages of every step
    std::optional<RecordedIds> memory; ///< of those before the first step: an encoder
    std::vector<RecordedIds> others;   ///< inputs beside the tokens, of the same rows
    std::vector<RecordedPicture> pictures;
    std::vector<RecordedTensor> tensors;
    std::vector<std::vector<uint32_t>> greedy;
    std::vector<std::string> not_compared; ///< outputs in the file that the model does not give
    Noise noise;
};

/// The names of the tensors in the file.
Result<std::vector<std::string>> recorded_names(const std::filesystem::path& io);
/// Of the tensors those whose names begin with `mode` and a dot, if it is not empty.
Result<Recorded> read_recorded(const std::filesystem::path& io, const Schedule& schedule, const std::string& mode = "");

} // namespace weft::detail
