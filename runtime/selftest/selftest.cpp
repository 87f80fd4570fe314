// SPDX-License-Identifier: Apache-2.0
// `weft selftest`: probes, then every case in every shape that the device can run, held against the references.
#include "base/access.hpp"
#include "base/json.hpp"
#include "reference/checked.hpp"
#include "selftest/probes.hpp"
#include "vulkan/pipelines.hpp"
#include <algorithm>
#include <chrono>
#include <tuple>
#include <weft/selftest.hpp>
#include <weft/version.hpp>

namespace weft {
using namespace detail;
namespace {

// Of a quick test: what a CPU driver and the reference do in a fraction of a second.
constexpr uint64_t kQuickOperations = uint64_t(1) << 24, kQuickBytes = uint64_t(1) << 20;

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

template <class... Arguments>
std::string line(const char* format, const Arguments&... arguments) {
    char text[512];
    std::snprintf(text, sizeof text, format, arguments...);
    return text;
}

std::string joined(const std::vector<std::string>& list, const char* between) {
    std::string all;
    for (const std::string& one : list) all += (all.empty() ? "" : between) + one;
    return all.empty() ? "none" : all;
}

void add_once(std::vector<std::string>& list, std::string one) {
    if (std::ranges::find(list, one) == list.end()) list.push_back(std::move(one));
}

std::string form_of(const vk::Call& call) {
    return std::string(call.kernel->name) + "." + call.kernel->variants[call.variant].name;
}

// The device as others: a CPU, and GPUs of each register budget (vulkan/machine.cpp), with shuffles and without, and
// one with the least that Vulkan promises.
std::vector<kernel::Guise> guises_of(const vk::Device& here) {
    constexpr std::pair<const char*, uint32_t> kGpus[] = {
        {"NVIDIA", 0x10de}, {"Intel", 0x8086}, {"Arm", 0x13b5}, {"another vendor", 1}};
    std::vector<kernel::Guise> guises;
    const auto add = [&](std::string name, vk::DeviceSummary s) {
        for (const bool shuffles : {true, false}) {
            if (!s.features.has(vk::Feature::subgroup) && shuffles) continue;
            s.features.set(vk::Feature::subgroup, shuffles);
            const std::shared_ptr<vk::Device> device = vk::Device::described(s);
            guises.push_back({name + (shuffles ? "" : " without shuffles"), device, device});
        }
    };
    vk::DeviceSummary s = here.summary();
    s.type = "CPU";
    add("a CPU", s);
    s.type = "discrete";
    for (const auto& [name, vendor] : kGpus) {
        s.vendor = vendor;
        add(std::string("a GPU of ") + name, s);
    }
    s.limits.invocations = std::min(s.limits.invocations, 128u);
    s.limits.shared_bytes = std::min(s.limits.shared_bytes, uint32_t(16) << 10);
    add("the least GPU", s);
    return guises;
}

// "norm.core LOCAL=64 ..., ..., as for a GPU of Arm".
std::string shape_of(const kernel::Shaped& shape) {
    std::vector<std::string> calls;
    for (const vk::Call& call : shape.program.calls) {
        std::string one = form_of(call);
        for (size_t i = 0; i < call.spec.size(); ++i)
            one += std::string(" ") + call.kernel->spec_names[i] + "=" + std::to_string(call.spec[i]);
        add_once(calls, std::move(one));
    }
    return joined(calls, ", ") + (shape.device ? ", as for " + shape.name : "");
}

std::string header_of(const Selftest& t) {
    const DeviceInfo& d = t.device;
    const DeviceLimits& l = d.limits;
    return "weft " + t.weft + " selftest" + (t.quick ? ", quick" : "") + "\ndevice: " + d.name + ", " + d.type +
           ", Vulkan " + d.api + ", " + d.driver + "\n  " + std::to_string(d.memory_bytes >> 20) +
           " MiB; features: " + joined(d.features.names(), " ") + "; quirks: " + joined(t.quirks, "; ") + "\n" +
           line("  storage range %llu MiB, allocation %llu MiB, %u threads and %u KiB a workgroup, subgroups of %u (%u "
                "to "
                "%u), %u buffers a shader, timestamps of %g ns\n",
                static_cast<unsigned long long>(l.storage_range >> 20),
                static_cast<unsigned long long>(l.allocation >> 20), l.invocations, l.shared_bytes >> 10,
                l.subgroup_size, l.subgroup_least, l.subgroup_most, l.storage_buffers, l.timestamp_ns);
}

std::string text_of(const SelftestProbe& p) {
    return line("  %-5s %-26s expected %-20s measured %s\n", p.passed ? "ok" : "WRONG", p.name.c_str(),
                (p.expected + ",").c_str(), p.measured.c_str());
}

// A line of a list of skipped cases or of faults; most are enough to see what is wrong, and the JSON has all.
std::string text_of(const SelftestKernel& k, const std::vector<SelftestNote>& list, size_t i) {
    constexpr size_t kMost = 10;
    if (i > kMost) return "";
    const std::string what = &list == &k.faults ? "  wrong " : "  skipped ";
    if (i == kMost) return what + k.kernel + ": more than " + std::to_string(kMost) + "\n";
    const SelftestNote& n = list[i];
    return what + k.kernel + " \"" + n.name + "\"" + (n.form.empty() ? "" : " (" + n.form + ")") + ": " + n.what + "\n";
}

std::string text_of(const SelftestKernel& k) {
    return line("  %-5s %-16s %4u cases, %5u runs, %6.1f s, error %3.0f %% of its tolerance",
                k.faults.empty() ? "ok" : "WRONG", k.kernel.c_str(), k.cases, k.runs, k.seconds, 100 * k.worst) +
           (k.skipped.empty() ? "" : ", " + std::to_string(k.skipped.size()) + " skipped") + "; " +
           joined(k.forms, " ") + "\n";
}

std::string end_of(const Selftest& t) {
    size_t cases = 0, runs = 0, faults = 0, skipped = 0;
    for (const SelftestProbe& p : t.probes) faults += !p.passed;
    for (const SelftestKernel& k : t.kernels) {
        cases += k.cases;
        runs += k.runs;
        faults += k.faults.size();
        skipped += k.skipped.size();
    }
    return (t.stopped.empty() ? "" : "stopped: " + t.stopped + "\n") +
           line("%s: %zu cases in %zu runs, %zu wrong, %zu skipped, %.1f s\n", t.passed() ? "passed" : "FAILED", cases,
                runs, faults, skipped, t.seconds);
}

class Run {
public:
    Run(vk::Device& device, const SelftestOptions& options, Selftest& result)
        : device_(device), options_(options), result_(result) {
        if (!options.quick) guises_ = guises_of(device);
    }

