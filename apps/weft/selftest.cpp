// SPDX-License-Identifier: Apache-2.0
// weft selftest: does this device compute what weft means? A report to paste into a bug report.
#include "console.hpp"
#include "numbers.hpp"
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <memory>
#include <mutex>
#include <thread>

namespace app {
namespace {

// Ends the process when the driver keeps something for too long: nobody can go on from there, nor wait for the device.
class Watch {
public:
    explicit Watch(std::chrono::seconds patience) : patience_(patience), thread_([this] { wait(); }) {}
    ~Watch() {
        {
            const std::lock_guard lock(mutex_);
            ends_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }
    Watch(const Watch&) = delete;

    // What the driver works on; empty: nothing.
    void on_device(std::string_view what) {
        {
            const std::lock_guard lock(mutex_);
            what_ = what;
            since_ = Clock::now();
        }
        changed_.notify_one();
    }

private:
    using Clock = std::chrono::steady_clock;

    void wait() {
        std::unique_lock lock(mutex_);
        while (!ends_) {
            if (what_.empty()) changed_.wait(lock);
            else if (Clock::now() < since_ + patience_) changed_.wait_until(lock, since_ + patience_);
            else {
                std::cout << "stopped: " << what_ << ": the device has not come back for " << patience_.count()
                          << " s (--patience)\nFAILED\n"
                          << std::flush;
                std::_Exit(kFailed);
            }
        }
    }

    const std::chrono::seconds patience_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string what_;
    Clock::time_point since_;
    bool ends_ = false;
    std::thread thread_;
};

struct SelftestFlags {
    weft::SelftestOptions options;
    uint32_t patience = 60;
    bool json = false;
    DeviceFlags device;
};

int run_selftest(const SelftestFlags& f) {
    auto device = f.device.open();
    if (!device) return fail(device.error());
    Watch watch{std::chrono::seconds(f.patience)};
    const bool terminal = is_terminal(Stream::error);
    weft::SelftestOptions options = f.options;
    options.on_device = [&](std::string_view what) { watch.on_device(what); };
    options.progress = [&](const weft::Progress& p) {
        if (terminal) std::cerr << "\r\033[K" << p.name << std::flush;
        return !g_interrupted;
    };
    if (!f.json)
        options.report = [&](std::string_view text) {
            if (terminal) std::cerr << "\r\033[K" << std::flush;
            std::cout << text << std::flush;
        };
    const auto result = weft::selftest(*device, options);
    if (terminal) std::cerr << "\r\033[K";
    if (!result) return fail(result.error());
    if (f.json) std::cout << result->json() << "\n";
    int code = result->passed() ? kDone : kFailed;
    for (const auto& message : device->validation_messages()) {
        std::cerr << "validation: " << message << "\n";
        code = kFailed;
    }
    return code;
}

} // namespace

Command add_selftest(CLI::App& root) {
    auto f = std::make_shared<SelftestFlags>();
    CLI::App* app = root.add_subcommand(
        "selftest", "Hold every kernel against its reference on this device, in every form: a report for a bug report");
    app->add_flag("--quick", f->options.quick,
                  "Small cases, in the device's own forms: tens of seconds instead of minutes");
    app->add_option("--kernel", f->options.kernels, "Only this kernel, without probes; may be given several times");
    add_number<uint32_t>(*app, "--patience", f->patience,
                         "Seconds after which a device counts as hanging; software drivers compile in that time", 1,
                         3600)
        ->default_str("60");
    app->add_flag("--json", f->json, "As JSON, when all is done");
    f->device.add(*app);
    return {app, [f] { return run_selftest(*f); }};
}

} // namespace app
