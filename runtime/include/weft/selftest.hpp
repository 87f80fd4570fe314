// SPDX-License-Identifier: Apache-2.0
// Public: whether a device computes what weft's kernels mean, case by case.
#pragma once
#include <weft/bench.hpp>

namespace weft {

/// Something that a device was asked for.
struct SelftestProbe {
    std::string name, expected, measured;
    bool passed = true; ///< also of what is only told, because kernels do not rely on it
};

/// A case of a kernel that a device cannot run, or that did not give what was due.
struct SelftestNote {
    std::string name; ///< the case
    std::string form; ///< forms and their constants, and for which other device they are chosen; empty: not known
    std::string what;
};

struct SelftestKernel {
    std::string kernel;
    uint32_t cases = 0;             ///< that were run
    uint32_t runs = 0;              ///< of them, in all forms and shapes
    std::vector<std::string> forms; ///< that ran
    double seconds = 0;
    double worst = 0; ///< largest error as a share of its tolerance
    std::vector<SelftestNote> skipped, faults;
};

struct Selftest {
    std::string weft; ///< its version
    DeviceInfo device;
    bool quick = false;
    std::vector<std::string> quirks; ///< in force: what is switched off, and why
    std::vector<SelftestProbe> probes;
    std::vector<SelftestKernel> kernels;
    std::string stopped; ///< why it ended early: the device was lost; empty: it is complete
    double seconds = 0;
    weft_API bool passed() const;
    weft_API std::string text() const, json() const;
};

struct SelftestOptions {
    std::vector<std::string> kernels; ///< empty: all, and the probes
    /// Cases in the device's own shapes, of the large ones those with a form that no small one has; else all, and in
    /// the shapes of devices of other kinds.
    bool quick = false;
    /// Is given text() piece by piece, as soon as there is one, so that what is known outlives a device that hangs.
    std::function<void(std::string_view)> report;
    /// Is told what the driver works on, and with nothing when it is back: who waits too long knows for what.
    std::function<void(std::string_view)> on_device;
    ProgressFunction progress; ///< stage measure, cases, with their names; false stops
};
/// Runs probes and the kernels' cases and compares them with references in double precision. A device that computes
/// wrongly is no error but what the result says; errors are a kernel that is not there, and being stopped. In a library
/// of its own, weft::selftest, to be linked beside weft::weft. One thread, which the device should be left to.
weft_API Result<Selftest> selftest(const Device& device, const SelftestOptions& options = {});

} // namespace weft
