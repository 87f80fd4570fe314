// SPDX-License-Identifier: Apache-2.0
// What a device cannot hold, bind or dispatch is an error of the plan that names it, whatever the op; and the memory
// that recordings share.
#include "schedule/plan.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/sessions.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <set>
#include <vulkan/vulkan_core.h>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// What Vulkan 1.1 asks of every device, and less.
std::unique_ptr<vk::Device> described(const std::function<void(vk::Limits&)>& edit = {}) {
    vk::DeviceSummary summary;
    summary.name = "least";
    summary.limits = {.storage_range = uint64_t(1) << 27,
                      .allocation = uint64_t(1) << 30,
                      .invocations = 128,
                      .shared_bytes = 16384,
                      .groups = {65535, 65535, 65535},
                      .subgroup_size = 1,
                      .storage_buffers = 8};
    if (edit) edit(summary.limits);
    return vk::Device::described(std::move(summary));
}

// One block of `op`, in a model of a given width.
Result<Plan> plan_of(const vk::Device& device, const std::string& op, uint32_t width, const Bucket& bucket,
                     uint32_t context = 1024) {
    const auto json = parse_json(R"({"weft_schedule": 2, "vocabulary": 100, "width": )" + std::to_string(width) +
                                     R"(, "layers": [{"blocks": [{"pre": {}, "branches": [{)" + op +
                                     R"(}]}]}], "head": {"norm": {}}})",
                                 "a.json");
    REQUIRE(json);
    const auto schedule = schedule_from_json(*json, "a.json");
    INFO((schedule ? "" : schedule.error().text()));
    REQUIRE(schedule);
    std::vector<DeviceWeight> weights;
    for (const WeightSlot& slot : schedule->weights)
        weights.push_back(described_weight(slot, held_whole(slot, DType::bf16)));
    return dry_plan(device, *schedule, weights, layouts_of(schedule->states, {context, bucket.tokens, DType::f32}),
                    bucket, context);
}

void refuses(const Result<Plan>& plan, const std::string& words) {
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code == ErrorCode::unsupported);
    CHECK_THAT(plan.error().message, ContainsSubstring(words));
}

Bucket prefill(uint32_t tokens) { return {.tokens = tokens, .sampling = true}; }

} // namespace

TEST_CASE("plans: what a device cannot bind is named by its layer, kernel and buffer", "[schedule]") {
    const auto device = described();
    const std::string mlp = R"("op": "mlp", "inner": 65536)",
                      moe = R"("op": "moe", "experts": 64, "chosen": 32, "inner": 8192)",
                      attention = R"("op": "attention", "heads": 32, "head_size": 64)";
    for (const std::string& op :
         {mlp, moe, attention, std::string(R"("op": "mamba2")"), std::string(R"("op": "linear")"),
          std::string(R"("op": "gated_delta", "key_heads": 4, "key_size": 16)")}) {
        CAPTURE(op);
        CHECK(plan_of(*device, op, 1024, prefill(16)));
    }
    refuses(plan_of(*device, mlp, 1024, prefill(1024)), "layer 0: matmul");
    refuses(plan_of(*device, mlp, 1024, prefill(1024)), "this device at most 128");
    refuses(plan_of(*device, moe, 64, prefill(1024)), "layer 0: ");
    refuses(plan_of(*device, R"("op": "linear")", 32768, prefill(2048)), "MiB of 'residual stream' at once");
    // Of the states and of the logits.
    refuses(plan_of(*device, attention, 1024, prefill(16), 1u << 20), "one state (keys) is larger");
    const auto narrow = described([](vk::Limits& l) { l.storage_range = 1 << 15; });
    refuses(plan_of(*narrow, R"("op": "linear")", 64, {.tokens = 128, .outputs = 128}), "head: ");
    refuses(plan_of(*narrow, R"("op": "linear")", 16384, prefill(16)),
            "one row of a weight is larger than this device binds at once");
}

