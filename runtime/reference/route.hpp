// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/route in double precision, from the equations of DeepSeek-V3 (2024, 12 to 16), Mixtral
// (2024) and Hugging Face's Granite and Llama 4.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace weft::reference {
using namespace detail;

struct Router {
    uint32_t choices = 1;
    int score = 0, weight = 0; ///< as RouterScore and RouterWeight
    uint32_t groups = 1, kept_groups = 1;
    bool best_two = false, renormalise = false;
    double eps = 0, scale = 1;
};

struct Routed {
    std::vector<uint32_t> experts;
    std::vector<double> weights;
};

/// Indices of `values` by falling value, ties by index.
inline std::vector<uint32_t> ranking(const std::vector<double>& values) {
    std::vector<uint32_t> order(values.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return values[a] > values[b]; });
    return order;
}

/// One token. bias may be empty. NaN and infinities become the ends of the range of a float, scores below it 0;
/// a sigmoid saturates as 1 + exp(-x) does in a float, for with a bias scores that saturated tie.
inline Routed route(const Router& r, std::vector<double> logits, const std::vector<double>& bias) {
    constexpr double kMost = 3.402823466e38, kLeast = 1.1754944e-38;
    for (double& x : logits) x = std::isnan(x) ? -kMost : std::clamp(x, -kMost, kMost);
    const size_t n = logits.size();
    const auto softmax = [](std::vector<double> v) {
        double sum = 0;
        const double top = *std::max_element(v.begin(), v.end());
        for (double& x : v) sum += x = std::exp(x - top);
        for (double& x : v) x /= sum;
        return v;
    };
    std::vector<double> score = logits;
    if (r.score == 0) score = softmax(logits);
    for (double& s : score) {
        if (r.score == 1) s = 1 / double(float(1 + std::exp(-s)));
        if (r.score == 3) s = std::sqrt(std::max(s, 0.0) + std::log1p(std::exp(-std::abs(s))));
        if (r.score != 2 && s < kLeast) s = 0;
    }
    std::vector<double> choice = !bias.empty() || (r.kept_groups < r.groups && r.best_two) ? score : logits;
    for (size_t e = 0; e < bias.size(); ++e) choice[e] = float(choice[e] + bias[e]);
    if (r.kept_groups < r.groups) {
        const size_t size = n / r.groups;
        std::vector<double> of_group;
        for (size_t g = 0; g < r.groups; ++g) {
            std::vector<double> members(choice.begin() + long(g * size), choice.begin() + long((g + 1) * size));
            std::sort(members.rbegin(), members.rend());
            of_group.push_back(members[0] + (r.best_two && size > 1 ? members[1] : 0));
        }
        const auto order = ranking(of_group);
        for (size_t i = r.kept_groups; i < r.groups; ++i)
            for (size_t e = order[i] * size; e < (order[i] + 1) * size; ++e) choice[e] = -INFINITY;
    }
    Routed result;
    result.experts = ranking(choice);
    result.experts.resize(r.choices);
    for (uint32_t e : result.experts)
        result.weights.push_back(r.weight == 0 ? score[e] : r.weight == 1 ? logits[e] : 1 / (1 + std::exp(-logits[e])));
    if (r.weight == 1) result.weights = softmax(result.weights);
    double sum = r.eps;
    for (double w : result.weights) sum += w;
    for (double& w : result.weights) w *= r.scale / (r.renormalise ? (sum != 0 ? sum : 1) : 1);
    return result;
}

} // namespace weft::reference
