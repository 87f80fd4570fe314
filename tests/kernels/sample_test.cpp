// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"
#include "base/json.hpp"
#include "harness/compare.hpp"
#include "kernels/sample.hpp"
#include "reference/sample.hpp"
#include "unit/goldens.hpp"
#include <cstring>

using namespace weft;
using namespace weft::detail;
using kernel::CaseContext;

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