TEST_CASE("plans: every weight that a schedule names is bound by a call", "[schedule]") {
    const auto device = described();
    const std::string layer = R"({"kind": "layer", "bias": true})";
    const std::string ops[] = {
        R"("op": "attention", "heads": 4, "qkv": {"bias": true}, "out": {"bias": true}, "sinks": true, )"
        R"("adapter_rank": 4, "q_norm": )" +
            layer + R"(, "k_norm": )" + layer,
        R"("op": "attention", "heads": 4, "q_norm": {"bias": true}, "k_norm": {})",
        R"("op": "mlp", "inner": 64, "in": {"bias": true}, "out": {"bias": true})",
        R"("op": "moe", "experts": 4, "chosen": 2, "inner": 64, "score": "sigmoid", "choice_bias": true, )"
        R"("gate_up_bias": true, "down_bias": true)",
        R"("op": "mamba", "dt_norm": )" + layer + R"(, "b_norm": )" + layer + R"(, "c_norm": )" + layer,
        R"("op": "cross_scan", "in": {"bias": true}, "conv": {"taps_across": 3}, )"
        R"("directions": [{"conv": {"taps_across": 4, "pad_across": 3}}, {}], "norm": )" +
            layer,
        R"("op": "mamba2", "in_multipliers": true, "norm": )" + layer,
        R"("op": "gated_delta", "key_heads": 4, "key_size": 16, "norm": )" + layer,
        R"("op": "linear_attention", "heads": 4, "decay": true, "norm": )" + layer,
        R"("op": "linear_attention", "heads": 4, "conv": {}, "forget": {"of": {"rank": 8, "up": {"bias": true}}, )"
        R"("lower_bound": true}, "rope": {}, "q_norm": )" +
            layer + R"(, "k_norm": )" + layer + R"(, "norm_heads": true, "norm": )" + layer + R"(, "gate": {})",
        R"("op": "linear_attention", "heads": 4, "q_map": {"bias": true}, "k_map": {"bias": true}, "normalize": true)",
        R"("op": "linear_attention", "heads": 4, "forget": {"keys": true, "lower_bound": true}, "gate": {})",
        R"("op": "gated_delta", "key_heads": 4, "key_size": 16, "gated": false, "decays": false, "key_norm": )" +
            layer + R"(, "norm": )" + layer,
        R"("op": "rwkv6", "heads": 4, "mix_rank": 8, "mix_decay": {"bias": true}, "mix_key": {"bias": true}, )"
        R"("mix_value": {"bias": true}, "mix_receptance": {"bias": true}, "mix_gate": {"bias": true}, )"
        R"("decay": {"rank": 8, "up": {"bias": true}}, "head_norm": )" +
            layer,
        R"("op": "shifted_mlp", "inner": 64, "out": {}, "receptance": {})",
        R"("op": "hyena", "length": 64, "in": {"bias": true}, "conv": {"taps_across": 3, "pad_across": 2}, )"
        R"("out": {"bias": true})",
        R"("op": "moe", "experts": 4, "chosen": 2, "inner": 64, "gated": false, "latent": 16, "gate_up_bias": true, )"
        R"("down_bias": true, "latent_in": {"bias": true}, "latent_out": {"bias": true}, "shared": {"inner": 32})",
        R"("op": "rg_lru", "blocks": 4, "in": {"bias": true}, "out": {"bias": true})",
        R"("op": "short_conv", "in": {"bias": true}, "out": {"bias": true})"};
    for (const std::string& op : ops) {
        CAPTURE(op);
        const auto plan = plan_of(*device, op, 64, prefill(16));
        INFO((plan ? "" : plan.error().text()));
        REQUIRE(plan);
        std::set<uint32_t> bound;
        for (const vk::Call& call : plan->program.calls)
            for (const vk::Tensor& t : call.arguments) bound.insert(t.resource);
        uint32_t weights = 0;
        for (uint32_t id = 0; id < plan->program.resources.size(); ++id) {
            const std::string& name = plan->program.resources[id].name;
            if (!name.starts_with("layers.0.")) continue;
            INFO(name);
            CHECK(bound.contains(id));
            ++weights;
        }
        CHECK(weights > 3);
    }
}

