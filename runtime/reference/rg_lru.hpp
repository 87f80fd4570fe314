// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/rg_lru in double precision: the recurrence of RG-LRU (De et al. 2024, Griffin, equations 1 to
// 4), one channel of one sequence at a time, and beside each value a bound of how far 32-bit arithmetic with the
// precision that Vulkan demands may be off.
#pragma once
#include "reference/selective_scan.hpp"
#include <algorithm>

namespace weft::reference {

/// 1 / (1 + e^-x); exp is off by 3 + 2|x| units in the last place, each two roundoffs.
inline ScanValue sigmoid_bounded(double x) {
    constexpr double eps = 0x1p-24;
    const double value = 1 / (1 + std::exp(-x));
    return {value, value * (1 - value) * 2 * eps * (3 + 2 * std::abs(x)) + 8 * eps * value};
}

class RgLruChannel {
public:
    RgLruChannel(double rate, double h, bool past)
        : h_{h, 0}, size_(std::abs(h)), past_(past), softplus_(softplus_bounded(rate)) {}

    ScanValue step(double x, double gate_i, double gate_r) {
        constexpr double eps = 0x1p-24;
        const ScanValue r = sigmoid_bounded(gate_r), i = sigmoid_bounded(gate_i);
        const double d = 8 * r.value * softplus_.value,
                     d_error = 8 * (r.value * softplus_.error + r.error * softplus_.value) + 4 * eps * d,
                     decay = std::exp(-d), decay_error = decay * (d_error + 2 * eps * (3 + 2 * d)),
                     power = -std::expm1(-2 * d),
                     power_error = std::min(1.0, 2 * decay * decay * d_error) + 16 * eps * power +
                                   (d > 0.1 ? 2 * eps * (3 + 4 * d) * decay * decay : 0);
        ScanValue root{std::sqrt(power), 0};
        root.error = (root.value > 0 ? power_error / root.value : 0) + 8 * eps * root.value;
        if (!past_) root = {1, 0};
        past_ = true;
        const double input = root.value * i.value * x,
                     input_error =
                         std::abs(x) * (root.error * i.value + root.value * i.error) + 4 * eps * std::abs(input);
        h_.error = decay * h_.error + decay_error * size_ + input_error;
        h_.value = decay * h_.value + input;
        size_ = decay * size_ + std::abs(input);
        h_.error += 4 * eps * size_;
        return {h_.value, h_.error + SelectiveChannel::kTiny};
    }
    ScanValue state() const { return {h_.value, h_.error + SelectiveChannel::kTiny}; }

private:
    ScanValue h_;
    double size_; // what was added up, had nothing cancelled
    bool past_;
    ScanValue softplus_;
};

} // namespace weft::reference
