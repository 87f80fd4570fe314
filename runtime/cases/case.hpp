// SPDX-License-Identifier: Apache-2.0
// Beside the layers: one case table per kernel, used twice: tests and `weft selftest` compare a case with its reference
// (reference/checked.hpp), `weft bench kernels` times it.
#pragma once
#include "base/random.hpp"
#include "kernels/step.hpp"
#include "vulkan/timed_run.hpp"
#include "vulkan/uploader.hpp"
#include <functional>
#include <map>
#include <optional>

namespace weft::detail::kernel {

/// What a case builds in: tensors with host data, then calls of kernel functions on
/// `recorder()`, then run(). One thread.
class CaseContext {
public:
    /// `shaped_for`: the device whose forms and shapes the case takes, if not those of the one that it runs on. What it
    /// chooses must be able to run there.
    CaseContext(vk::Device& device, uint64_t seed, const vk::Device* shaped_for = nullptr);
    CaseContext(const CaseContext&) = delete;

    Recorder& recorder() { return recorder_; }
    Random& random() { return random_; }

    /// A tensor holding `values`, rounded to `dtype` first, so that the reference sees what the shader
    /// sees (see data()). u32: values are cast.
    Tensor input(const std::string& name, DType dtype, std::initializer_list<uint32_t> shape,
                 std::vector<float> values);
    /// A weight of normal numbers or of random blocks. They repeat in a large one, to save time; their period is prime.
    Tensor weight(const std::string& name, DType dtype, std::initializer_list<uint32_t> shape, double deviation);
    /// A cache [slots, heads, capacity, size] that holds `values`, rounded as input() rounds.
    Tensor cache(const std::string& name, DType type, const std::array<uint32_t, 4>& shape, std::vector<float> values);
    /// One filled as output() fills: NaN.
    Tensor empty_cache(const std::string& name, DType type, const std::array<uint32_t, 4>& shape);
    Tensor input_words(const std::string& name, std::initializer_list<uint32_t> shape,
                       const std::vector<uint32_t>& words);
    /// A tensor filled with NaN (f32, f16, bf16) or 0xffffffff: what a kernel does not write shows.
    Tensor output(const std::string& name, DType dtype, std::initializer_list<uint32_t> shape);
    /// A step block for these sequences {slot, new tokens, past}; all tokens are outputs. A sequence reads its constant
    /// states at `slot` and writes them at `slot + moved`, and has a memory of `memory` rows. `max_tokens`
    /// (0: just enough) makes the bucket larger than the step.
    struct Sequence {
        uint32_t slot, count, past, length = 0, moved = 0, memory = 0;
    };
    /// `axes`: of positions, each token's apart from that in its sequence, which "step positions" begins with.
    Step step(const std::vector<Sequence>& sequences, uint32_t max_tokens = 0, const std::vector<uint32_t>& ids = {},
              uint32_t axes = 0);

    /// What input() stored, after rounding; also of outputs after run().
    const std::vector<float>& data(const std::string& name) const { return host_.at(name); }
    std::vector<uint32_t> words(const std::string& name);
    /// data(), or nothing where the case has no tensor of that name.
    template <class Number = float>
    std::vector<Number> optional(const std::string& name) const {
        const auto found = host_.find(name);
        return found == host_.end() ? std::vector<Number>()
                                    : std::vector<Number>(found->second.begin(), found->second.end());
    }
    void each(const std::function<void(const std::string&, const std::vector<float>&)>& visit) const {
        for (const auto& [name, values] : host_) visit(name, values);
    }
    const std::vector<Sequence>& sequences() const { return sequences_; }

    /// Plans temporaries (each its own memory), records, runs once, reads every tensor back into data().
    Status run();
    /// After run(), as vk::TimedRun::time: median nanoseconds of `repeats` further runs.
    Result<double> time(uint32_t repeats);
    std::vector<std::string> variants() const; ///< "kernel.variant" of each call, in order

private:
    friend Result<vk::Program> plan_case(const struct KernelCase& c, const vk::Device& device);
    explicit CaseContext(const vk::Device& shaped_for);
    struct Owned {
        std::string name;
        vk::Slice slice;
        DType dtype;
        uint64_t count;
        uint32_t channels = 0; // of a row of a cache in q8_0
    };
    Tensor own(const std::string& name, DType dtype, std::initializer_list<uint32_t> shape,
               std::span<const std::byte> bytes);
    void fail(const Error& error) {
        if (!failure_) failure_ = error;
    }

    vk::Device* device_ = nullptr; // none: the case is only planned
    Random random_;
    Recorder recorder_;
    std::optional<vk::Arena> arena_;
    std::optional<vk::Uploader> uploader_;
    std::vector<Owned> owned_;
    std::map<std::string, std::vector<float>> host_;
    std::vector<Sequence> sequences_;
    Tensor header_, grid_arguments_;
    std::optional<Error> failure_;
    std::optional<vk::TimedRun> run_;
};
using Sequences = std::vector<CaseContext::Sequence>;

/// New tokens of all sequences.
uint64_t tokens_of(const Sequences& sequences);
/// So many that one is nobody's.
uint32_t slots_of(const Sequences& sequences);

/// One row of a kernel's table. `Options` say all that the case is: the table's build() and the kernel's test read
/// them.
template <class Options>
struct Case {
    std::string name; ///< unique within the table: what it exercises
    Options options;
    uint64_t bytes = 0;      ///< fewest bytes the work must move; 0: not timed
    uint64_t operations = 0; ///< multiply-adds counted as two
    uint64_t seed = 1;
};

template <class Options>
struct CaseTable {
    const char* kernel;                                    ///< the stem shared by shader, function, reference and test
    void (*build)(CaseContext&, const Options&) = nullptr; ///< makes inputs and outputs, and calls the kernel
    std::vector<Case<Options>> cases;
};

/// The same for who only runs it.
struct KernelCase {
    std::string name;
    std::function<void(CaseContext&)> build;
    uint64_t bytes, operations, seed;
};
struct KernelTable {
    const char* kernel;
    std::vector<KernelCase> cases;

    template <class Options>
    KernelTable(const CaseTable<Options>& table) : kernel(table.kernel) {
        for (const auto& c : table.cases)
            cases.push_back({c.name,
                             [build = table.build, options = c.options](CaseContext& ctx) { build(ctx, options); },
                             c.bytes, c.operations, c.seed});
    }
};

/// What the case calls, in the forms and shapes that `device` takes, which may be one that is only described.
Result<vk::Program> plan_case(const KernelCase& c, const vk::Device& device);

/// All tables. cases/STEM.hpp declares one as `CaseTable<Options> table()` in the namespace cases::STEM, which also
/// holds the names that cases/STEM.cpp needs for itself; the build lists them.
std::vector<KernelTable> all_kernel_cases();

} // namespace weft::detail::kernel
