// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/attention in double precision: softmax attention as written by Vaswani et al.
// (2017, equation 1), all keys at once, with the mask, cap, bias and sink of the models that have them
// (Gemma 2: cap, Gemma 3: spans, Llama 4: chunks, T5: bias, gpt-oss: sinks).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace weft::reference {
using namespace detail;

struct AttentionMask {
    bool causal = true;
    int64_t window = 0, ahead = 0, chunk = 0;
    int64_t span = 0; ///< keys below it are no later than the query

    bool visible(int64_t query, int64_t key) const {
        if (causal && key > query && key >= span) return false;
        if (window && key <= query - window) return false;
        if (ahead && key >= query + ahead) return false;
        if (chunk && key / chunk != query / chunk) return false;
        return true;
    }
};

struct AttentionRow {
    std::vector<double> y;
    double lse = -std::numeric_limits<double>::infinity();
    // What error bounds need.
    std::vector<double> sum_abs; ///< sum of p |v|, per channel
    double score_abs = 0;        ///< largest sum of |q k| scale
    double range = 0;            ///< largest score minus smallest visible one
    double records = 0;          ///< how often the maximum rises, in order of the keys
    double keys = 0;
};

/// One query head at `position`. key(j) and value(j) point at the channels of key j (d and dv of them).
/// `bias` holds n columns, or nothing.
template <class Key, class Value>
AttentionRow attention(const std::vector<double>& q, int64_t position, int64_t keys, const AttentionMask& mask,
                       double scale, double softcap, const std::vector<double>& bias, int64_t bias_offset,
                       const double* sink, size_t value_size, Key&& key, Value&& value) {
    AttentionRow row;
    row.y.assign(value_size, 0);
    row.sum_abs.assign(value_size, 0);
    std::vector<std::pair<int64_t, double>> scores;
    double top = -std::numeric_limits<double>::infinity(), low = std::numeric_limits<double>::infinity();
    for (int64_t j = 0; j < keys; ++j) {
        if (!mask.visible(position, j)) continue;
        const auto* k = key(j);
        double s = 0, magnitude = 0;
        for (size_t c = 0; c < q.size(); ++c) {
            s += q[c] * double(k[c]);
            magnitude += std::abs(q[c] * double(k[c]));
        }
        s *= scale;
        if (softcap != 0) s = softcap * std::tanh(s / softcap);
        if (!bias.empty())
            s += bias[size_t(std::clamp<int64_t>(j - position + bias_offset, 0, int64_t(bias.size()) - 1))];
        scores.push_back({j, s});
        row.score_abs = std::max(row.score_abs, magnitude * std::abs(scale));
        if (s > top) ++row.records;
        top = std::max(top, s);
        low = std::min(low, s);
    }
    row.keys = double(scores.size());
    if (sink) top = std::max(top, *sink);
    if (scores.empty() && !sink) return row;
    double sum = sink ? std::exp(*sink - top) : 0;
    for (auto& [j, s] : scores) sum += std::exp(s - top);
    for (auto& [j, s] : scores) {
        const double p = std::exp(s - top) / sum;
        const auto* v = value(j);
        for (size_t c = 0; c < value_size; ++c) {
            row.y[c] += p * double(v[c]);
            row.sum_abs[c] += p * std::abs(double(v[c]));
        }
    }
    row.lse = top + std::log(sum);
    row.range = scores.empty() ? 0 : top - low;
    return row;
}

} // namespace weft::reference
