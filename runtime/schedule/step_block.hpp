// SPDX-License-Identifier: Apache-2.0
// L4: the step block: all that the host tells a step, in one piece of memory, so that writing it is one copy.
#pragma once
#include "kernels/sample.hpp"
#include "schedule/session_options.hpp"

namespace weft::detail {

/// What a step gets of one sequence.
struct StepFeed {
    kernel::StepSequence row; ///< but for `first`
    std::span<const uint32_t> ids;
    /// Of stages of patches: where the picture's numbers begin in the input, and its size.
    struct Picture {
        uint32_t first = 0, height = 0, width = 0;
    } picture = {};
    /// Of stages with a placeholder: each row's place among those of all memories. Empty: none has one.
    std::vector<uint32_t> places = {};
    /// Of stages with several axes: positions along each, axis by axis.
    std::vector<uint32_t> axes = {};
    /// Of other inputs than that which counts the rows, by number in Schedule::inputs; zeros where there are none.
    std::vector<std::pair<size_t, std::span<const uint32_t>>> others = {};
};

class StepBlock {
public:
    /// Room for the largest steps of such a session.
    StepBlock(const Schedule& schedule, const SessionOptions& options);

    uint64_t bytes() const { return image_.size(); }
    /// Where in `memory` (bytes() long) each part lies.
    void place(const vk::Slice& memory, SessionBuffers& buffers) const;

    /// The block for a step of the stages that run in the bucket. `wanted`: rows of the tokens that outputs are of.
    void fill(const Bucket& bucket, std::span<const StepFeed> feeds, std::span<const uint32_t> wanted);
    void set_sampler(uint32_t slot, const kernel::SamplerRow& row);
    void set_ends(std::span<const uint32_t> ends);
    std::span<const std::byte> image() const { return image_; }

private:
    struct Part {
        uint64_t at = 0, bytes = 0;
    };
    struct StepParts {
        Part sequences, token_sequence, positions, pictures, kinds, places, sides, index, inverse;
    };
    Part part(uint64_t bytes);
    template <class T>
    void put(const Part& part, std::span<const T> values, size_t first = 0);
    void fill(uint32_t step, std::span<const kernel::StepSequence> rows, std::span<const uint32_t> positions,
              std::span<const uint32_t> owner, uint32_t outputs);
    void fill_own(StageId id, const Bucket& bucket, std::span<const StepFeed> feeds, uint32_t outputs);
    void vacate(StageId id, uint32_t first, uint32_t last);
    void fill_patches(StageId id, const PatchGrid& grid, std::span<const StepFeed> feeds, uint32_t rows);
    void fill_places(StageId id, std::span<const StepFeed> feeds, uint32_t rows);
    void put_axes(StageId id, std::span<const std::vector<uint32_t>> axes, uint32_t rows);
    void fill_merged(StageId id, std::span<const StepFeed> feeds);
    void fill_sides(StageId id, std::span<const StepFeed> feeds);
    void fill_view(StageId id, ViewId view, std::span<const StepFeed> feeds);
    PictureRows rows_of(StageId id, const StepFeed& feed) const;
    void fill_picked(StageId id, std::span<const StepFeed> feeds, std::span<const uint32_t> wanted);

    const Schedule& schedule_;
    std::vector<std::byte> image_;
    Part headers_, samplers_, ends_;
    std::vector<StepParts> steps_;
    std::vector<Part> inputs_;
};

} // namespace weft::detail
