// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/sample in double precision: transformers' logits processors (repetition, n-grams, temperature,
// top-k, top-p, min-p), OpenAI's frequency and presence penalties, and the random numbers (Salmon et al. 2011).
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <vector>

namespace weft::reference {
using namespace detail;

struct Sampling {
    bool greedy = false;
    double temperature = 1;
    uint32_t top_k = 0;
    double top_p = 1, min_p = 0, repeat = 1, frequency = 0, presence = 0;
    uint32_t window = 0, ngram = 0;
};

/// Whether a token may be chosen at all: no logit is NaN or +inf, and one is left.
inline bool can_choose(const std::vector<float>& logits, const std::vector<double>& processed) {
    return std::ranges::none_of(logits, [](float x) { return std::isnan(x) || x == INFINITY; }) &&
           std::ranges::any_of(processed, [](double x) { return x > -INFINITY; });
}

/// Logits after penalties and temperature; -inf: removed. `history`: the tokens so far that are held, oldest first.
/// `allowed` may be empty.
inline std::vector<double> processed_logits(const Sampling& s, const std::vector<float>& logits,
                                            const std::vector<uint32_t>& history, const std::vector<bool>& allowed) {
    constexpr double kMost = std::numeric_limits<float>::max(), kRemoved = -std::numeric_limits<double>::infinity();
    std::vector<double> x(logits.begin(), logits.end());
    std::map<uint32_t, int> counts;
    const size_t window = s.window == 0 ? history.size() : std::min<size_t>(s.window, history.size());
    for (size_t i = history.size() - window; i < history.size(); ++i) ++counts[history[i]];
    for (const auto& [id, count] : counts) {
        x[id] = x[id] < 0 ? x[id] * s.repeat : x[id] / s.repeat;
        x[id] -= s.frequency * count + s.presence;
    }
    for (size_t end = s.ngram; s.ngram > 0 && end <= history.size(); ++end) // an n-gram ends before `end`
        if (std::equal(history.end() - (s.ngram - 1), history.end(), history.begin() + long(end - s.ngram)))
            x[history[end - 1]] = kRemoved;
    for (size_t v = 0; v < x.size(); ++v) {
        if ((!allowed.empty() && !allowed[v])) x[v] = kRemoved;
        if (x[v] != kRemoved) x[v] = std::clamp(x[v] / (s.greedy ? 1 : s.temperature), -kMost, kMost);
    }
    return x;
}

/// Softmax of what the filters leave; 0: removed. Tokens that tie with the last one kept are kept.
inline std::vector<double> filtered_probabilities(const Sampling& s, std::vector<double> x) {
    constexpr double kRemoved = -std::numeric_limits<double>::infinity();
    std::vector<double> sorted = x;
    std::sort(sorted.rbegin(), sorted.rend());
    while (!sorted.empty() && sorted.back() == kRemoved) sorted.pop_back();
    if (sorted.empty()) return std::vector<double>(x.size(), 0.0);
    const double top = sorted[0];
    double least = sorted.back();
    if (s.top_k > 0 && s.top_k < sorted.size()) least = std::max(least, sorted[s.top_k - 1]);
    if (s.top_p < 1) {
        double total = 0, sum = 0;
        for (double v : sorted)
            if (v >= least) total += std::exp(v - top);
        for (double v : sorted)
            if ((sum += std::exp(v - top)) >= s.top_p * total) {
                least = std::max(least, v);
                break;
            }
    }
    double total = 0;
    for (double& v : x) total += v = v >= least && std::exp(v - top) >= s.min_p ? std::exp(v - top) : 0;
    for (double& v : x) v /= total;
    return x;
}

inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
        const uint64_t a = uint64_t(0xd2511f53) * counter[0], b = uint64_t(0xcd9e8d57) * counter[2];
        counter = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b), uint32_t(a >> 32) ^ counter[3] ^ key[1],
                   uint32_t(a)};
        key[0] += 0x9e3779b9;
        key[1] += 0xbb67ae85;
    }
    return counter;
}

/// Gumbel noise of a token at a position.
inline double token_noise(uint32_t id, uint32_t position, uint32_t stream, uint32_t seed_low, uint32_t seed_high) {
    const uint32_t bits = philox({id / 4, position, stream, 0}, {seed_low, seed_high})[id % 4];
    return -std::log(-std::log1p(-(double(bits) + 0.5) * 0x1p-32));
}

} // namespace weft::reference
