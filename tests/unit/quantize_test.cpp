// SPDX-License-Identifier: Apache-2.0
// Floats to quantized blocks: each type against its own bound, and where ggml's own quantizer is simple, bit for bit.
#include "base/blocks.hpp"
#include "base/quantize.hpp"
#include "io/safetensors.hpp"
#include "unit/goldens.hpp"
#include <algorithm>
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <random>

using namespace weft;
using namespace weft::detail;

namespace {

std::vector<float> there_and_back(DType type, const std::vector<float>& x) {
    std::vector<std::byte> blocks(bytes_of(type, x.size()));
    REQUIRE_FALSE(quantize_blocks(type, x, blocks));
    std::vector<float> y(x.size());
    unpack_blocks(type, blocks, y);
    return y;
}

double rms(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
    return std::sqrt(sum / double(a.size()));
}

struct Bound {
    DType type;
    double rms; // of normal numbers, deviation 1: a step of the format over sqrt(12), and 15 % for its scales
};
// Groups of 32 normal numbers span about 4.1 deviations, groups of 16 reach about 1.8;
// steps are the span over the numbers that the type has.
constexpr Bound kBounds[] = {{DType::q8_0, 2.1 / 127 / 3.46 * 1.15}, {DType::q4_0, 2.1 / 8 / 3.46 * 1.25},
                             {DType::q5_0, 2.1 / 16 / 3.46 * 1.25},  {DType::q5_1, 4.1 / 31 / 3.46 * 1.15},
                             {DType::q4_k, 4.1 / 15 / 3.46 * 1.15},  {DType::q5_k, 4.1 / 31 / 3.46 * 1.15},
                             {DType::q6_k, 1.8 / 32 / 3.46 * 1.25}};

} // namespace

TEST_CASE("quantize: the error of every type is its own") {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    std::vector<float> x(256 * 64);
    for (float& v : x) v = normal(random);
    for (const auto& [type, bound] : kBounds) {
        CAPTURE(name_of(type), bound);
        CHECK(can_quantize(type));
        CHECK(rms(x, there_and_back(type, x)) < bound);
        // The same at other sizes of numbers.
        for (const float size : {1e-3f, 30.0f}) {
            std::vector<float> scaled = x;
            for (float& v : scaled) v *= size;
            CHECK(rms(scaled, there_and_back(type, scaled)) < bound * size * 1.05);
        }
    }
}

TEST_CASE("quantize: zeros, constants and lone outliers") {
    for (const auto& [type, bound] : kBounds) {
        CAPTURE(name_of(type));
        CHECK(there_and_back(type, std::vector<float>(256, 0.0f)) == std::vector<float>(256, 0.0f));
        for (const float constant : {1.5f, -1.5f})
            for (const float v : there_and_back(type, std::vector<float>(256, constant)))
                CHECK(std::abs(v - constant) < 0.03);
        std::vector<float> x(256, 0.0f);
        x[100] = -8;
        CHECK(std::abs(there_and_back(type, x)[100] + 8) < 0.1);
    }
}

TEST_CASE("quantize: q8_0 and q4_0 as ggml does") {
    for (const DType type : {DType::q8_0, DType::q4_0, DType::q5_0, DType::q5_1, DType::f16, DType::bf16})
        DYNAMIC_SECTION(name_of(type)) {
            weft_GOLDEN(path, std::string("quant/") + block_info(type).file_name + ".safetensors");
            const auto file = SafetensorsFile::open(path);
            REQUIRE(file);
            const TensorView *source = file->find("source"), *blocks = file->find("blocks");
            REQUIRE((source && blocks));
            const auto x = read_f32(*source);
            REQUIRE(x);
            std::vector<std::byte> got(blocks->bytes.size());
            REQUIRE_FALSE(quantize_blocks(type, *x, got));
            CHECK(std::ranges::equal(got, blocks->bytes));
        }
}

TEST_CASE("quantize: K types are no worse than ggml's") {
    for (const DType type : {DType::q4_k, DType::q5_k, DType::q6_k}) DYNAMIC_SECTION(name_of(type)) {
            weft_GOLDEN(path, std::string("quant/") + block_info(type).file_name + ".safetensors");
            const auto file = SafetensorsFile::open(path);
            REQUIRE(file);
            const auto x = read_f32(*file->find("source")), theirs = read_f32(*file->find("values"));
            REQUIRE((x && theirs));
            const auto ours = there_and_back(type, *x);
            for (size_t row = 0; row < 8; ++row) {
                const auto part = [&](const std::vector<float>& all) {
                    return std::vector<float>(all.begin() + long(512 * row), all.begin() + long(512 * (row + 1)));
                };
                CAPTURE(row);
                double largest = 0;
                for (const float v : part(*x)) largest = std::max(largest, std::abs(double(v)));
                // The block's scale is a half.
                CHECK(rms(part(*x), part(ours)) <= 1.1 * rms(part(*x), part(*theirs)) + largest / 2048);
            }
        }
}

TEST_CASE("quantize: what a type cannot hold is found") {
    struct Reach {
        DType type;
        float largest, beyond; // a value that is still held beside ordinary ones, and one that is not
    };
    // The largest half is 65504; a scale is the largest value over what the numbers of the type reach.
    for (const auto& [type, largest, beyond] :
         {Reach{DType::q8_0, 8.3e6f, 8.4e6f}, Reach{DType::q4_0, 5.2e5f, 5.3e5f}, Reach{DType::q5_0, 1.0e6f, 1.1e6f},
          Reach{DType::q5_1, 2.0e6f, 2.1e6f}, Reach{DType::q4_k, 5.6e7f, 6.5e7f}, Reach{DType::q5_k, 1.2e8f, 1.4e8f},
          Reach{DType::q6_k, 2.5e8f, 2.8e8f}, Reach{DType::f16, 65504, 65520}, Reach{DType::bf16, 3.38e38f, 3.4e38f},
          Reach{DType::f32, 3.4e38f, INFINITY}}) {
        CAPTURE(name_of(type));
        const size_t count = 1024, at = 700;
        std::vector<std::byte> blocks(bytes_of(type, count));
        const auto with = [&](float value) {
            std::vector<float> x(count);
            for (size_t i = 0; i < count; ++i) x[i] = float(i % 7) * 0.25f;
            x[at] = value;
            return quantize_blocks(type, x, blocks);
        };
        for (const float held : {largest, -50000.0f, 1e-40f, -1e-45f, 0.0f}) {
            CAPTURE(held);
            CHECK(with(held) == std::nullopt);
        }
        for (const float odd :
             {beyond, float(INFINITY), -float(INFINITY), float(NAN), std::bit_cast<float>(0xff800001u)})
            CHECK(with(odd) == at);
        CHECK(quantize_blocks(type, std::vector<float>(count, -1e-42f), blocks) == std::nullopt);
    }
    for (const DType type : {DType::q4_0, DType::q5_1, DType::q4_k, DType::q6_k}) { // the extremes of floats
        std::vector<float> x(256, 3.4e38f);
        x[3] = -3.4e38f;
        std::vector<std::byte> blocks(bytes_of(type, x.size()));
        CHECK(quantize_blocks(type, x, blocks).has_value());
    }
}
