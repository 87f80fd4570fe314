// SPDX-License-Identifier: Apache-2.0
// Test support: recorded operators with a matrix state, fed to a kernel in pieces of any length.
#pragma once
#include "harness/compare.hpp"
#include "io/safetensors.hpp"
#include "kernels/step.hpp"
#include "unit/goldens.hpp"
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <functional>

namespace weft::test {

/// op-*/io.safetensors: two sequences of 70 tokens, two heads of 16 key and 24 value channels.
class ScanGolden {
public:
    static constexpr uint32_t kBatch = 2, kTokens = 70, kHeads = 2, kSize = 16, kColumns = 24;

    explicit ScanGolden(const std::filesystem::path& path) : file_(SafetensorsFile::open(path)) {
        REQUIRE(bool(file_));
    }

    std::vector<float> read(const std::string& name) const {
        const TensorView* view = file_->find(name);
        INFO(name);
        REQUIRE(view);
        return *read_f32(*view);
    }

    /// What a kernel's call is made of in one piece: the same tokens of each sequence, one sequence behind the other.
    struct Piece {
        kernel::CaseContext& ctx;
        uint32_t begin, count;
        kernel::Step step;
        kernel::Tensor y, state;

        /// `from` f32 [kBatch, kTokens, width].
        kernel::Tensor rows(const std::string& name, const std::vector<float>& from) const {
            const size_t width = from.size() / (kBatch * kTokens);
            REQUIRE(from.size() == width * kBatch * kTokens);
            std::vector<float> to;
            for (size_t s = 0; s < kBatch; ++s)
                to.insert(to.end(), from.begin() + long((s * kTokens + begin) * width),
                          from.begin() + long((s * kTokens + begin + count) * width));
            return ctx.input(name, DType::f32, {kBatch * count, uint32_t(width)}, to);
        }
    };

    /// Calls with `piece` tokens at a time, from the recorded state on; y and the last state are held against
    /// VARIANT.output.o and VARIANT.output.state: 1e-4 of their deviation, as the goldens' notes say.
    void check(const std::string& variant, uint32_t piece, const std::function<void(const Piece&)>& call) const {
        INFO(variant << ", " << piece << " tokens at a time");
        constexpr uint32_t wide = kHeads * kColumns;
        std::vector<float> state = read("input.h0"), got(size_t(kBatch) * kTokens * wide);
        for (uint32_t begin = 0; begin < kTokens; begin += piece) {
            const uint32_t count = std::min(piece, kTokens - begin);
            kernel::CaseContext ctx(gpu(), 1);
            const kernel::Step step = ctx.step({{0, count, 1 + begin}, {1, count, 1 + begin}});
            call({ctx, begin, count, step, ctx.output("y", DType::f32, {kBatch * count, wide}),
                  ctx.input("state", DType::f32, {kBatch, kHeads, kSize, kColumns}, state)});
            const auto status = ctx.run();
            INFO((status ? "" : status.error().text()));
            REQUIRE(bool(status));
            require_no_validation_messages();
            state = ctx.data("state");
            for (size_t s = 0; s < kBatch; ++s)
                std::copy_n(ctx.data("y").begin() + long(s * count * wide), size_t(count) * wide,
                            got.begin() + long((s * kTokens + begin) * wide));
        }
        close(variant + ".output.o", got);
        close(variant + ".output.state", state);
    }

private:
    void close(const std::string& name, const std::vector<float>& values) const {
        const auto want = read(name);
        double squares = 0;
        for (const float x : want) squares += double(x) * x;
        std::vector<reference::Expected> expected;
        for (const float x : want) expected.push_back({x, 1e-4 * std::sqrt(squares / double(want.size()))});
        require_close(values, expected, name);
    }

    Result<SafetensorsFile> file_;
};

} // namespace weft::test
