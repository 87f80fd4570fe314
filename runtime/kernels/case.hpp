// SPDX-License-Identifier: Apache-2.0
// L2: one case table per kernel, used twice: tests/kernels compares a case with its reference,
// `weft bench kernels` times it.
#pragma once
#include "kernels/step.hpp"
#include "vulkan/recording.hpp"
#include <functional>
#include <map>
#include <memory>
#include <random>

namespace weft::kernel {

/// Random numbers for test data: the same on every machine and standard library.
class Random {
public:
    explicit Random(uint64_t seed) : engine_(seed) {}
    uint32_t below(uint32_t n) { return uint32_t(engine_() % n); }
    double uniform(double low, double high) { return low + (high - low) * double(engine_() >> 11) * 0x1p-53; }
    /// Approximately normal (sum of twelve uniforms), mean 0.
    double normal(double deviation) {
        double sum = -6;
        for (int i = 0; i < 12; ++i) sum += uniform(0, 1);
        return sum * deviation;
    }
    std::vector<float> uniforms(size_t n, double low, double high) {
        std::vector<float> v(n);
        for (float& x : v) x = float(uniform(low, high));
        return v;
    }
    std::vector<float> normals(size_t n, double deviation = 1) {
        std::vector<float> v(n);
        for (float& x : v) x = float(normal(deviation));
        return v;
    }

private:
    std::mt19937_64 engine_;
};

/// What a case builds in: tensors with host data, then calls of kernel functions on
/// `recorder()`, then run(). One thread.
class CaseContext {
public:
    CaseContext(vk::Device& device, uint64_t seed);

    Recorder& recorder() { return recorder_; }
    Random& random() { return random_; }

    /// A tensor holding `values`, rounded to `dtype` first, so that the reference sees what the shader
    /// sees (see data()). u32: values are cast.
    Tensor input(const std::string& name, DType dtype, std::initializer_list<uint32_t> shape,
                 std::vector<float> values);
    /// A weight of normal numbers or of random blocks. They repeat in a large one, to save time; their period is prime.
    Tensor weight(const std::string& name, DType dtype, std::initializer_list<uint32_t> shape, double deviation);
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
    Step step(const std::vector<Sequence>& sequences, uint32_t max_tokens = 0, const std::vector<uint32_t>& ids = {});

    /// What input() stored, after rounding; also of outputs after run().
    const std::vector<float>& data(const std::string& name) const { return host_.at(name); }
    std::vector<uint32_t> words(const std::string& name);
    void each(const std::function<void(const std::string&, const std::vector<float>&)>& visit) const {
        for (const auto& [name, values] : host_) visit(name, values);
    }
    const std::vector<Sequence>& sequences() const { return sequences_; }

    /// Plans temporaries (each its own memory), records, runs once, reads every tensor back into data().
    Status run();
    /// After run(): median nanoseconds of `repeats` further runs, from GPU timestamps where the queue has them.
    Result<double> time(uint32_t repeats);
    std::vector<std::string> variants() const; ///< "kernel.variant" of each call, in order

private:
    struct Owned {
        std::string name;
        vk::Slice slice;
        DType dtype;
        uint64_t count;
    };
    Tensor own(const std::string& name, DType dtype, std::initializer_list<uint32_t> shape,
               std::span<const std::byte> bytes);
    void fail(const Error& error) {
        if (!failure_) failure_ = error;
    }

    vk::Device& device_;
    Random random_;
    Recorder recorder_;
    vk::Arena arena_;
    std::optional<vk::Uploader> uploader_;
    std::vector<Owned> owned_;
    std::map<std::string, std::vector<float>> host_;
    std::vector<Sequence> sequences_;
    Tensor header_, grid_arguments_;
    std::optional<Error> failure_;
    std::unique_ptr<vk::Recording> prologue_, main_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkCommandBuffer commands_ = VK_NULL_HANDLE;

public:
    ~CaseContext();
    CaseContext(const CaseContext&) = delete;
};

/// One row of a case table.
struct KernelCase {
    std::string name;                        ///< unique within the table: what it exercises
    std::function<void(CaseContext&)> build; ///< makes inputs and outputs, and calls the kernel
    uint64_t bytes = 0;                      ///< fewest bytes the work must move; 0: not timed
    uint64_t operations = 0;                 ///< multiply-adds counted as two
    uint64_t seed = 1;
};

struct KernelTable {
    const char* kernel; ///< the stem shared by shader, function, reference and test
    std::vector<KernelCase> cases;
};

/// All tables; a table is defined in kernels/cases/STEM.cpp as `KernelTable STEM_cases()` and listed by the build.
std::vector<KernelTable> all_kernel_cases();

} // namespace weft::kernel