    // Errors are the caller's; what the device does is in the result.
    Status probes() {
        report("probes\n");
        for (const Probe& p : all_probes()) {
            weft_TRY(next(std::string("probe ") + p.name));
            on_device(true);
            auto found = p.run(device_);
            on_device(false);
            if (!found && found.error().code == ErrorCode::device_lost)
                result_.stopped = now_ + ": " + found.error().text();
            if (!found) found = std::vector<SelftestProbe>{{p.name, "an answer", found.error().text(), false}};
            for (const SelftestProbe& one : *found) report(text_of(one));
            result_.probes.insert(result_.probes.end(), found->begin(), found->end());
            if (!result_.stopped.empty()) break;
        }
        return Ok{};
    }

    Status kernels(const std::vector<kernel::CheckedTable>& tables) {
        for (const auto& table : tables) total_ += table.cases.size();
        report("kernels\n");
        for (const auto& table : tables) {
            if (!result_.stopped.empty()) break;
            SelftestKernel& k = result_.kernels.emplace_back();
            k.kernel = table.kernel;
            const auto begin = Clock::now();
            for (const kernel::CheckedCase& c : table.cases) {
                weft_TRY(next(k.kernel + ": " + c.name));
                ++done_;
                test(c, k);
                if (!result_.stopped.empty()) break;
            }
            k.seconds = seconds_since(begin);
            report(text_of(k));
        }
        return Ok{};
    }

    void report(const std::string& text) const {
        if (options_.report) options_.report(text);
    }

private:
    Status next(const std::string& what) {
        now_ = what;
        if (options_.progress && !options_.progress({Progress::Stage::measure, done_, total_, now_}))
            return Error{ErrorCode::cancelled, "stopped", {}};
        return Ok{};
    }
    void on_device(bool begins) const {
        if (options_.on_device) options_.on_device(begins ? std::string_view(now_) : std::string_view());
    }

    void note(const SelftestKernel& k, std::vector<SelftestNote>& list, SelftestNote n) const {
        list.push_back(std::move(n));
        report(text_of(k, list, list.size() - 1));
    }
    void failed(const kernel::CheckedCase& c, const std::string& form, const Error& error, SelftestKernel& k) {
        const bool lacking = error.code == ErrorCode::unsupported || error.code == ErrorCode::out_of_memory;
        note(k, lacking ? k.skipped : k.faults, {c.name, form, error.text()});
        if (error.code == ErrorCode::device_lost) result_.stopped = now_ + ": " + error.text();
    }

