// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "io/safetensors.hpp"
#include "kernels/selective_scan.hpp"
#include "reference/selective_scan.hpp"
#include "unit/goldens.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace weft;
using namespace weft::detail;
using kernel::CaseContext;

namespace {

/// Inputs of one sequence of `tokens` tokens, to be scanned in several ways.
struct ScanProblem {
    uint32_t tokens = 90, channels = 48, states = 16;
    std::vector<float> x, dt, bc, z, parameters, state;
    explicit ScanProblem(uint64_t seed) {
        Random random(seed);
        x = random.normals(tokens * channels);
        dt = random.uniforms(tokens * channels, -6, 2);
        bc = random.normals(tokens * states * 2);
        z = random.normals(tokens * channels);
        parameters = random.uniforms(channels * (states + 2), -4, -0.02);
        state = random.normals(channels * states);
    }
};

struct Part {
    const ScanProblem* problem;
    uint32_t first, count, past;
    std::vector<float> state; ///< before; afterwards what the scan left
    std::vector<float> y;
};

/// Scans the parts as one packed step, each in the slot of its index.
void scan(std::vector<Part>& parts, uint32_t chunk) {
    CaseContext ctx(test::gpu(), 1);
    const ScanProblem& p = *parts[0].problem;
    std::vector<CaseContext::Sequence> sequences;
    std::vector<float> x, dt, bc, z, state;
    for (uint32_t i = 0; i < parts.size(); ++i) {
        const Part& part = parts[i];
        sequences.push_back({i, part.count, part.past});
        const auto append = [&](std::vector<float>& to, const std::vector<float>& from, uint32_t columns) {
            to.insert(to.end(), from.begin() + long(part.first * columns),
                      from.begin() + long((part.first + part.count) * columns));
        };
        append(x, part.problem->x, p.channels);
        append(dt, part.problem->dt, p.channels);
        append(z, part.problem->z, p.channels);
        append(bc, part.problem->bc, 2 * p.states);
        state.insert(state.end(), part.state.begin(), part.state.end());
    }
    kernel::SelectiveScanArgs a;
    a.step = ctx.step(sequences);
    const uint32_t tokens = uint32_t(x.size()) / p.channels;
    a.x = ctx.input("x", DType::f32, {tokens, p.channels}, x);
    a.dt = ctx.input("dt", DType::f32, {tokens, p.channels}, dt);
    a.z = ctx.input("z", DType::f32, {tokens, p.channels}, z);
    const auto both = ctx.input("bc", DType::f32, {tokens, 2 * p.states}, bc);
    a.b = both.slice_columns(0, p.states);
    a.c = both.slice_columns(p.states, p.states);
    a.parameters = ctx.input("parameters", DType::f32, {p.channels * (p.states + 2)}, p.parameters);
    a.state = ctx.input("state", DType::f32, {uint32_t(parts.size()), p.channels, p.states}, state);
    a.y = ctx.output("y", DType::f32, {tokens, p.channels});
    a.chunk = chunk;
    kernel::selective_scan(ctx.recorder(), a);
    const auto status = ctx.run();
    INFO((status ? "" : status.error().text()));
    REQUIRE(bool(status));
    size_t at = 0;
    for (uint32_t i = 0; i < parts.size(); ++i) {
        parts[i].y.assign(ctx.data("y").begin() + long(at),
                          ctx.data("y").begin() + long(at + parts[i].count * p.channels));
        at += parts[i].count * p.channels;
        parts[i].state.assign(ctx.data("state").begin() + long(i * p.channels * p.states),
                              ctx.data("state").begin() + long((i + 1) * p.channels * p.states));
    }
    test::require_no_validation_messages();
}

/// Bounds of y and of the last state, for scanning the whole problem from its state with a past.
void bounds(const ScanProblem& p, std::vector<reference::Expected>& y, std::vector<reference::Expected>& state) {
    const reference::ChannelParameters parameters{p.parameters, p.channels, p.states};
    y.resize(p.tokens * p.channels);
    for (uint32_t c = 0; c < p.channels; ++c) {
        std::vector<reference::ScanValue> h;
        for (uint32_t n = 0; n < p.states; ++n) h.push_back({p.state[c * p.states + n], 0});
        reference::SelectiveChannel channel(parameters.a(c), parameters.d(c), h);
        for (uint32_t t = 0; t < p.tokens; ++t) {
            const size_t at = t * p.channels + c;
            const auto sum =
                channel.step(p.x[at], reference::softplus_bounded(double(p.dt[at]) + double(parameters.bias(c))),
                             &p.bc[t * 2 * p.states], &p.bc[t * 2 * p.states + p.states]);
            const auto gate = reference::silu_bounded(p.z[at]);
            y[at] = {sum.value * gate.value, std::abs(sum.value) * gate.error + std::abs(gate.value) * sum.error +
                                                 2 * reference::kEps32 * std::abs(sum.value * gate.value)};
        }
        for (const auto& s : channel.states()) state.push_back({s.value, s.error});
    }
}

/// `got` against `whole`: two results of which each may be off by the bound.
void require_same(const std::vector<float>& got, const std::vector<float>& whole,
                  std::vector<reference::Expected> bound, const char* what) {
    REQUIRE(got.size() == whole.size());
    for (size_t i = 0; i < bound.size(); ++i) bound[i] = {whole[i], 2 * bound[i].tolerance};
    test::require_close(got, bound, what);
}

} // namespace

