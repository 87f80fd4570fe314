// SPDX-License-Identifier: Apache-2.0
// `weft bench kernels`: the tables' cases, timed.
#include "base/access.hpp"
#include "base/json.hpp"
#include "cases/case.hpp"
#include "kernels/measure_peaks.hpp"
#include <algorithm>
#include <weft/bench.hpp>

namespace weft {
using namespace detail;
namespace {

Result<KernelTiming> time_case(vk::Device& device, const char* kernel, const kernel::KernelCase& c, uint32_t repeats) {
    KernelTiming t;
    t.kernel = kernel;
    t.name = c.name;
    t.bytes = c.bytes;
    t.operations = c.operations;
    kernel::CaseContext context(device, c.seed);
    c.build(context);
    weft_TRY(context.run()); // this also compiles
    for (const auto& form : context.variants())
        if (t.forms.find(form) == t.forms.npos) t.forms += (t.forms.empty() ? "" : ", ") + form;
    weft_ASSIGN(const double ns, context.time(repeats));
    t.us = ns / 1000;
    return t;
}

} // namespace

Result<KernelBench> bench_kernels(const Device& device, const std::vector<std::string>& names, uint32_t repeats,
                                  const ProgressFunction& progress) try {
    KernelBench bench;
    bench.device = Access::state(device).summary().name;
    bench.driver = Access::state(device).summary().driver;
    const auto tables = kernel::all_kernel_cases();
    for (const auto& name : names)
        if (std::none_of(tables.begin(), tables.end(), [&](const auto& t) { return name == t.kernel; })) {
            std::string known;
            for (const auto& t : tables) known += (known.empty() ? "" : ", ") + std::string(t.kernel);
            return Error{ErrorCode::invalid_argument, "there is no kernel '" + name + "'", {"weft has: " + known}};
        }
    weft_ASSIGN(bench.peaks, kernel::measure_peaks(Access::state(device), repeats));
    std::vector<std::pair<const char*, const kernel::KernelCase*>> timed;
    for (const auto& table : tables)
        if (names.empty() || std::ranges::find(names, table.kernel) != names.end())
            for (const auto& c : table.cases)
                if (c.bytes) timed.emplace_back(table.kernel, &c);
    for (const auto& [family, c] : timed) {
        const std::string name = std::string(family) + ": " + c->name;
        if (progress && !progress({Progress::Stage::measure, bench.cases.size(), timed.size(), name}))
            return Error{ErrorCode::cancelled, "stopped", {}};
        auto t = time_case(Access::state(device), family, *c, repeats);
        if (!t) {
            if (t.error().code == ErrorCode::device_lost) return t.error();
            bench.cases.push_back({family, c->name, "", 0, c->bytes, c->operations, 0, t.error().message});
            continue;
        }
        t->share = kernel::share_of(bench.peaks, t->bytes, t->operations, t->us);
        bench.cases.push_back(std::move(*t));
    }
    return bench;
}
weft_CATCH

std::string KernelBench::text() const {
    char line[256];
    std::snprintf(line, sizeof line, "%s, %s: copy %.1f GB/s, multiply-add %.1f GFLOP/s\n", device.c_str(),
                  driver.c_str(), peaks.copy_gb_per_s, peaks.gflop_per_s);
    std::string s = line;
    for (const auto& c : cases) {
        if (c.error.empty())
            std::snprintf(line, sizeof line, "  %-16s %-44s %10.1f us %8.2f GB/s %8.2f GFLOP/s %5.1f %% of the limit\n",
                          c.kernel.c_str(), c.name.c_str(), c.us, double(c.bytes) / (c.us * 1000),
                          double(c.operations) / (c.us * 1000), 100 * c.share);
        else
            std::snprintf(line, sizeof line, "  %-16s %-44s not run: %s\n", c.kernel.c_str(), c.name.c_str(),
                          c.error.c_str());
        s += line;
    }
    return s;
}

std::string KernelBench::json() const {
    Json j{{"device", device},
           {"driver", driver},
           {"copy_gb_per_s", peaks.copy_gb_per_s},
           {"gflop_per_s", peaks.gflop_per_s},
           {"cases", Json::array()}};
    for (const auto& c : cases)
        j["cases"].push_back({{"kernel", c.kernel},
                              {"name", c.name},
                              {"forms", c.forms},
                              {"us", c.us},
                              {"bytes", c.bytes},
                              {"operations", c.operations},
                              {"share_of_limit", c.share},
                              {"error", c.error}});
    return j.dump(2);
}

} // namespace weft
