// SPDX-License-Identifier: Apache-2.0
// weft info: the Vulkan devices of this machine, and what weft can use of them.
#include "command.hpp"
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

namespace app {

Command add_info(CLI::App& root) {
    auto json = std::make_shared<bool>(false);
    CLI::App* app = root.add_subcommand("info", "List Vulkan devices, features used, limits, and kernel forms");
    app->add_flag("--json", *json, "As JSON");
    return {app, [json] {
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
                                                  {"features", d.features},
                                                  {"limits", d.limits},
                                                  {"reasons", d.reasons},
                                                  {"usable", d.reasons.empty()}});
                    for (const auto& t : tiers)
                        all["tiers"].push_back(
                            {{"name", t.name}, {"forms", t.forms}, {"needs", t.needs}, {"compiled", t.compiled}});
                    std::cout << all.dump(2) << "\n";
                    return int(kDone);
                }
                for (size_t i = 0; i < devices->size(); ++i) {
                    const auto& d = (*devices)[i];
                    std::cout << "device " << i << ": " << d.name << " (" << d.type << ", Vulkan " << d.api
                              << (d.driver.empty() ? "" : ", " + d.driver) << "), " << (d.memory_bytes >> 20)
                              << " MiB\n";
                    for (const auto& reason : d.reasons) std::cout << "  not usable: " << reason << "\n";
                    std::cout << "  features:";
                    for (const auto& f : d.features) std::cout << " " << f;
                    std::cout << "\n";
                    for (const auto& [name, value] : d.limits) std::cout << "  " << name << ": " << value << "\n";
                    for (const auto& t : tiers) {
                        std::string missing;
                        for (const auto& need : t.needs)
                            if (std::find(d.features.begin(), d.features.end(), need) == d.features.end())
                                missing += (missing.empty() ? "" : ", ") + need;
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
