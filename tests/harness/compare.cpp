// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/interfaces/catch_interfaces_config.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#include <cmath>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <set>

namespace weft::test {
using namespace detail;

void require_close(std::span<const float> got, std::span<const Expected> expected, const std::string& what) {
    REQUIRE(got.size() >= expected.size());
    double worst = 0;
    size_t worst_at = 0, bad = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
        const double error = std::abs(double(got[i]) - expected[i].value);
        const double share = expected[i].value == double(got[i]) ? 0 : error / std::max(expected[i].tolerance, 1e-300);
        if (!(share <= 1)) ++bad; // NaN counts
        if (!(share <= worst)) {
            worst = share;
            worst_at = i;
            if (std::isnan(share)) break;
        }
    }
    INFO(what << ": " << bad << " of " << expected.size() << " off");
    if (bad) {
        INFO("worst at " << worst_at << ": got " << got[worst_at] << ", expected " << expected[worst_at].value
                         << ", tolerance " << expected[worst_at].tolerance << ", error / tolerance " << worst);
        REQUIRE(bad == 0);
    }
    SUCCEED();
}

namespace {

using Keys = std::vector<vk::PipelineKey>; // of calls, in their order

Keys keys_of(const vk::Program& program) {
    Keys keys;
    for (const vk::Call& call : program.calls) keys.push_back({call.kernel, call.variant, call.spec});
    return keys;
}

std::vector<float> all_values(const kernel::CaseContext& context) {
    std::vector<float> all;
    context.each([&](const std::string&, const std::vector<float>& values) {
        all.insert(all.end(), values.begin(), values.end());
    });
    return all;
}

vk::Program planned(const kernel::KernelCase& c, const vk::Device& device) {
    auto program = kernel::plan_case(c, device);
    INFO((program ? "" : program.error().text()));
    REQUIRE(program);
    return std::move(*program);
}

} // namespace

std::vector<Shaped> shapes_of(const kernel::KernelCase& c) {
    vk::Device& here = gpu();
    std::vector<Shaped> list;
    std::set<Keys> seen;
    const auto add = [&](const std::string& chip, const std::shared_ptr<vk::Device>& device, vk::Program program) {
        if (seen.insert(keys_of(program)).second) list.push_back({chip, device, std::move(program)});
    };
    add("", nullptr, planned(c, here));
    static const std::vector<Lookalikes> all = lookalikes(here);
    for (const Lookalikes& chip : all) {
        vk::Program program = planned(c, *chip.own_subgroups);
        const bool other_size = chip.own_subgroups->limits().subgroup_size != here.limits().subgroup_size;
        if (!other_size || std::ranges::none_of(program.calls, needs_subgroups))
            add(chip.names, chip.own_subgroups, std::move(program));
        else add(chip.names, chip.subgroups_here, planned(c, *chip.subgroups_here));
    }
    return list;
}

namespace {

std::map<vk::PipelineKey, uint32_t> ran; // with how many cases of this process
constexpr uint32_t kTimes = 1;

// At the end: the forms that ran and in how many shapes; with -v high each shape.
struct PrintShapes : Catch::EventListenerBase {
    using EventListenerBase::EventListenerBase;
    void testRunEnded(const Catch::TestRunStats&) override {
        std::map<std::string, std::vector<std::string>> shapes;
        for (const auto& [key, cases] : ran) {
            std::string& line =
                shapes[std::string(key.kernel->name) + "." + key.kernel->variants[key.variant].name].emplace_back();
            for (size_t i = 0; i < key.spec.size(); ++i)
                line += std::string(" ") + key.kernel->spec_names[i] + "=" + std::to_string(key.spec[i]);
        }
        for (const auto& [form, lines] : shapes) {
            std::cout << "ran " << form << " in " << lines.size() << (lines.size() == 1 ? " shape\n" : " shapes\n");
            if (m_config->verbosity() != Catch::Verbosity::High) continue;
            for (const std::string& line : lines) std::cout << "   " << line << "\n";
        }
    }
};

bool run_often(const vk::Program& program) {
    return std::ranges::all_of(program.pipelines(), [](const vk::PipelineKey& key) { return ran[key] >= kTimes; });
}

void run_once(const kernel::KernelCase& c, const vk::Device* shaped_for,
              const std::function<void(kernel::CaseContext&)>& check) {
    kernel::CaseContext context(gpu(), c.seed, shaped_for);
    c.build(context);
    const auto status = context.run();
    INFO((status ? "" : status.error().text()));
    REQUIRE(bool(status));
    check(context);
}

} // namespace
CATCH_REGISTER_LISTENER(PrintShapes)

void run_case(const char* kernel, const kernel::KernelCase& c, const std::function<void(kernel::CaseContext&)>& check) {
    SECTION(c.name) {
        INFO("seed " << c.seed << "; rerun: weft_kernels_tests '" << kernel << "' -c '" << c.name << "'");
        for (const Shaped& shape : shapes_of(c)) {
            if (shape.device && run_often(shape.program)) continue;
            for (const vk::PipelineKey& key : shape.program.pipelines()) ++ran[key];
            INFO((shape.device ? "in the shapes for " + shape.chip : "in the device's own shapes"));
            std::vector<float> first;
            run_once(c, shape.device.get(), [&](kernel::CaseContext& context) {
                check(context);
                first = all_values(context);
            });
            if (shape.device) continue;
            run_once(c, nullptr, [&](kernel::CaseContext& context) { // the same bits twice; NaN payloads included
                const auto again = all_values(context);
                REQUIRE(again.size() == first.size());
                REQUIRE((first.empty() || std::memcmp(again.data(), first.data(), first.size() * 4) == 0));
            });
        }
        require_no_validation_messages();
    }
}

} // namespace weft::test
