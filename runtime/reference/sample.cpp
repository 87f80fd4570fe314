// SPDX-License-Identifier: Apache-2.0
#include "cases/sample.hpp"
#include "kernels/sample.hpp"
#include "reference/comparison.hpp"
#include "reference/sample.hpp"
#include <cstring>

namespace weft::detail::kernel::cases::sample {
namespace {

reference::Sampling sampling_of(const SamplerRow& row) {
    return {(row.flags & row.kGreedy) != 0 || row.temperature < 1e-5f,
            row.temperature,
            row.top_k,
            row.top_p,
            row.min_p,
            row.repeat_penalty,
            row.frequency_penalty,
            row.presence_penalty,
            row.repeat_window,
            row.no_repeat_ngram};
}

double largest(const std::vector<double>& x) {
    double most = 0;
    for (double v : x)
        if (std::isfinite(v)) most = std::max(most, std::abs(v));
    return most;
}

} // namespace

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const size_t vocabulary = o.vocabulary, start = o.start(), capacity = o.capacity;
    const auto sampler = ctx.words("sampler"), history = ctx.words("history"), before = ctx.words("history before"),
               allowed_bits = ctx.words("allowed"), ids = ctx.words("step ids"), ring = ctx.words("ring");
    const auto& logits = ctx.data("logits");
    const auto probabilities = ctx.optional("probabilities");
    const size_t outputs = ring.size() / 3, wide = logits.size() / outputs;
    auto history_after = before;
    std::vector<reference::Expected> expected;
    std::vector<float> got;
    struct Output {
        uint32_t slot, position;
    }; // every token of every sequence
    std::vector<Output> list;
    for (const auto& sequence : ctx.sequences())
        for (uint32_t i = 0; i < sequence.count; ++i) list.push_back({sequence.slot, sequence.past + i + 1});
    for (size_t output = 0; output < list.size(); ++output) {
        const auto [slot, position] = list[output];
        SamplerRow row;
        std::memcpy(static_cast<void*>(&row), &sampler[16 * slot], sizeof row);
        const auto settings = sampling_of(row);
        std::vector<uint32_t> held;
        for (size_t p = before.empty() ? position : position - std::min<size_t>(position, capacity); p < position; ++p)
            held.push_back(before[slot * capacity + p % capacity]);
        std::vector<bool> allowed;
        for (size_t v = 0; v < vocabulary && !allowed_bits.empty(); ++v)
            allowed.push_back(allowed_bits[slot * ((vocabulary + 31) / 32) + v / 32] >> v % 32 & 1);
        const auto begin = logits.begin() + long(output * wide + start);
        const std::vector<float> given(begin, begin + long(vocabulary));
        const auto x = reference::processed_logits(settings, given, held, allowed);
        const uint32_t token = ring[output];
        const std::string who = "output " + std::to_string(output);
        verdict.same({ids[output]}, {token}, who + ": what is fed back");
        if (!before.empty()) history_after[slot * capacity + position % capacity] = token;

        std::vector<double> p(vocabulary);
        const double top = *std::max_element(x.begin(), x.end()), most = largest(x);
        if (!reference::can_choose(given, x)) {
            verdict.same({token}, {kNoToken}, who + ", of which none can be chosen");
        } else if (settings.greedy) {
            const auto best = uint32_t(std::max_element(x.begin(), x.end()) - x.begin());
            verdict.same({token}, {best}, who);
            p[best] = 1;
        } else {
            p = reference::filtered_probabilities(settings, x);
            // Sums of masses have V / 128 + 32 roundings: tokens that they cannot tell to lie on one
            // side of top_p may be on either.
            auto near = settings;
            const double off = reference::kEps32 * (double(vocabulary) / 128 + 32);
            near.top_p = settings.top_p * (1 - off);
            const auto fewer = reference::filtered_probabilities(near, x);
            near.top_p = settings.top_p < 1 ? settings.top_p * (1 + off) : 1;
            const auto more = reference::filtered_probabilities(near, x);
            double total = 0;
            for (size_t v = 0; v < vocabulary && !probabilities.empty(); ++v) {
                const bool kept = more[v] > 0 && (fewer[v] > 0 || probabilities[output * vocabulary + v] > 0);
                total += p[v] = kept ? std::exp(x[v] - top) : 0;
            }
            for (size_t v = 0; v < vocabulary && !probabilities.empty(); ++v) p[v] /= total;
            double best = -INFINITY;
            const auto score = [&](uint32_t id) {
                return x[id] + reference::token_noise(id, position, row.stream, row.seed_low, row.seed_high);
            };
            for (uint32_t id = 0; id < vocabulary; ++id)
                if (p[id] > 0) best = std::max(best, score(id));
            const bool possible = token < vocabulary && p[token] > 0;
            verdict.that(possible, who + ": token " + std::to_string(token) + " must not be chosen");
            // Roundings of x (penalties, temperature, the sum) and two logarithms, each off by 2^-21 where its
            // argument is near 1, else by 3 ulp of up to 23.
            verdict.that(!possible || score(token) >= best - (2 * 0x1p-21 + reference::kEps32 * (8 * most + 6 * 23)),
                         who + ": token " + std::to_string(token) + " is not the one that the noise chooses");
        }
        for (size_t v = 0; v < vocabulary && !probabilities.empty(); ++v) {
            got.push_back(probabilities[output * vocabulary + v]);
            // x has four roundings, exp is off by 3 + 2 |x - max| ulp of two roundings each, the sum has
            // V / 128 + 7 roundings. A token that is removed has exactly 0.
            const double distance = p[v] > 0 && std::isfinite(x[v]) ? top - x[v] : 0;
            expected.push_back(
                {p[v], p[v] > 0 ? reference::kEps32 * (24 + 8 * most + 4 * distance + double(vocabulary) / 128) * p[v] +
                                      1.2e-38
                                : 0});
        }
    }
    for (size_t i = list.size(); i < ring.size(); ++i) // the first row of three
        verdict.same({ring[i]}, {~0u}, "ring beside this step's");
    verdict.same(history, history_after, "history");
    verdict.close(got, expected, "probabilities");
}

} // namespace weft::detail::kernel::cases::sample
