// SPDX-License-Identifier: Apache-2.0
#include "pipelines/classes.hpp"
#include <algorithm>
#include <cmath>
#include <numeric>

namespace weft::detail {

std::vector<Classes::One> Classes::likeliest(std::span<const float> logits, size_t most) const {
    std::vector<uint32_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return logits[a] > logits[b]; });
    const double top = logits.empty() ? 0 : double(logits[order[0]]);
    double sum = 0;
    for (const float x : logits) sum += std::exp(double(x) - top);
    std::vector<One> all;
    for (const uint32_t i : std::span(order).first(std::min(most, order.size()))) {
        const double x = logits[i];
        all.push_back({i, float(exclusive ? std::exp(x - top) / sum : 1 / (1 + std::exp(-x)))});
    }
    return all;
}

Result<Classes> read_classes(const ModelFiles& files, uint32_t count) {
    Classes classes;
    for (uint32_t i = 0; i < count; ++i) classes.labels.push_back("LABEL_" + std::to_string(i));
    if (!files.config()) return classes;
    const JsonObject config(*files.config(), files.config_origin());
    weft_ASSIGN(const std::string problem, config.string_or("problem_type", ""));
    classes.exclusive = problem != "multi_label_classification";
    if (!config.has("id2label")) return classes;
    weft_ASSIGN(const JsonObject names, config.object("id2label"));
    for (uint32_t i = 0; i < count; ++i) {
        weft_ASSIGN(classes.labels[i], names.string_or(std::to_string(i), classes.labels[i]));
    }
    return classes;
}

} // namespace weft::detail
