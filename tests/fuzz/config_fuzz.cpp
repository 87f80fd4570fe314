// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a config.json or a schedule file: every key read as every type, then the way to a plan.
// What becomes a schedule can be written and read again, and lowered.
#include "base/check.hpp"
#include "models/architecture.hpp"
#include "schedule/plan.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/weight_order.hpp"
#include <cstddef>

using namespace weft;
using namespace weft::detail;

namespace {

constexpr size_t kMostLayers = 300; // lowered; more of the same only take time
constexpr uint32_t kContext = 4096;

template <class T>
void check(const Result<T>& result, const JsonObject& object) {
    if (result) return;
    weft_CHECK(result.error().message.starts_with(object.origin() + ": key '"), "a message names the file and the key");
}

void read_all(const JsonObject& object) {
    for (const auto& [key, value] : object.json().items()) {
        check(object.integer(key), object);
        check(object.integer_or(key, 1), object);
        check(object.number(key), object);
        check(object.number_or(key, 1), object);
        check(object.boolean_or(key, true), object);
        check(object.string(key), object);
        check(object.string_or(key, "x"), object);
        check(object.numbers(key), object);
        check(object.strings(key), object);
        const auto count = object.count_or(key, 1);
        check(count, object);
        if (count) weft_CHECK(*count >= 1 && *count < (1u << 31), "a count is in its range");
        const auto inner = object.object(key);
        check(inner, object);
        if (inner) read_all(*inner);
        else if (value.is_array())
            for (const Json& item : value)
                if (item.is_object()) read_all(JsonObject(item, object.origin() + ": " + key));
    }
}

// What Vulkan 1.1 asks of every device, so the core form of every kernel.
const vk::Device& least_device() {
    static const auto device = [] {
        vk::DeviceSummary summary;
        summary.name = "least";
        summary.limits = {.storage_range = uint64_t(1) << 27,
                          .allocation = uint64_t(1) << 30,
                          .invocations = 128,
                          .shared_bytes = 16384,
                          .groups = {65535, 65535, 65535},
                          .subgroup_size = 1,
                          .storage_buffers = 8};
        return vk::Device::described(std::move(summary));
    }();
    return *device;
}

void lower(const Schedule& schedule) {
    size_t layers = 0;
    for (const Stage& stage : schedule.stages) layers += stage.layers.size();
    if (layers > kMostLayers) return;
    const uint32_t context = schedule.position_limit ? std::min(schedule.position_limit, kContext) : kContext;
    const auto states = layouts_of(schedule.states, {context, 256, DType::f16, 256});
    std::vector<DeviceWeight> weights;
    for (const WeightSlot& slot : schedule.weights)
        weights.push_back(described_weight(slot, held_whole(slot, DType::bf16)));
    std::vector<Bucket> buckets = {{.tokens = 256, .sampling = true}};
    if (!takes_whole(schedule)) buckets.push_back({.decode = true, .sampling = true});
    if (runs_before(schedule)) buckets.push_back({.tokens = 256, .before = true});
    for (const Bucket& bucket : buckets) {
        const auto plan = dry_plan(least_device(), schedule, weights, states, bucket, context);
        if (!plan) {
            weft_CHECK(plan.error().code == ErrorCode::unsupported, "what does not fit is not supported");
            continue;
        }
        weft_CHECK(!plan->program.calls.empty(), "a schedule has work to do");
    }
}

void to_plan(const Json& config) {
    const auto files = ModelFiles::from_config(config, "config.json");
    const auto schedule = make_schedule(*files);
    if (!schedule) {
        weft_CHECK(schedule.error().message.starts_with("config.json: "), "a message begins with the file");
        weft_CHECK(schedule.error().message.size() < 4096, "a message is short, whatever the file holds");
        return;
    }
    (void)schedule->parameters();
    const std::string text = schedule_text(*schedule);
    const auto written = parse_json(text, "written");
    weft_CHECK(bool(written), "what is written is JSON");
    const auto again = schedule_from_json(*written, "written");
    weft_CHECK(bool(again), "what is written can be read");
    weft_CHECK(hash_of(*again) == hash_of(*schedule) && schedule_text(*again) == text, "nothing is lost");
    lower(*schedule);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto json = parse_json(std::string_view(reinterpret_cast<const char*>(data), size), "config.json");
    if (!json) {
        weft_CHECK(json.error().message.starts_with("config.json: not valid JSON"), "a message begins with the file");
        return 0;
    }
    if (!json->is_object()) return 0;
    read_all(JsonObject(*json, "config.json"));
    to_plan(*json);
    return 0;
}
