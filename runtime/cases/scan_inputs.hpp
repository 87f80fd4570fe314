// SPDX-License-Identifier: Apache-2.0
// What the cases of recurrent kernels share: a bucket larger than the step, inputs as slices of one tensor or in
// tensors of their own, and a state of each slot.
#pragma once
#include "cases/case.hpp"
#include <algorithm>
#include <array>
#include <cmath>

namespace weft::detail::kernel {

class ScanInputs {
public:
    /// `apart`: inputs in tensors of their own.
    ScanInputs(CaseContext& ctx, const Sequences& sequences, bool apart)
        : ctx_(ctx), sequences_(sequences), apart_(apart), tokens_(tokens_of(sequences)), slots_(slots_of(sequences)) {}
    uint32_t rows() const { return uint32_t(tokens_) + 5; }

    /// What slices are cut from, [rows, width], from column `lead` on.
    Tensor whole(const std::string& name, uint32_t width, uint32_t lead, std::vector<float> numbers) {
        name_ = name;
        width_ = width;
        at_ = lead;
        return whole_ = input(name, width, std::move(numbers));
    }
    /// The next columns of it.
    Tensor slice(const std::string& name, uint32_t columns) {
        const uint32_t first = at_;
        at_ += columns;
        if (!apart_) return whole_.slice_columns(first, columns);
        std::vector<float> copied;
        for (uint32_t t = 0; t < rows(); ++t)
            for (uint32_t i = 0; i < columns; ++i) copied.push_back(ctx_.data(name_)[size_t(t) * width_ + first + i]);
        return input(name, columns, std::move(copied));
    }
    /// [slots, ...shape]; as it is before the step under "state before".
    Tensor state(const std::array<uint32_t, 3>& shape) {
        const size_t size = size_t(shape[0]) * shape[1] * shape[2];
        std::vector<float> before = ctx_.random().normals(slots_ * size);
        for (const auto& q : sequences_)
            if (q.past == 0 && q.count > 0)
                std::fill_n(before.begin() + long(q.slot * size), size, std::nanf("")); // left by another sequence
        ctx_.input("state before", DType::f32, {slots_, shape[0], shape[1], shape[2]}, before);
        return ctx_.input("state", DType::f32, {slots_, shape[0], shape[1], shape[2]}, before);
    }

private:
    // What lies beyond the step's tokens must not be read: NaN.
    Tensor input(const std::string& name, uint32_t columns, std::vector<float> numbers) {
        std::fill(numbers.begin() + long(tokens_ * columns), numbers.end(), std::nanf(""));
        return ctx_.input(name, DType::f32, {rows(), columns}, std::move(numbers));
    }

    CaseContext& ctx_;
    const Sequences& sequences_;
    bool apart_;
    uint64_t tokens_;
    uint32_t slots_, width_ = 0, at_ = 0;
    std::string name_;
    Tensor whole_;
};

} // namespace weft::detail::kernel
