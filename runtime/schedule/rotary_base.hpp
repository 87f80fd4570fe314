// SPDX-License-Identifier: Apache-2.0
// L4: rotary frequencies that are powers of one base, the usual case, which a schedule file gives as "theta".
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace weft::detail {

inline constexpr double kUsualTheta = 10000;
inline constexpr const char* kFrequenciesName = "rotary frequencies";

/// theta^(-i / channels) for i = 0, 2, 4, ... below `channels`; computed in double precision.
inline std::vector<float> rotary_frequencies(double theta, uint32_t channels) {
    std::vector<float> f;
    for (uint32_t i = 0; i < channels; i += 2) f.push_back(float(std::pow(theta, -double(i) / channels)));
    return f;
}

/// `name`, or where it is taken "name 2", "name 3" ...
template <class Taken>
std::string free_name(const std::string& name, const Taken& taken) {
    std::string free = name;
    for (uint32_t n = 2; taken(free); ++n) free = name + " " + std::to_string(n);
    return free;
}

} // namespace weft::detail
