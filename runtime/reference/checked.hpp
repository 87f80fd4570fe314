// SPDX-License-Identifier: Apache-2.0
// Beside the layers: the case tables with what their results are held against, and the shapes that a case has on other
// devices: for the kernels' tests and `weft selftest`.
#pragma once
#include "cases/case.hpp"
#include "reference/comparison.hpp"
#include <memory>
#include <set>

namespace weft::detail::kernel {

struct CheckedCase : KernelCase {
    std::function<void(CaseContext&, reference::Comparison&)> check; ///< after run()
};

struct CheckedTable {
    const char* kernel;
    std::vector<CheckedCase> cases;

    template <class Options>
    CheckedTable(const CaseTable<Options>& table, void (*check)(CaseContext&, const Options&, reference::Comparison&))
        : kernel(table.kernel) {
        const KernelTable runnable = table;
        for (size_t i = 0; i < table.cases.size(); ++i)
            cases.push_back({runnable.cases[i], [check, options = table.cases[i].options](
                                                    CaseContext& context, reference::Comparison& verdict) {
                                 check(context, options, verdict);
                             }});
    }
};

/// All tables. reference/STEM.cpp defines in namespace cases::STEM
/// `void check(CaseContext&, const Options&, reference::Comparison&)`; the build lists them.
std::vector<CheckedTable> all_checked_tables();

/// A device that is only described, for whose shapes cases are run on the one at hand.
struct Guise {
    std::string name;
    std::shared_ptr<vk::Device> device;
    std::shared_ptr<vk::Device> lanes_here; ///< the same with the subgroup size of the device at hand
};

/// Whether the variant of a call has operations between the lanes of a subgroup.
bool needs_subgroups(const vk::Call& call);

/// What a case calls where a device chooses its forms and shapes.
struct Shaped {
    std::string name;                   ///< the guise's; empty: the device at hand
    std::shared_ptr<vk::Device> device; ///< the guise; null for the device at hand
    vk::Program program;
};
/// All that the case may be on `here` and in the guises, each once, the device's own first. Where a guise's choice has
/// operations between lanes and its subgroups are of another size than those here, it is what that guise would choose
/// with these. Fails (unsupported) with what the device at hand or a guise lacks.
Result<std::vector<Shaped>> shapes_of(const KernelCase& c, const vk::Device& here, std::span<const Guise> guises);

/// Which pipelines ran with a case already, so that a shape of other devices runs once.
class Coverage {
public:
    bool covers(const vk::Program& program) const;
    void add(const vk::Program& program);
    const std::set<vk::PipelineKey>& pipelines() const { return ran_; }

private:
    std::set<vk::PipelineKey> ran_;
};

/// What one run of a case gave.
struct CheckedRun {
    reference::Comparison verdict;
    std::vector<float> values; ///< of all tensors
};
/// Runs the case on `device`, in the shapes of `shaped_for` (null: its own), and compares. `on_device` is told when the
/// driver has it, and when it is back.
Result<CheckedRun> run_checked(const CheckedCase& c, vk::Device& device, const vk::Device* shaped_for,
                               const std::function<void(bool)>& on_device = {});
/// Whether two runs gave the same bits; NaN payloads included.
bool same_bits(const CheckedRun& a, const CheckedRun& b);

} // namespace weft::detail::kernel
