// SPDX-License-Identifier: Apache-2.0
// Beside the layers: what comes of holding a case's results against its reference.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::reference {

/// The unit roundoff of 32-bit floats.
inline constexpr double kEps32 = 0x1p-24;
inline constexpr double kEps16 = 0x1p-11;  ///< of halves
inline constexpr double kEpsBf16 = 0x1p-8; ///< of bfloat16

/// An expected value and how far off a correct kernel may be. The bound is a formula of the data: usually
/// roundoff * (number of roundings on the longest path) * (sum of magnitudes that were added); 0 for copies.
struct Expected {
    double value;
    double tolerance;
};
/// Of what a kernel must leave as it was filled: NaN.
inline constexpr Expected kUntouched{std::numeric_limits<double>::quiet_NaN(), 0};

/// Collects what is wrong, in sentences, and how near to their tolerances the numbers came. One thread.
class Comparison {
public:
    /// The first numbers of `got`, one for each that is expected: each within its tolerance, and NaN where just that is
    /// expected, with a tolerance of 0. Too few are a fault, and so is a reference that computes NaN.
    void close(std::span<const float> got, std::span<const Expected> expected, std::string_view what);
    /// The same words.
    void same(const std::vector<uint32_t>& got, const std::vector<uint32_t>& expected, std::string_view what);
    /// A fault if `count` is not 0; `what` follows the number in the sentence.
    void none(size_t count, std::string_view what);
    /// A fault, in these words, unless it holds.
    void that(bool holds, std::string_view fault);

    const std::vector<std::string>& faults() const { return faults_; }
    /// The largest error as a share of its tolerance, of numbers that have one; above 1 or infinite where one is off.
    double worst() const { return worst_; }

private:
    std::vector<std::string> faults_;
    double worst_ = 0;
};

} // namespace weft::reference
