// SPDX-License-Identifier: Apache-2.0
#include "harness/chips.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "repository.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <set>
#include <tuple>

namespace weft::test {
using namespace detail;
namespace {

template <class T>
T must(Result<T> result) {
    if (!result) FAIL(result.error().text());
    return std::move(*result);
}

void must_have(const JsonObject& object, const std::set<std::string>& keys) {
    std::set<std::string> there;
    for (const auto& [key, value] : object.json().items()) there.insert(key);
    INFO(object.origin());
    REQUIRE(there == keys);
}

uint32_t version(const std::string& text) {
    uint32_t major = 0, minor = 0, patch = 0;
    REQUIRE(std::sscanf(text.c_str(), "%u.%u.%u", &major, &minor, &patch) == 3);
    return VK_MAKE_VERSION(major, minor, patch);
}

Chip read_chip(const std::filesystem::path& path) {
    const Json json = must(parse_json(must(read_file(path)), path.filename()));
    const JsonObject all(json, path.filename());
    must_have(all, {"source", "name", "type", "driver", "vulkan", "vendor", "memory_bytes", "features", "limits"});
    const JsonObject limits = must(all.object("limits"));
    must_have(limits,
              {"storage_range", "allocation", "invocations", "workgroup", "groups", "shared_bytes", "push_constants",
               "subgroup_size", "subgroup_least", "subgroup_most", "storage_buffers", "timestamp_ns"});
    const auto three = [&](const char* key, uint32_t* to) {
        const auto numbers = must(limits.numbers(key));
        REQUIRE(numbers.size() == 3);
        std::ranges::transform(numbers, to, [](double n) { return uint32_t(n); });
    };
    Chip chip;
    chip.name = path.stem();
    vk::DeviceSummary& s = chip.summary;
    s.name = must(all.string("name"));
    s.type = must(all.string("type"));
    s.driver = must(all.string("driver"));
    s.api_version = version(must(all.string("vulkan")));
    s.vendor = must(all.count("vendor"));
    s.memory_bytes = uint64_t(must(all.integer("memory_bytes")));
    static const std::map<std::string, vk::Feature> features{{"subgroup", vk::Feature::subgroup},
                                                             {"integer_dot", vk::Feature::integer_dot},
                                                             {"fast_integer_dot", vk::Feature::fast_integer_dot},
                                                             {"fixed_lanes", vk::Feature::fixed_lanes}};
    for (const std::string& name : must(all.strings("features"))) {
        REQUIRE(features.contains(name));
        s.features.set(features.at(name));
    }
    s.features.set(vk::Feature::fast_integer_dot, false); // used where a user asks for it (DeviceOptions::fast_dot)
    vk::Limits& l = s.limits;
    l.storage_range = uint64_t(must(limits.integer("storage_range")));
    l.allocation = uint64_t(must(limits.integer("allocation")));
    l.invocations = must(limits.count("invocations"));
    l.shared_bytes = must(limits.count("shared_bytes"));
    l.subgroup_size = must(limits.count("subgroup_size"));
    l.subgroup_least = must(limits.count("subgroup_least"));
    l.subgroup_most = must(limits.count("subgroup_most"));
    l.storage_buffers = must(limits.count("storage_buffers"));
    l.timestamp_ns = must(limits.number("timestamp_ns"));
    l.timestamp_mask = l.timestamp_ns > 0 ? ~0ull : 0;
    three("groups", l.groups);
    three("workgroup", l.local);
    chip.push_constants = must(limits.count("push_constants"));
    return chip;
}

} // namespace

const std::vector<Chip>& chips() {
    static const std::vector<Chip> all = [] {
        std::vector<Chip> list;
        for (const auto& file : std::filesystem::directory_iterator(repository() / "tests/gpus/fixtures"))
            list.push_back(read_chip(file.path()));
        std::ranges::sort(list, {}, &Chip::name);
        return list;
    }();
    return all;
}

std::unique_ptr<vk::Device> borrowed(const Chip& chip, const vk::Device& here, bool subgroups_here) {
    vk::DeviceSummary s = chip.summary;
    const vk::Limits& own = here.limits();
    const auto both = [](auto& limit, auto other) { limit = std::min(limit, other); };
    s.features.bits &= here.features().bits;
    both(s.limits.storage_range, own.storage_range);
    both(s.limits.allocation, own.allocation);
    both(s.limits.invocations, own.invocations);
    both(s.limits.shared_bytes, own.shared_bytes);
    both(s.limits.storage_buffers, own.storage_buffers);
    for (int axis = 0; axis < 3; ++axis) {
        both(s.limits.groups[axis], own.groups[axis]);
        both(s.limits.local[axis], own.local[axis]);
    }
    if (subgroups_here) s.limits.subgroup_size = own.subgroup_size;
    return vk::Device::described(std::move(s));
}

std::vector<kernel::Guise> lookalikes(const vk::Device& here) {
    // All that shapes are chosen by: not the name, nor how much memory there is.
    const auto chosen_by = [](const vk::DeviceSummary& s) {
        const vk::Limits& l = s.limits;
        return std::tuple(s.type, s.vendor, s.api_version >> 12, s.features.bits, l.storage_range, l.allocation,
                          l.invocations, l.shared_bytes, l.groups[0], l.groups[1], l.groups[2], l.subgroup_size,
                          l.subgroup_least, l.subgroup_most, l.storage_buffers);
    };
    std::vector<kernel::Guise> list;
    for (const Chip& chip : chips()) {
        auto device = borrowed(chip, here, false);
        const auto same = std::ranges::find_if(list, [&](const kernel::Guise& other) {
            return chosen_by(other.device->summary()) == chosen_by(device->summary());
        });
        if (same != list.end()) same->name += " " + chip.name;
        else list.push_back({chip.name, std::move(device), borrowed(chip, here, true)});
    }
    return list;
}

std::vector<std::string> over_limits(const Chip& chip, const vk::Program& program) {
    std::vector<std::string> over;
    const vk::Limits& l = chip.summary.limits;
    for (const vk::Call& call : program.calls) {
        const auto at_most = [&](const std::string& what, uint64_t needed, uint64_t limit) {
            if (needed > limit)
                over.push_back(std::string(call.kernel->name) + "." + call.kernel->variants[call.variant].name + " (" +
                               call.label + "): " + what + " " + std::to_string(needed) + ", at most " +
                               std::to_string(limit));
        };
        for (int axis = 0; axis < 3; ++axis)
            at_most(std::string("threads along ") + "xyz"[axis], call.local[axis], l.local[axis]);
        at_most("threads", uint64_t(call.local[0]) * call.local[1] * call.local[2], l.invocations);
        at_most("bytes of push constants", call.kernel->push_bytes, chip.push_constants);
        at_most("buffers", call.kernel->binding_count, l.storage_buffers);
        at_most("bytes of shared memory", call.kernel->variants[call.variant].shared_bytes(call.spec.data()),
                l.shared_bytes);
        for (const vk::Tensor& t : call.arguments) at_most("bytes bound", t.bytes(), l.storage_range);
    }
    return over;
}

} // namespace weft::test