TEST_CASE("selective_scan laws", "[kernels]") {
    const ScanProblem p(7);
    std::vector<reference::Expected> y, state;
    bounds(p, y, state);
    std::vector<Part> whole = {{&p, 0, p.tokens, 3, p.state, {}}};
    scan(whole, 1000);

    SECTION("any chunk length gives the same") {
        const uint32_t chunk = GENERATE(1u, 5u, 16u, 31u, 45u, 64u, 89u, 90u);
        std::vector<Part> chunked = {{&p, 0, p.tokens, 3, p.state, {}}};
        scan(chunked, chunk);
        require_same(chunked[0].y, whole[0].y, y, "y");
        require_same(chunked[0].state, whole[0].state, state, "state");
    }
    SECTION("steps, and any cut into calls, give the same as one call") {
        const uint32_t piece = GENERATE(1u, 2u, 17u, 50u); // 1: the step form
        std::vector<float> all;
        std::vector<Part> part = {{&p, 0, 0, 3, p.state, {}}};
        for (uint32_t t = 0; t < p.tokens; t += piece) {
            part[0].first = t;
            part[0].count = std::min(piece, p.tokens - t);
            scan(part, piece == 50 ? 16 : 0);
            all.insert(all.end(), part[0].y.begin(), part[0].y.end());
        }
        require_same(all, whole[0].y, y, "y");
        require_same(part[0].state, whole[0].state, state, "state");
    }
    SECTION("a packed batch gives each sequence what it gets alone, to the bit") {
        const uint32_t chunk = GENERATE(1000u, 16u);
        ScanProblem other(8);
        other.parameters = p.parameters;
        const std::vector<Part> parts = {{&other, 3, 20, 0, other.state, {}},
                                         {&p, 0, p.tokens, 3, p.state, {}},
                                         {&other, 10, 0, 5, other.state, {}},
                                         {&other, 10, 33, 5, p.state, {}}};
        std::vector<Part> packed = parts;
        scan(packed, chunk);
        for (size_t i = 0; i < parts.size(); ++i) {
            if (parts[i].count == 0) continue;
            std::vector<Part> alone = {parts[i]};
            scan(alone, chunk);
            require_same(alone[0].y, packed[i].y, std::vector<reference::Expected>(alone[0].y.size()), "y");
            require_same(alone[0].state, packed[i].state, std::vector<reference::Expected>(alone[0].state.size()),
                         "state");
        }
        require_same(packed[2].state, parts[2].state, std::vector<reference::Expected>(parts[2].state.size()),
                     "state of a sequence without new tokens");
    }
}

