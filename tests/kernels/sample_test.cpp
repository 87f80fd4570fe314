// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"
#include "base/json.hpp"
#include "cases/sample.hpp"
#include "harness/compare.hpp"
#include "kernels/sample.hpp"
#include "reference/sample.hpp"
#include "unit/goldens.hpp"
#include <cstring>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

namespace {

reference::Sampling sampling_of(const kernel::SamplerRow& row) {
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

TEST_CASE("sample", "[kernels]") {
    test::run_cases(cases::sample::table(), [](CaseContext& ctx, const cases::sample::Options& o) {
        const size_t vocabulary = o.vocabulary, start = o.start(), capacity = o.capacity;
        const auto sampler = ctx.words("sampler"), history = ctx.words("history"), before = ctx.words("history before"),
                   allowed_bits = ctx.words("allowed"), ids = ctx.words("step ids"), ring = ctx.words("ring");
        const auto& logits = ctx.data("logits");
        const auto probabilities = test::optional(ctx, "probabilities");
        const size_t outputs = ring.size() / 3, wide = logits.size() / outputs;
        auto history_after = before;
        std::vector<test::Expected> expected;
        std::vector<float> got;
        struct Output {
            uint32_t slot, position;
        }; // every token of every sequence
        std::vector<Output> list;
        for (const auto& sequence : ctx.sequences())
            for (uint32_t i = 0; i < sequence.count; ++i) list.push_back({sequence.slot, sequence.past + i + 1});
        for (size_t output = 0; output < list.size(); ++output) {
            const auto [slot, position] = list[output];
            kernel::SamplerRow row;
            std::memcpy(static_cast<void*>(&row), &sampler[16 * slot], sizeof row);
            const auto settings = sampling_of(row);
            std::vector<uint32_t> held;
            for (size_t p = before.empty() ? position : position - std::min<size_t>(position, capacity); p < position;
                 ++p)
                held.push_back(before[slot * capacity + p % capacity]);
            std::vector<bool> allowed;
            for (size_t v = 0; v < vocabulary && !allowed_bits.empty(); ++v)
                allowed.push_back(allowed_bits[slot * ((vocabulary + 31) / 32) + v / 32] >> v % 32 & 1);
            const auto begin = logits.begin() + long(output * wide + start);
            const std::vector<float> given(begin, begin + long(vocabulary));
            const auto x = reference::processed_logits(settings, given, held, allowed);
            const uint32_t token = ring[output];
            INFO("output " << output << ", token " << token);
            REQUIRE(ids[output] == token);
            if (!before.empty()) history_after[slot * capacity + position % capacity] = token;

            std::vector<double> p(vocabulary);
            const double top = *std::max_element(x.begin(), x.end()), most = largest(x);
            if (!reference::can_choose(given, x)) {
                REQUIRE(token == kernel::kNoToken);
            } else if (settings.greedy) {
                REQUIRE(token == uint32_t(std::max_element(x.begin(), x.end()) - x.begin()));
                p[token] = 1;
            } else {
                REQUIRE(token < vocabulary);
                p = reference::filtered_probabilities(settings, x);
                // Sums of masses have V / 128 + 32 roundings: tokens that they cannot tell to lie on one
                // side of top_p may be on either.
                auto near = settings;
                const double off = test::kEps32 * (double(vocabulary) / 128 + 32);
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
                REQUIRE(p[token] > 0);
                // Roundings of x (penalties, temperature, the sum) and two logarithms, each off by 2^-21 where its
                // argument is near 1, else by 3 ulp of up to 23.
                REQUIRE(score(token) >= best - (2 * 0x1p-21 + test::kEps32 * (8 * most + 6 * 23)));
            }
            for (size_t v = 0; v < vocabulary && !probabilities.empty(); ++v) {
                got.push_back(probabilities[output * vocabulary + v]);
                // x has four roundings, exp is off by 3 + 2 |x - max| ulp of two roundings each, the sum has
                // V / 128 + 7 roundings. A token that is removed has exactly 0.
                const double distance = p[v] > 0 && std::isfinite(x[v]) ? top - x[v] : 0;
                expected.push_back(
                    {p[v], p[v] > 0 ? test::kEps32 * (24 + 8 * most + 4 * distance + double(vocabulary) / 128) * p[v] +
                                          1.2e-38
                                    : 0});
            }
        }
        for (size_t i = 0; i < ring.size(); ++i)
            if (i >= list.size()) REQUIRE(ring[i] == ~0u); // the first row of three
        REQUIRE(history == history_after);
        test::require_close(got, expected, "probabilities");
    });
}

TEST_CASE("sample: random numbers", "[kernels]") {
    // Known answers of the authors' Random123 (kat_vectors).
    REQUIRE(reference::philox({0, 0, 0, 0}, {0, 0}) ==
            std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    REQUIRE(reference::philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
            std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    REQUIRE(reference::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
            std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("sample: frequencies", "[kernels]") {
    // 20000 positions of one sequence, with and without a filter: the tokens occur as often as the softmax says.
    const uint32_t count = 20000, vocabulary = 600;
    for (const uint32_t top_k : {0u, 6u}) {
        CaseContext ctx(test::gpu(), 1);
        kernel::SampleArgs a;
        a.step = ctx.step({{0, count, 0}});
        std::vector<float> logits(size_t(count) * vocabulary, -50.0f);
        const uint32_t likely[] = {0, 1, 2, 3, 300, 599};
        std::vector<double> p;
        double total = 0;
        for (size_t i = 0; i < 6; ++i) total += std::exp(-0.5 * double(i));
        for (size_t i = 0; i < 6; ++i) {
            p.push_back(std::exp(-0.5 * double(i)) / total);
            for (uint32_t o = 0; o < count; ++o) logits[size_t(o) * vocabulary + likely[i]] = 10 - 0.5f * float(i);
        }
        a.logits = ctx.input("logits", DType::f32, {count, vocabulary}, std::move(logits));
        kernel::SamplerRow row;
        row.flags = 0;
        row.top_k = top_k;
        row.seed_low = 42;
        std::vector<uint32_t> words(16);
        std::memcpy(words.data(), &row, sizeof row);
        a.sampler = ctx.input_words("sampler", {1, 16}, words);
        a.ring = ctx.output("ring", DType::u32, {1, count});
        kernel::sample(ctx.recorder(), a);
        const auto status = ctx.run();
        INFO((status ? "" : status.error().text()));
        REQUIRE(bool(status));
        double chi_squared = 0;
        const auto tokens = ctx.words("ring");
        for (size_t i = 0; i < 6; ++i) {
            const double wanted = p[i] * count, seen = double(std::count(tokens.begin(), tokens.end(), likely[i]));
            chi_squared += (seen - wanted) * (seen - wanted) / wanted;
        }
        INFO("top_k " << top_k << ", chi squared " << chi_squared);
        REQUIRE(chi_squared < 20.5); // five degrees of freedom: exceeded by one seed in a thousand
    }
    test::require_no_validation_messages();
}

TEST_CASE("sample: as transformers does", "[kernels]") {
    weft_GOLDEN(folder, "sampling");
    const auto text = read_file(folder / "io.safetensors"), described = read_file(folder / "case.json");
    REQUIRE((text && described));
    uint64_t header_bytes;
    std::memcpy(&header_bytes, text->data(), 8);
    const auto header = parse_json(std::string_view(*text).substr(8, header_bytes), "io.safetensors"),
               json = parse_json(*described, "case.json");
    REQUIRE((header && json));
    const auto bytes_of = [&](const std::string& name) {
        return text->data() + 8 + header_bytes + (*header)[name]["data_offsets"][0].get<size_t>();
    };
    const uint32_t rows = 3, vocabulary = 512, length = 24;
    std::vector<float> logits(rows * vocabulary);
    std::memcpy(logits.data(), bytes_of("input.logits"), logits.size() * 4);
    std::vector<uint32_t> history(rows * length);
    for (size_t i = 0; i < history.size(); ++i) std::memcpy(&history[i], bytes_of("input.history") + 8 * i, 4); // i64
    size_t compared = 0;
    for (const auto& [name, settings] : (*json)["settings"].items()) {
        kernel::SamplerRow row;
        row.flags = 0;
        bool known = true;
        for (const auto& [key, value] : settings.items()) {
            if (key == "temperature") row.temperature = value;
            else if (key == "top_k") row.top_k = value;
            else if (key == "top_p") row.top_p = value;
            else if (key == "min_p") row.min_p = value;
            else if (key == "repetition_penalty") row.repeat_penalty = value;
            else if (key == "no_repeat_ngram_size") row.no_repeat_ngram = value;
            else if (key == "frequency_penalty") row.frequency_penalty = value;
            else if (key == "presence_penalty") row.presence_penalty = value;
            else known = false; // typical, epsilon and eta are not ours
        }
        if (!known) continue;
        ++compared;
        CaseContext ctx(test::gpu(), 1);
        kernel::SampleArgs a;
        a.step = ctx.step({{0, 1, length - 1}, {1, 1, length - 1}, {2, 1, length - 1}});
        a.logits = ctx.input("logits", DType::f32, {rows, vocabulary}, logits);
        std::vector<uint32_t> words(16 * rows);
        for (uint32_t r = 0; r < rows; ++r) std::memcpy(&words[16 * r], &row, sizeof row);
        a.sampler = ctx.input_words("sampler", {rows, 16}, words);
        a.history = ctx.input_words("history", {rows, length}, history);
        a.probabilities = ctx.output("probabilities", DType::f32, {rows, vocabulary});
        kernel::sample(ctx.recorder(), a);
        const auto status = ctx.run();
        INFO(name << (status ? "" : status.error().text()));
        REQUIRE(bool(status));
        const auto& got = ctx.data("probabilities");
        for (size_t i = 0; i < got.size(); ++i) {
            float wanted;
            std::memcpy(&wanted, bytes_of("output." + name) + 4 * i, 4);
            INFO("row " << i / vocabulary << ", token " << i % vocabulary);
            REQUIRE(((wanted == 0) == (got[i] == 0)));
            REQUIRE(std::abs(got[i] - wanted) <= 1e-6);
        }
    }
    REQUIRE(compared >= 14);
    test::require_no_validation_messages();
}
