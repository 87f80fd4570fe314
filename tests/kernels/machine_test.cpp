// SPDX-License-Identifier: Apache-2.0
// What shapes are chosen by: the machine that a device is, and the forms that follow from it. Needs no device.
#include "kernels/attention.hpp"
#include "kernels/fit.hpp"
#include "kernels/products.hpp"
#include <catch2/catch_all.hpp>

using namespace weft;
using namespace weft::detail;
using vk::Machine;

namespace {

vk::DeviceSummary summary(const char* type, uint32_t vendor, uint32_t lanes, uint32_t least = 0) {
    vk::DeviceSummary s;
    s.type = type;
    s.vendor = vendor;
    s.limits = {.storage_range = uint64_t(1) << 27,
                .allocation = uint64_t(1) << 30,
                .invocations = 256,
                .shared_bytes = 16384,
                .groups = {65535, 65535, 65535},
                .subgroup_size = lanes,
                .subgroup_least = least ? least : lanes,
                .storage_buffers = 8};
    s.features.set(vk::Feature::subgroup);
    return s;
}

// The call that attention makes on such a device.
vk::Call attention_call(const vk::DeviceSummary& described, bool decode, uint32_t heads, uint32_t head_size) {
    const auto device = vk::Device::described(described);
    vk::Recorder r(*device);
    kernel::AttentionArgs a;
    a.step.sequences = r.temporary(DType::u32, {1, 8}, "sequences");
    a.step.max_tokens = a.step.max_sequences = 1;
    a.step.decode = decode;
    a.heads = heads;
    a.kv_heads = 1;
    a.head_size = a.value_size = head_size;
    a.q = r.temporary(DType::f32, {1, heads * head_size}, "q");
    a.y = r.external({VK_NULL_HANDLE, 0, uint64_t(1) << 20, nullptr}, DType::f32, {1, heads * head_size}, "y");
    a.k_cache = a.v_cache = r.temporary(DType::f32, {1, 1, 128, head_size}, "cache");
    kernel::attention(r, a);
    auto program = r.finish();
    REQUIRE(program);
    return program->calls.front();
}

uint32_t constant(const vk::Call& call, const std::string& name) {
    for (uint32_t i = 0; i < call.kernel->spec_count; ++i)
        if (call.kernel->spec_names[i] == name) return call.spec[i];
    FAIL("no constant " << name);
    return 0;
}

} // namespace

TEST_CASE("a machine is derived from what the driver reports", "[kernels]") {
    const Machine cpu = vk::machine_of(summary("CPU", 0x10005, 8));
    CHECK(cpu.is_cpu());
    CHECK(cpu.lanes == 8);
    CHECK(cpu.invocations == 256);
    CHECK(cpu.threads == 1024);
    const Machine mali = vk::machine_of(summary("integrated", 0x13b5, 16));
    CHECK_FALSE(mali.is_cpu());
    CHECK(mali.registers == 28);
    CHECK(mali.threads == 8192);
    CHECK(vk::machine_of(summary("discrete", 0x1002, 64, 32)).registers == 112); // RDNA
    CHECK(vk::machine_of(summary("discrete", 0x1002, 64)).registers == 64);      // GCN
    CHECK(vk::machine_of(summary("discrete", 0x10de, 32)).registers == 112);
    CHECK(vk::machine_of(summary("integrated", 0x8086, 32, 8)).registers == 56);
    const Machine unknown = vk::machine_of(summary("other", 1, 32));
    CHECK(unknown.registers == 64);
    CHECK(unknown.registers_of_few() == 96);
    CHECK(unknown.threads == 65536);
}

TEST_CASE("the first shape that fits is taken, or the cheapest", "[kernels]") {
    const auto itself = [](uint32_t n) { return n; };
    CHECK(kernel::fit(5, std::vector<uint32_t>{8, 5, 3}, itself) == 5);
    CHECK(kernel::fit(8, std::vector<uint32_t>{8, 5, 3}, itself) == 8);
    CHECK(kernel::fit(2, std::vector<uint32_t>{8, 5, 3}, itself) == 3);
}

TEST_CASE("GPUs with small subgroups get no form for CPUs", "[kernels]") {
    for (const uint32_t lanes : {4u, 8u, 16u}) {
        INFO(lanes << " lanes");
        const vk::DeviceSummary gpu = summary("integrated", 0x13b5, lanes), cpu = summary("CPU", 0x10005, lanes);
        const vk::Call prefill = attention_call(gpu, false, 8, 128);
        CHECK(std::string(prefill.kernel->variants[prefill.variant].name) != "broadcast");
        CHECK(constant(prefill, "SPLIT") > 1);
        CHECK(constant(attention_call(gpu, true, 8, 128), "KEEP_Q") == 0);
        const vk::Call on_cpu = attention_call(cpu, false, 8, 128);
        CHECK(std::string(on_cpu.kernel->variants[on_cpu.variant].name) == "broadcast");
        CHECK(constant(attention_call(cpu, true, 8, 128), "KEEP_Q") == 1);
        vk::Tensor weight;
        weight.dtype = DType::f16;
        weight.rank = 2;
        weight.shape = {4096, 4096};
        CHECK(kernel::rows_shape(vk::machine_of(gpu), 1, 4096, weight, false).lanes == lanes);
        CHECK(kernel::rows_shape(vk::machine_of(cpu), 1, 4096, weight, false).lanes == 1);
        CHECK(kernel::tile_shape(vk::machine_of(gpu), 256, 4096, false).direct == 0);
        CHECK(kernel::tile_shape(vk::machine_of(cpu), 256, 4096, false).direct == 1);
    }
}

TEST_CASE("shapes follow the registers of a machine", "[kernels]") {
    const auto tile = [](uint32_t registers) {
        return kernel::tile_shape({.registers = registers}, 4096, 4096, false);
    };
    CHECK(tile(112).tm * tile(112).tn == 32);
    CHECK(tile(64).tm * tile(64).tn == 32);
    CHECK(tile(28).tm * tile(28).tn == 8);
    // gpt-oss: heads of 64, eight of them a kv head; Gemma-3: of 256, two.
    const auto heads = [](uint32_t vendor, uint32_t group, uint32_t size) {
        return constant(attention_call(summary("discrete", vendor, 32), true, group, size), "HEADS");
    };
    CHECK(heads(0x10de, 8, 64) == 4);
    CHECK(heads(0x5143, 8, 64) == 3);
    CHECK(heads(0x13b5, 8, 64) == 1);
    CHECK(heads(0x10de, 2, 256) == 2);
    CHECK(heads(0x5143, 2, 256) == 1);
    const vk::Call prefill = attention_call(summary("integrated", 0x5143, 128), false, 8, 64);
    CHECK(constant(prefill, "ROWS") == 2);
    CHECK(constant(prefill, "SPLIT") == 4);
}
