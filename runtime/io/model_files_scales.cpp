// SPDX-License-Identifier: Apache-2.0
// Tensors whose numbers and scales a checkpoint has apart: 8-bit floats with a scale for each block of a matrix
// (DeepSeek-V3's layout), and MXFP4 (gpt-oss's).
#include "io/model_files.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

constexpr std::string_view kScaleInverse = "_scale_inv", kScale = "_scale", kBlocks = "_blocks", kScales = "_scales";

// quantization_config.weight_block_size; 128 by 128 where the config does not say.
Result<std::pair<uint32_t, uint32_t>> block_size(const std::optional<Json>& config, const std::string& origin) {
    std::pair<uint32_t, uint32_t> size{128, 128};
    if (!config) return size;
    const JsonObject c(*config, origin);
    if (!c.has("quantization_config")) return size;
    weft_ASSIGN(const JsonObject q, c.object("quantization_config"));
    if (!q.has("weight_block_size")) return size;
    weft_ASSIGN(const auto numbers, q.numbers("weight_block_size"));
    if (numbers.size() != 2 || !(numbers[0] >= 1 && numbers[0] < 1 << 30) || !(numbers[1] >= 1 && numbers[1] < 1 << 30))
        return q.bad("weight_block_size", "must be two sizes, of rows and of columns");
    return std::pair{uint32_t(numbers[0]), uint32_t(numbers[1])};
}

uint64_t blocks_in(uint64_t size, uint64_t block) { return (size + block - 1) / block; }

} // namespace

std::vector<std::string> ModelFiles::parts_of(const TensorView& tensor) const {
    if (!tensor.scales) return {tensor.name};
    return {tensor.type == FileType::mxfp4 ? tensor.name + std::string(kBlocks) : tensor.name, tensor.scales->name};
}

Status ModelFiles::join_scales() {
    const auto bad = [&](const TensorView& t, const std::string& rule) {
        return Error{ErrorCode::malformed, origin_ + ": tensor " + in_quotes(t.name) + ": " + rule, {}};
    };
    std::optional<std::pair<uint32_t, uint32_t>> block;
    for (const TensorView* t : tensors_) {
        if (t->type == FileType::f8_e4m3) {
            const TensorView* scales = find(t->name + std::string(kScaleInverse));
            // What compressed-tensors and ModelOpt call the same: the number times this is meant.
            if (!scales) scales = find(t->name + std::string(kScale));
            if (!scales) continue;
            if (!block) {
                weft_ASSIGN(block, block_size(config_.json, config_.origin));
            }
            if (t->shape.size() < 2) return bad(*t, "has scales, so it must be a matrix");
            const uint64_t rows = t->shape[t->shape.size() - 2], columns = t->shape.back();
            auto [high, wide] = *block;
            auto each_row = t->shape;
            each_row.back() = 1;
            if (scales->count() == 1) { // one for all
                high = uint32_t(std::min<uint64_t>(rows, ~0u));
                wide = uint32_t(std::min<uint64_t>(columns, ~0u));
            } else if (scales->shape == each_row) {
                high = 1;
                wide = uint32_t(std::min<uint64_t>(columns, ~0u));
            }
            auto expected = t->shape;
            expected[expected.size() - 2] = blocks_in(rows, high);
            expected.back() = blocks_in(columns, wide);
            const uint64_t matrices = rows && columns ? t->count() / (rows * columns) : 0;
            if (scales->count() != matrices * blocks_in(rows, high) * blocks_in(columns, wide) ||
                (scales->count() > 1 && scales->shape != expected))
                return bad(*scales, "has shape " + shape_text(scales->shape) + "; a scale for each " +
                                        std::to_string(high) + " x " + std::to_string(wide) + " elements makes " +
                                        shape_text(expected));
            if (scales->type != FileType::f32 && scales->type != FileType::bf16 && scales->type != FileType::f16)
                return bad(*scales,
                           std::string("is of type ") + name_of(scales->type) + "; scales must be F32, F16 or BF16");
            TensorView joined = *t;
            joined.scales = scales;
            joined.scale_rows = high;
            joined.scale_columns = wide;
            joined_.push_back(std::make_shared<const TensorView>(std::move(joined)));
        } else if (t->type == FileType::u8 && t->name.ends_with(kBlocks)) {
            const std::string name = t->name.substr(0, t->name.size() - kBlocks.size());
            const TensorView* scales = find(name + std::string(kScales));
            if (!scales || scales->type != FileType::u8 || find(name)) continue;
            if (t->shape.size() < 2 || t->shape.back() != 16)
                return bad(*t, "has shape " + shape_text(t->shape) +
                                   "; the last dimension must be 16, the bytes of 32 elements");
            if (!std::equal(t->shape.begin(), t->shape.end() - 1, scales->shape.begin(), scales->shape.end()))
                return bad(*scales, "has shape " + shape_text(scales->shape) + "; it must be that of the blocks, " +
                                        shape_text(t->shape) + ", without the last dimension");
            TensorView joined{name, FileType::mxfp4, {t->shape.begin(), t->shape.end() - 1}, t->bytes, scales};
            joined.shape.back() *= 32;
            joined_.push_back(std::make_shared<const TensorView>(std::move(joined)));
        }
    }
    for (const auto& joined : joined_) {
        const auto at = std::lower_bound(by_name_.begin(), by_name_.end(), joined->name,
                                         [](const TensorView* t, const std::string& key) { return t->name < key; });
        if (at != by_name_.end() && (*at)->name == joined->name) *at = joined.get();
        else by_name_.insert(at, joined.get());
    }
    return Ok{};
}

} // namespace weft::detail