TEST_CASE("plans: grids beyond what a device dispatches are named", "[schedule]") {
    const auto device = described([](vk::Limits& l) { l.groups[0] = l.groups[1] = 100; });
    CHECK(plan_of(*device, R"("op": "linear")", 64, prefill(16)));
    refuses(plan_of(*device, R"("op": "linear")", 64, prefill(4096)), "workgroups along axis ");
}

TEST_CASE("plans: workgroups that a device cannot hold are named", "[schedule]") {
    const std::string attention = R"("op": "attention", "heads": 4, "head_size": 64)";
    CHECK(plan_of(*described(), attention, 64, prefill(16)));
    refuses(plan_of(*described([](vk::Limits& l) { l.shared_bytes = 1024; }), attention, 64, prefill(16)),
            "bytes of workgroup memory, this device has at most 1024");
    refuses(plan_of(*described([](vk::Limits& l) { l.local[0] = 32; }), attention, 64, prefill(16)),
            "threads of a workgroup along axis x, this device has at most 32");
    refuses(plan_of(*described([](vk::Limits& l) { l.invocations = 64; }), attention, 64, prefill(16)),
            "threads a workgroup, this device has at most 64");
}

TEST_CASE("all recordings of a session share the activations of the largest", "[schedule]") {
    const auto s = make(load(bundled()), 2, 64, 128);
    const auto all = tokens(60, 3);
    (void)last_logits(*s, 0, std::span(all).first(3));
    const uint64_t bytes = s->activation_bytes();
    const auto small = last_logits(*s, 1, std::span(all).first(17));
    (void)last_logits(*s, 0, std::span(all).first(60));
    std::vector<std::vector<uint32_t>> made;
    const uint32_t both[] = {0, 1};
    REQUIRE(s->decode(both, 2, made));
    CHECK(s->recording_count() >= 4);
    // Beside the region each recording has a table of its dispatches' sizes.
    CHECK(s->activation_bytes() < bytes + s->recording_count() * (uint64_t(2) << 20));
    // One that gives the logits of all tokens may need more: the others are made anew, and give the same.
    s->reset(0);
    const Feed feed{0, std::span(all).first(60), 0};
    REQUIRE(s->forward({&feed, 1}, Want::all));
    s->reset(1);
    CHECK(largest_difference(small, last_logits(*s, 1, std::span(all).first(17))) == 0);
}

TEST_CASE("where the largest recording does not fit, smaller ones still run", "[schedule]") {
    const auto files = ModelFiles::open(bundled());
    REQUIRE(files);
    SessionOptions o;
    o.context = o.max_chunk = 4096;
    const auto all = tokens(4000, 3);
    const auto on = [&](vk::Device& device) {
        auto model = load_model(device, *files, WeightType::stored, {});
        REQUIRE(model);
        auto session = Session::create(*model, o);
        INFO((session ? "" : session.error().text()));
        REQUIRE(session);
        return std::move(*session);
    };
    uint64_t before = 0, region = 0;
    std::vector<float> expected;
    {
        const auto s = on(gpu());
        before = gpu().bytes_used();
        expected = last_logits(*s, 0, std::span(all).first(9));
        region = gpu().bytes_used() - before;
    }
    REQUIRE(region > (uint64_t(16) << 20));
    vk::DeviceOptions options;
    options.memory_limit = before + region / 2;
    auto device = vk::Device::create(options);
    REQUIRE(device);
    const auto s = on(**device);
    CHECK(last_logits(*s, 0, std::span(all).first(9)) == expected);
    s->reset(0);
    const Feed feed{0, all, 0};
    const auto status = s->forward({&feed, 1}, Want::last);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::out_of_memory);
    s->reset(0);
    CHECK(last_logits(*s, 0, std::span(all).first(9)) == expected);
}