    void test(const kernel::CheckedCase& c, SelftestKernel& k) {
        auto shapes = kernel::shapes_of(c, device_, guises_);
        if (!shapes) return failed(c, "", shapes.error(), k);
        const bool large = c.operations > kQuickOperations || c.bytes > kQuickBytes;
        if (options_.quick && large && std::ranges::all_of(shapes->front().program.calls, [&](const vk::Call& call) {
                return std::ranges::find(k.forms, form_of(call)) != k.forms.end();
            }))
            return;
        ++k.cases;
        std::vector<vk::PipelineKey> pipelines;
        std::erase_if(*shapes, [&](const kernel::Shaped& shape) {
            if (shape.device && covered_.covers(shape.program)) return true;
            covered_.add(shape.program);
            for (vk::PipelineKey& key : shape.program.pipelines()) pipelines.push_back(std::move(key));
            return false;
        });
        // Side by side, and not while the device is waited for. What cannot be built says so below, with its form.
        std::ignore = device_.pipelines().build(pipelines, {});
        for (const kernel::Shaped& shape : *shapes) {
            const std::string form = shape_of(shape);
            const auto run = [&] {
                ++k.runs;
                return kernel::run_checked(c, device_, shape.device.get(), [&](bool begins) { on_device(begins); });
            };
            const auto first = run();
            if (!first) {
                failed(c, form, first.error(), k);
                if (!result_.stopped.empty()) return;
                continue;
            }
            for (const vk::Call& call : shape.program.calls) add_once(k.forms, form_of(call));
            k.worst = std::max(k.worst, first->verdict.worst());
            for (const std::string& fault : first->verdict.faults()) note(k, k.faults, {c.name, form, fault});
            if (shape.device) continue;
            const auto again = run();
            if (!again) return failed(c, form, again.error(), k);
            if (!kernel::same_bits(*first, *again)) note(k, k.faults, {c.name, form, "a second run gave other bits"});
        }
    }

    vk::Device& device_;
    const SelftestOptions& options_;
    Selftest& result_;
    std::vector<kernel::Guise> guises_;
    kernel::Coverage covered_;
    std::string now_;
    size_t done_ = 0, total_ = 0;
};

Json notes_json(const std::vector<SelftestNote>& list) {
    Json all = Json::array();
    for (const SelftestNote& n : list) all.push_back({{"case", n.name}, {"form", n.form}, {"what", n.what}});
    return all;
}

} // namespace

Result<Selftest> selftest(const Device& device, const SelftestOptions& options) try {
    const auto begin = Clock::now();
    auto tables = kernel::all_checked_tables();
    const auto wanted = [&](const std::string& name) {
        return options.kernels.empty() || std::ranges::find(options.kernels, name) != options.kernels.end();
    };
    for (const std::string& name : options.kernels) {
        if (std::ranges::any_of(tables, [&](const auto& t) { return name == t.kernel; })) continue;
        std::vector<std::string> known;
        for (const auto& t : tables) known.emplace_back(t.kernel);
        return Error{
            ErrorCode::invalid_argument, "there is no kernel '" + name + "'", {"weft has: " + joined(known, ", ")}};
    }
    std::erase_if(tables, [&](const auto& t) { return !wanted(t.kernel); });

    Selftest result;
    result.weft = weft_VERSION;
    result.device = device.info();
    result.quirks = Access::state(device).summary().quirks;
    result.quick = options.quick;
    Run run(Access::state(device), options, result);
    run.report(header_of(result));
    if (options.kernels.empty()) weft_TRY(run.probes());
    if (result.stopped.empty()) weft_TRY(run.kernels(tables));
    result.seconds = seconds_since(begin);
    run.report(end_of(result));
    return result;
}
weft_CATCH

bool Selftest::passed() const {
    return stopped.empty() && std::ranges::all_of(probes, &SelftestProbe::passed) &&
           std::ranges::all_of(kernels, [](const SelftestKernel& k) { return k.faults.empty(); });
}

std::string Selftest::text() const {
    std::string all = header_of(*this);
    if (!probes.empty()) all += "probes\n";
    for (const SelftestProbe& p : probes) all += text_of(p);
    if (!kernels.empty()) all += "kernels\n";
    for (const SelftestKernel& k : kernels) {
        for (const auto* list : {&k.faults, &k.skipped})
            for (size_t i = 0; i < list->size(); ++i) all += text_of(k, *list, i);
        all += text_of(k);
    }
    return all + end_of(*this);
}

std::string Selftest::json() const {
    Json j{{"weft", weft},
           {"device", device.name},
           {"type", device.type},
           {"driver", device.driver},
           {"vulkan", device.api},
           {"features", device.features.names()},
           {"quirks", quirks},
           {"quick", quick},
           {"probes", Json::array()},
           {"kernels", Json::array()},
           {"stopped", stopped},
           {"seconds", seconds},
           {"passed", passed()}};
    for (const SelftestProbe& p : probes)
        j["probes"].push_back(
            {{"name", p.name}, {"expected", p.expected}, {"measured", p.measured}, {"passed", p.passed}});
    for (const SelftestKernel& k : kernels)
        j["kernels"].push_back({{"kernel", k.kernel},
                                {"cases", k.cases},
                                {"runs", k.runs},
                                {"seconds", k.seconds},
                                {"forms", k.forms},
                                {"worst_of_tolerance", k.worst},
                                {"skipped", notes_json(k.skipped)},
                                {"faults", notes_json(k.faults)}});
    return j.dump(2);
}

} // namespace weft
