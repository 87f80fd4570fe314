// SPDX-License-Identifier: Apache-2.0
// L1: Tensor, a typed view of a resource of a Program. Plain data; owns nothing.
#pragma once
#include "base/check.hpp"
#include "base/dtype.hpp"
#include <array>
#include <cstdint>
#include <initializer_list>

namespace weft::detail::vk {

/// A matrix-like view: shape [.., rows, columns] with unit column stride. `resource` indexes the Program that made it.
/// A view of some columns of a wider tensor keeps the wide row stride; kernels that can read such a view
/// take `stride` and `start` as push constants, the others check contiguous(). Of a type in blocks,
/// columns, stride and start are whole blocks.
struct Tensor {
    static constexpr uint32_t kNone = ~0u;

    uint32_t resource = kNone;
    uint64_t offset = 0; ///< bytes from the start of the resource; a multiple of kAlignment
    DType dtype = DType::f32;
    uint32_t rank = 0;
    std::array<uint32_t, 4> shape{}; ///< outermost first
    uint32_t stride = 0;             ///< elements from one row to the next
    uint32_t start = 0;              ///< elements from `offset` to the first element

    /// Offsets of buffers bound to shaders are multiples of this on every Vulkan device
    /// (the largest minStorageBufferOffsetAlignment allowed).
    static constexpr uint64_t kAlignment = 256;

    bool operator==(const Tensor&) const = default;
    explicit operator bool() const { return resource != kNone; }
    uint32_t columns() const { return rank ? shape[rank - 1] : 1; }
    uint64_t rows() const {
        uint64_t n = 1;
        for (uint32_t i = 0; i + 1 < rank; ++i) n *= shape[i];
        return n;
    }
    uint64_t count() const { return rows() * columns(); }
    bool contiguous() const { return stride == columns() && start == 0; }
    /// Bytes from `offset` that the view may touch.
    uint64_t bytes() const {
        return count() == 0 ? 0 : storage_bytes(dtype, (rows() - 1) * stride + start + columns());
    }

    /// Columns [first, first + count) of every row, still in place.
    Tensor slice_columns(uint32_t first, uint32_t count) const {
        weft_CHECK(first + count <= columns(), "a column slice must lie inside the tensor");
        Tensor t = *this;
        t.shape[rank - 1] = count;
        t.start += first;
        return t;
    }
    /// Rows [first, first + count) of a rank-2 tensor; the first must start on kAlignment.
    Tensor slice_rows(uint32_t first, uint32_t count) const {
        weft_CHECK(rank == 2 && first + count <= shape[0], "a row slice must lie inside the matrix");
        Tensor t = *this;
        t.shape[0] = count;
        t.offset += bytes_of(dtype, uint64_t(first) * stride);
        weft_CHECK(t.offset % kAlignment == 0, "a row slice must start on the alignment of bound buffers");
        return t;
    }
    /// Rows from `first` on of a rank-2 tensor, still in place.
    Tensor from_row(uint32_t first) const {
        weft_CHECK(rank == 2 && first <= shape[0], "rows must begin inside the matrix");
        Tensor t = *this;
        t.shape[0] -= first;
        t.start += first * stride;
        return t;
    }
    /// The same elements under another shape; only of a contiguous tensor.
    Tensor reshape(std::initializer_list<uint32_t> to) const {
        weft_CHECK(contiguous(), "only a contiguous tensor can be reshaped");
        Tensor t = *this;
        t.rank = 0;
        t.shape = {};
        for (uint32_t n : to) t.shape[t.rank++] = n;
        t.stride = t.columns();
        weft_CHECK(t.count() == count(), "a reshape keeps the number of elements");
        return t;
    }
};

} // namespace weft::detail::vk
