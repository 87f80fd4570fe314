// SPDX-License-Identifier: Apache-2.0
// What a step costs beside its kernels, from plain data: waits between dispatches, and dispatches whose size the device
// reads from memory.
#include "base/file.hpp"
#include "kernels/combine.hpp"
#include "models/architecture.hpp"
#include "schedule/order.hpp"
#include "schedule/plan.hpp"
#include "schedule/sessions.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <regex>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

std::unique_ptr<vk::Device> desktop() {
    vk::DeviceSummary summary;
    summary.name = "desktop";
    summary.type = "discrete";
    summary.features.set(vk::Feature::subgroup);
    summary.limits = {.storage_range = ~0u,
                      .allocation = uint64_t(1) << 40,
                      .invocations = 1024,
                      .shared_bytes = 49152,
                      .groups = {65535, 65535, 65535},
                      .subgroup_size = 32,
                      .storage_buffers = 8};
    return vk::Device::described(std::move(summary));
}

// A recorded case's config, with a vocabulary as models have it: sampling then needs more room than a layer.
Plan plan_of(const std::string& model, const Bucket& bucket, uint32_t context) {
    const auto text = read_file(repository() / "tests/goldens/models" / model / "config.json");
    REQUIRE(text);
    const TemporaryDirectory folder;
    const auto files = ModelFiles::open(folder.write(
        "config.json", std::regex_replace(*text, std::regex("\"vocab_size\": [0-9]+"), "\"vocab_size\": 64000")));
    REQUIRE(files);
    const auto schedule = make_schedule(*files);
    REQUIRE(schedule);
    std::vector<DeviceWeight> weights;
    for (const WeightSlot& slot : schedule->weights)
        weights.push_back(described_weight(slot, held_whole(slot, DType::bf16)));
    auto plan = dry_plan(*desktop(), *schedule, weights, layouts_of(schedule->states, {context, 256, DType::f32}),
                         bucket, context);
    INFO((plan ? "" : plan.error().text()));
    REQUIRE(plan);
    return std::move(*plan);
}

struct Cost {
    size_t direct = 0, indirect = 0, work = 0, arguments = 0;
    bool operator==(const Cost&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Cost& c) {
    return out << "{" << c.direct << ", " << c.indirect << ", " << c.work << ", " << c.arguments << "}";
}

// Of the segments whose names begin so.
Cost cost_of(const vk::Program& program, const std::string& segments = "") {
    Cost cost;
    const std::vector<vk::Wait> waits = vk::waits(program);
    for (size_t i = 0; i < waits.size(); ++i) {
        if (!program.segments[program.calls[i].segment].starts_with(segments)) continue;
        ++(program.calls[i].indirect() ? cost.indirect : cost.direct);
        cost.work += waits[i] == vk::Wait::work;
        cost.arguments += waits[i] == vk::Wait::arguments;
    }
    return cost;
}

} // namespace

TEST_CASE("what a decode step waits for, and what sizes it reads", "[schedule]") {
    struct Expected {
        std::string model;
        Cost step, layer; // direct and indirect dispatches; waits for work, and for sizes of dispatches too
    };
    for (const Expected& e : {Expected{"llama", {23, 3, 25, 1}, {6, 1, 7, 0}},
                              {"mixtral", {23, 2, 24, 1}, {9, 1, 10, 0}},
                              {"qwen3-next", {57, 1, 45, 1}, {13, 0, 10, 0}},
                              {"falcon-h1", {35, 2, 26, 1}, {15, 1, 11, 0}}}) {
        INFO(e.model);
        for (const uint32_t sequences : {1u, 4u}) {
            Bucket decode{.tokens = sequences, .sequences = sequences, .outputs = sequences};
            decode.decode = decode.sampling = true;
            const Plan plan = plan_of(e.model, decode, 4096);
            CHECK(cost_of(plan.program) == e.step);
            CHECK(cost_of(plan.program, "layer 1") == e.layer);
        }
    }
}

TEST_CASE("calls that do not wait for each other stand side by side where there is room", "[schedule]") {
    const auto device = desktop();
    for (const uint32_t wide : {0u, 300u, 512u}) { // of what another segment needs
        INFO("beside " << wide << " columns");
        vk::Recorder r(*device);
        uintptr_t buffers = 0;
        const auto outside = [&](uint32_t columns) {
            return r.external({VkBuffer(++buffers), 0, 1 << 20, nullptr}, DType::f32, {4, columns}, "outside");
        };
        const auto step = [&](const vk::Tensor& x, const vk::Tensor& y) {
            kernel::combine(r, {.x = x, .y = y, .rows = {4}});
        };
        const auto inside = [&](uint32_t columns) { return r.temporary(DType::f32, {4, columns}, "inside"); };
        const vk::Tensor x = outside(256);
        for (int chain = 0; chain < 2; ++chain) { // two chains of three calls
            const vk::Tensor first = inside(256), second = inside(256);
            step(x, first);
            step(first, second);
            step(second, outside(256));
        }
        if (wide) {
            r.segment("wide");
            const vk::Tensor first = inside(wide), second = inside(wide);
            step(first, second);
            step(second, outside(wide));
        }
        auto program = r.finish();
        REQUIRE(program);
        const auto levels = sort_by_levels(*program);
        std::vector<uint32_t> expected =
            wide > 300 ? std::vector<uint32_t>{0, 0, 1, 1, 2, 2} : std::vector<uint32_t>{0, 1, 2, 3, 4, 5};
        for (int i = 0; wide && i < 2; ++i) expected.push_back(expected.back() + 1);
        CHECK(levels == expected);
    }
}