TEST_CASE("selective_scan against the reference implementation", "[kernels]") {
    weft_GOLDEN(path, "op-mamba1-scan/io.safetensors");
    auto file = SafetensorsFile::open(path);
    REQUIRE(bool(file));
    const auto read = [&](const std::string& name) {
        const TensorView* view = file->find(name);
        INFO(name);
        REQUIRE(view);
        return *read_f32(*view);
    };
    constexpr uint32_t batch = 2, channels = 32, states = 8, tokens = 70;
    // [B, rows, T] -> [B * T, rows], rows into columns [start, start + rows) of a tensor of `wide` columns
    const auto by_token = [&](const std::vector<float>& from, uint32_t rows, std::vector<float>& to, uint32_t start,
                              uint32_t wide) {
        to.resize(size_t(batch) * tokens * wide);
        for (uint32_t b = 0; b < batch; ++b)
            for (uint32_t r = 0; r < rows; ++r)
                for (uint32_t t = 0; t < tokens; ++t)
                    to[(size_t(b) * tokens + t) * wide + start + r] = from[(size_t(b) * rows + r) * tokens + t];
    };
    const auto [variant, chunk] = GENERATE(table<std::string, uint32_t>(
        {{"variable", 0}, {"variable", 16}, {"groups", 0}, {"groups", 32}, {"bare", 0}, {"bare", 64}}));
    INFO(variant << ", chunk " << chunk);
    const bool bare = variant == "bare";
    const uint32_t groups = variant == "groups" ? 2 : 1, n = groups * states;
    const std::string source = bare ? "variable" : variant;
    std::vector<float> x, dt, bc, z, y, parameters = read("input.A");
    by_token(read("input.u"), channels, x, 0, channels);
    by_token(read(bare ? "bare.input.delta" : "input.delta"), channels, dt, 0, channels);
    by_token(read("input.z"), channels, z, 0, channels);
    by_token(read(source + ".input.B"), n, bc, 0, 2 * n);
    by_token(read(source + ".input.C"), n, bc, n, 2 * n);
    by_token(read(variant + ".output.y"), channels, y, 0, channels);
    for (const char* vector : {"input.D", "input.delta_bias"})
        for (float v : read(vector)) parameters.push_back(bare ? 0 : v);
    CaseContext ctx(test::gpu(), 1);
    kernel::SelectiveScanArgs a;
    a.step = ctx.step({{1, tokens, 0}, {0, tokens, 0}});
    a.x = ctx.input("x", DType::f32, {batch * tokens, channels}, x);
    a.dt = ctx.input("dt", DType::f32, {batch * tokens, channels}, dt);
    const auto both = ctx.input("bc", DType::f32, {batch * tokens, 2 * n}, bc);
    a.b = both.slice_columns(0, n);
    a.c = both.slice_columns(n, n);
    a.parameters = ctx.input("parameters", DType::f32, {channels * (states + 2)}, parameters);
    if (!bare) a.z = ctx.input("z", DType::f32, {batch * tokens, channels}, z);
    a.y = ctx.output("y", DType::f32, {batch * tokens, channels});
    a.state = ctx.output("state", DType::f32, {batch, channels, states});
    a.softplus = !bare;
    a.chunk = chunk;
    kernel::selective_scan(ctx.recorder(), a);
    const auto status = ctx.run();
    INFO((status ? "" : status.error().text()));
    REQUIRE(bool(status));

    // Two 32-bit forms of one operator: 1e-4 of the output's deviation, as the goldens' notes say.
    const auto compare = [&](const std::vector<float>& got, const std::vector<float>& want, const char* what) {
        double squares = 0;
        for (float v : want) squares += double(v) * v;
        const double tolerance = 1e-4 * std::sqrt(squares / double(want.size()));
        std::vector<reference::Expected> expected;
        for (float v : want) expected.push_back({v, tolerance});
        test::require_close(got, expected, what);
    };
    compare(ctx.data("y"), y, "y");
    std::vector<float> state = read(variant + ".output.state");
    std::rotate(state.begin(), state.begin() + channels * states, state.end()); // the sequences' slots were swapped
    compare(ctx.data("state"), state, "state");
    test::require_no_validation_messages();
}
