// SPDX-License-Identifier: Apache-2.0
// L3: what ops read that comes from outside: named tensors. An op that reads one declares it, so that a schedule's
// inputs follow from its ops.
#pragma once
#include "kernels/kinds.hpp"
#include <cstdint>
#include <string>
#include <vector>

namespace weft::detail {

inline constexpr const char *kTokens = "input_ids", *kPixels = "pixel_values", *kSeries = "past_values";

/// How a picture [channels, height, width] is cut into patches, which are rows of a stage from left to right, then
/// down.
struct PatchGrid : kernel::PatchCut {
    /// Where the rows that are no patches stand; `ends`: half of them before the patches, half behind them.
    enum class ExtraAt : uint32_t { first, middle, last, ends };
    /// How a picture's numbers come: row by row, as above; column by column, [channels, width, height], as the frames
    /// of a spectrogram do; as a sound, [channels, width], which is a picture of height 1; or as a series, [2, width,
    /// height]: the values of some channels at one time after another, then 1 where one was observed, else 0. Its rows
    /// are the channels, and patches end where it does.
    enum class Layout : uint32_t { rows, columns, sound, series };
    struct Sides {
        uint32_t height, width;
    };

    uint32_t channels = 0; ///< 0: no pictures
    uint32_t extra = 0;    ///< rows that are no patches: class tokens
    ExtraAt extra_at = ExtraAt::first;
    Layout layout = Layout::rows;
    uint32_t only_down = 0, only_across = 0; ///< patches of the only pictures that it takes; 0: of any size
    uint32_t lead = 0; ///< of each row of patches those at its front that are made of nothing: a channel's class token

    /// The place of each extra row in a sequence with so many patches, in order.
    std::vector<uint32_t> extra_places(uint32_t patches) const;

    uint32_t down(uint32_t height) const { return (height + 2 * pad_y - patch_y) / stride_y + 1; }
    uint32_t across(uint32_t width) const { return lead + (width + 2 * pad_x - patch_x) / stride_x + 1; }
    bool takes(uint32_t height, uint32_t width) const {
        return height + 2 * pad_y >= patch_y && width + 2 * pad_x >= patch_x;
    }
    bool sound() const { return layout == Layout::sound; }
    bool series() const { return layout == Layout::series; }
    /// Columns that patches see, from the first; of a series all count, for they say how it is scaled.
    uint32_t seen_across(uint32_t width) const {
        const uint32_t seen = (across(width) - 1) * stride_x + patch_x;
        return series() || width < seen ? width : seen;
    }
    /// The picture's, of one that comes with so many rows and columns.
    Sides sides(uint32_t rows, uint32_t columns) const {
        return layout == Layout::columns || series() ? Sides{columns, rows} : Sides{rows, columns};
    }
    /// Numbers of a patch.
    uint32_t columns() const { return channels * patch_y * patch_x; }
    /// Numbers of pictures that have so many patches, at most: of each what its patches see, of series also what comes
    /// before the first of a row.
    uint64_t numbers(uint64_t patches) const {
        return (series() ? 2 : 1) * patches * channels * (patch_y > stride_y ? patch_y : stride_y) *
               (patch_x > stride_x ? patch_x : stride_x);
    }
    /// Sizes that counts of numbers can be made of: a patch has at most 2^24, and no side is larger than 2^16.
    bool sane() const {
        for (const uint32_t n : {channels, patch_y, patch_x, stride_y, stride_x})
            if (n == 0 || n > (1u << 16)) return false;
        return pad_y < patch_y && pad_x < patch_x && extra <= (1u << 16) &&
               uint64_t(channels) * patch_y <= (uint64_t(1) << 24) / patch_x &&
               uint64_t(channels) * stride_y <= (uint64_t(1) << 24) / stride_x;
    }
    bool operator==(const PatchGrid&) const = default;
};

/// Numbers for the rows of a stage: one for every row, or pictures.
struct Input {
    std::string name;
    uint32_t stage = 0;  ///< whose rows
    uint32_t limit = 0;  ///< of numbers: they are below it, rows of the smallest table that is looked into
    PatchGrid grid = {}; ///< of pictures
    bool pictures() const { return grid.channels > 0; }
};

/// Where ops declare what they read.
class Inputs {
public:
    /// Those that follow are read by ops of this stage.
    void at(uint32_t stage) { stage_ = stage; }
    void ids(const std::string& name, uint32_t limit);
    void pictures(const std::string& name, const PatchGrid& grid);
    std::vector<Input> take() { return std::move(all_); }

private:
    std::vector<Input> all_;
    uint32_t stage_ = 0;
};

} // namespace weft::detail
