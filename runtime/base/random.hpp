// SPDX-License-Identifier: Apache-2.0
// L0: random numbers for data that is made up: the same on every machine and standard library.
#pragma once
#include <cstdint>
#include <random>
#include <vector>

namespace weft::detail {

class Random {
public:
    explicit Random(uint64_t seed) : engine_(seed) {}
    /// Its lists are zeros: for who wants only their sizes.
    static Random of_zeros() {
        Random random(0);
        random.lists_ = false;
        return random;
    }
    uint32_t below(uint32_t n) { return uint32_t(engine_() % n); }
    double uniform(double low, double high) { return low + (high - low) * double(engine_() >> 11) * 0x1p-53; }
    /// Approximately normal (sum of twelve uniforms), mean 0.
    double normal(double deviation) {
        double sum = -6;
        for (int i = 0; i < 12; ++i) sum += uniform(0, 1);
        return sum * deviation;
    }
    std::vector<float> uniforms(size_t n, double low, double high) {
        std::vector<float> v(n);
        for (size_t i = 0; i < n && lists_; ++i) v[i] = float(uniform(low, high));
        return v;
    }
    std::vector<float> normals(size_t n, double deviation = 1) {
        std::vector<float> v(n);
        for (size_t i = 0; i < n && lists_; ++i) v[i] = float(normal(deviation));
        return v;
    }

private:
    std::mt19937_64 engine_;
    bool lists_ = true;
};

} // namespace weft::detail
