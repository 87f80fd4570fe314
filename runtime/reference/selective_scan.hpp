// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/selective_scan in double precision: the recurrence of Mamba-1 (Gu & Dao 2023, equation 2a, 2b),
// one channel of one sequence at a time.
// Beside each value runs a bound of how far 32-bit arithmetic with the precision that Vulkan demands may be off.
#pragma once
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

namespace weft::reference {
using namespace detail;

struct ScanValue {
    double value = 0;
    double error = 0; ///< bound of a 32-bit result's error
};

/// log(1 + e^x) of the 32-bit sum x. exp is off by 3 + 2|x| units in the last place, each two roundoffs;
/// the sum x itself by one roundoff.
inline ScanValue softplus_bounded(double x) {
    constexpr double eps = 0x1p-24;
    const double e = std::exp(-std::abs(x)), value = std::max(x, 0.0) + std::log1p(e);
    return {value, 2 * eps * (3 + 2 * std::abs(x)) * e + 8 * eps * value + eps * std::abs(x) / (1 + std::exp(-x))};
}

inline ScanValue silu_bounded(double x) {
    constexpr double eps = 0x1p-24;
    const double e = std::exp(-x), value = x / (1 + e);
    return {value, std::abs(value) * 2 * eps * ((3 + 2 * std::abs(x)) * e / (1 + e) + 4)};
}

/// One channel. `h` holds its N states on entry (with errors) and on return.
class SelectiveChannel {
public:
    SelectiveChannel(std::vector<double> a, double d, std::vector<ScanValue> h)
        : a_(std::move(a)), d_(d), h_(std::move(h)) {
        for (const ScanValue& s : h_) size_.push_back(std::abs(s.value));
    }

    /// One token: y before the gate. `dt` after bias and softplus.
    ScanValue step(double x, ScanValue dt, const float* b, const float* c) {
        constexpr double eps = 0x1p-24;
        double y = d_ * x, size = std::abs(y), error = 0;
        for (size_t n = 0; n < a_.size(); ++n) {
            // exp(dt A) is computed as exp2(dt (A log2 e)): 3 roundings in the argument, and 3 + 2|argument|
            // units in the last place of exp2.
            const double argument = std::abs(dt.value * a_[n]), decay = std::exp(dt.value * a_[n]),
                         input = dt.value * b[n] * x;
            const double decay_error = decay * (std::abs(a_[n]) * dt.error + 3 * eps * argument +
                                                2 * eps * (3 + 2 * std::numbers::log2e * argument));
            h_[n].error = decay * h_[n].error + decay_error * size_[n] + std::abs(b[n] * x) * dt.error +
                          3 * eps * std::abs(input);
            h_[n].value = decay * h_[n].value + input;
            size_[n] = decay * size_[n] + std::abs(input); // what was added up, had nothing cancelled
            h_[n].error += 2 * eps * size_[n];
            y += c[n] * h_[n].value;
            size += std::abs(c[n]) * size_[n];
            error += std::abs(c[n]) * h_[n].error;
        }
        return {y, error + (double(a_.size()) + 3) * eps * size + kTiny};
    }
    const std::vector<ScanValue>& states() const { return h_; }

    /// Numbers below the normal 32-bit ones may be flushed to zero.
    static constexpr double kTiny = 0x1p-100;

private:
    std::vector<double> a_;
    double d_;
    std::vector<ScanValue> h_;
    std::vector<double> size_;
};

/// A, then d, then the bias of all channels, as the kernel takes them; `all` must outlive it.
struct ChannelParameters {
    std::span<const float> all;
    size_t channels, states;
    std::vector<double> a(size_t channel) const {
        return {all.begin() + long(channel * states), all.begin() + long((channel + 1) * states)};
    }
    double d(size_t channel) const { return all[channels * states + channel]; }
    float bias(size_t channel) const { return all[channels * (states + 1) + channel]; }
};

} // namespace weft::reference
