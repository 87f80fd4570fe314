// SPDX-License-Identifier: Apache-2.0
// weft info: the Vulkan devices of this machine, and what weft can use of them.
#include "command.hpp"
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

namespace app {
namespace {

nlohmann::json as_json(const weft::DeviceLimits& l) {
    return {{"storage_range", l.storage_range}, {"allocation", l.allocation},
            {"invocations", l.invocations},     {"shared_bytes", l.shared_bytes},
            {"subgroup_size", l.subgroup_size}, {"subgroup_least", l.subgroup_least},
            {"subgroup_most", l.subgroup_most}, {"storage_buffers", l.storage_buffers},
            {"timestamp_ns", l.timestamp_ns}};
}

void print(const weft::DeviceLimits& l) {
    std::cout << "  storage buffer range: " << (l.storage_range >> 20) << " MiB\n"
              << "  allocation: " << (l.allocation >> 20) << " MiB\n"
              << "  workgroup invocations: " << l.invocations << "\n"
              << "  workgroup memory: " << (l.shared_bytes >> 10) << " KiB\n"
              << "  subgroup size: " << l.subgroup_size << ", of " << l.subgroup_least << " to " << l.subgroup_most
              << "\n"
              << "  storage buffers a shader: " << l.storage_buffers << "\n"
              << "  timestamp: " << (l.timestamp_ns > 0 ? std::to_string(l.timestamp_ns) + " ns" : "none") << "\n";
}

} // namespace

Command add_info(CLI::App& root) {
    auto json = std::make_shared<bool>(false);
    CLI::App* app = root.add_subcommand("info", "List Vulkan devices, features used, limits, and kernel forms");
    app->add_flag("--json", *json, "As JSON");
    return {
        app, [json] {
            auto devices = weft::list_devices();
            if (!devices) return fail(devices.error());
            const auto tiers = weft::kernel_tiers();
            if (*json) {
                nlohmann::json all{{"devices", nlohmann::json::array()}, {"tiers", nlohmann::json::array()}};
                for (const auto& d : *devices)
                    all["devices"].push_back({{"name", d.name},
                                              {"type", d.type},
                                              {"driver", d.driver},
                                              {"vulkan", d.api},
                                              {"memory_bytes", d.memory_bytes},
                                              {"features", d.features.names()},
                                              {"limits", as_json(d.limits)},
                                              {"reasons", d.reasons},
                                              {"usable", d.reasons.empty()}});
                for (const auto& t : tiers)
                    all["tiers"].push_back(
                        {{"name", t.name}, {"forms", t.forms}, {"needs", t.needs.names()}, {"compiled", t.compiled}});
                std::cout << all.dump(2) << "\n";
                return int(kDone);
            }
            for (size_t i = 0; i < devices->size(); ++i) {
                const auto& d = (*devices)[i];
                std::cout << "device " << i << ": " << d.name << " (" << d.type << ", Vulkan " << d.api
                          << (d.driver.empty() ? "" : ", " + d.driver) << "), " << (d.memory_bytes >> 20) << " MiB\n";
                for (const auto& reason : d.reasons) std::cout << "  not usable: " << reason << "\n";
                std::cout << "  features:";
                for (const std::string& f : d.features.names()) std::cout << " " << f;
                std::cout << "\n";
                print(d.limits);
                for (const auto& t : tiers) {
                    std::string missing;
                    const auto has = d.features.names();
                    for (const std::string& need : t.needs.names())
                        if (std::ranges::find(has, need) == has.end()) missing += (missing.empty() ? "" : ", ") + need;
                    std::cout << "  tier " << t.name << ": " << t.forms
                              << (t.forms == 1 ? " form of a kernel, " : " forms of kernels, ")
                              << (!t.compiled       ? "left out: the glslc of this build cannot compile them"
                                  : missing.empty() ? "usable"
                                                    : "not usable: the device lacks " + missing)
                              << "\n";
                }
            }
            return int(kDone);
        }};
}

} // namespace app
