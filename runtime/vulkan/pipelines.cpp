// SPDX-License-Identifier: Apache-2.0
#include "vulkan/pipelines.hpp"
#include "base/check.hpp"
#include "base/file.hpp"
#include "base/threads.hpp"
#include "vulkan/capabilities.hpp"
#include "vulkan/shader_compiler.hpp"
#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

namespace weft::detail::vk {
namespace {

// The driver checks its own header inside; ours tells a damaged or foreign file apart
// before the driver sees a byte of it.
struct CacheHeader {
    std::array<char, 8> magic{'w', 'e', 'f', 't', 'p', 'c', '0', '1'};
    uint32_t vendor = 0, device = 0, driver_version = 0, api_version = 0;
    std::array<uint8_t, VK_UUID_SIZE> uuid{};
    uint64_t bytes = 0, checksum = 0;
};

uint64_t checksum(std::span<const std::byte> bytes) { // FNV-1a
    uint64_t h = 0xcbf29ce484222325ull;
    for (std::byte b : bytes) h = (h ^ uint64_t(b)) * 0x100000001b3ull;
    return h;
}

CacheHeader header_for(const Device& device) {
    VkPhysicalDeviceProperties p;
    device.instance().fn().vkGetPhysicalDeviceProperties(device.physical(), &p);
    CacheHeader h;
    h.vendor = p.vendorID;
    h.device = p.deviceID;
    h.driver_version = p.driverVersion;
    h.api_version = p.apiVersion;
    std::copy(p.pipelineCacheUUID, p.pipelineCacheUUID + VK_UUID_SIZE, h.uuid.begin());
    return h;
}

} // namespace

bool usable(const Device& device, const KernelInfo& kernel, uint32_t variant, std::vector<std::string>* reasons) {
    const VariantInfo& v = kernel.variants[variant];
    bool ok = true;
    const auto lacks = [&](const std::string& what) {
        ok = false;
        if (reasons) reasons->push_back(std::string(kernel.name) + "." + v.name + ": " + what);
    };
    if (!v.words) lacks("this build's glslc could not compile it");
    for (uint32_t i = 0; i < v.capability_count; ++i) {
        const Capability* c = capability(v.capabilities[i]);
        if (!c)
            lacks("it declares the SPIR-V capability " + std::to_string(v.capabilities[i]) + ", which is not known");
        else if (c->needs && !device.features().has(*c->needs)) lacks(std::string("the device lacks ") + c->name);
    }
    return ok;
}

FeatureSet needed_features(const KernelInfo& kernel, uint32_t variant) {
    FeatureSet needed;
    const VariantInfo& v = kernel.variants[variant];
    for (uint32_t i = 0; i < v.capability_count; ++i)
        if (const Capability* c = capability(v.capabilities[i]); c && c->needs) needed.set(*c->needs);
    return needed;
}

void local_size(const KernelInfo& kernel, std::span<const uint32_t> spec, uint32_t (&local)[3]) {
    for (int i = 0; i < 3; ++i)
        local[i] = kernel.local_spec[i] >= 0 ? spec[size_t(kernel.local_spec[i])] : kernel.local[i];
}

Pipelines::Pipelines(Device& device) : device_(device) { load_cache(); }

Pipelines::~Pipelines() {
    (void)save_cache(); // the cache is a convenience: its loss costs time, not correctness
    const auto& fn = device_.fn();
    for (auto& [key, p] : made_) fn.vkDestroyPipeline(device_.handle(), p.handle, nullptr);
    for (auto& [key, p] : layouts_) {
        fn.vkDestroyPipelineLayout(device_.handle(), p.layout, nullptr);
        fn.vkDestroyDescriptorSetLayout(device_.handle(), p.set_layout, nullptr);
    }
    if (cache_) fn.vkDestroyPipelineCache(device_.handle(), cache_, nullptr);
}

std::filesystem::path Pipelines::cache_path() const {
    if (device_.options().cache_dir.empty()) return {};
    const CacheHeader h = header_for(device_);
    char name[96];
    std::snprintf(name, sizeof name, "pipelines-%08x-%08x-%08x.bin", h.vendor, h.device, h.driver_version);
    return device_.options().cache_dir / name;
}

void Pipelines::load_cache() {
    VkPipelineCacheCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    std::string text;
    if (const auto path = cache_path(); !path.empty())
        if (auto file = read_file(path); file && file->size() > sizeof(CacheHeader)) {
            text = std::move(*file);
            CacheHeader theirs, ours = header_for(device_);
            std::memcpy(&theirs, text.data(), sizeof theirs);
            const auto payload = std::as_bytes(std::span(text)).subspan(sizeof theirs);
            ours.bytes = payload.size();
            ours.checksum = checksum(payload);
            if (std::memcmp(&theirs, &ours, sizeof ours) == 0) {
                info.initialDataSize = payload.size();
                info.pInitialData = payload.data();
            }
        }
    if (device_.fn().vkCreatePipelineCache(device_.handle(), &info, nullptr, &cache_) != VK_SUCCESS)
        cache_ = VK_NULL_HANDLE; // pipelines are then built without one
}

Status Pipelines::save_cache() {
    std::lock_guard lock(mutex_);
    const auto path = cache_path();
    if (path.empty() || !dirty_ || !cache_) return Ok{};
    size_t size = 0;
    const auto& fn = device_.fn();
    weft_TRY(check(fn.vkGetPipelineCacheData(device_.handle(), cache_, &size, nullptr), "vkGetPipelineCacheData",
                   "the pipeline cache"));
    std::vector<std::byte> file(sizeof(CacheHeader) + size);
    const VkResult read = fn.vkGetPipelineCacheData(device_.handle(), cache_, &size, file.data() + sizeof(CacheHeader));
    if (read == VK_INCOMPLETE) return Ok{}; // another thread is adding to it, and saves it later
    weft_TRY(check(read, "vkGetPipelineCacheData", "the pipeline cache"));
    file.resize(sizeof(CacheHeader) + size);
    CacheHeader h = header_for(device_);
    h.bytes = size;
    h.checksum = checksum(std::span(file).subspan(sizeof h));
    std::memcpy(file.data(), &h, sizeof h);
    std::error_code ignored; // a directory that cannot be made shows as a failed write
    std::filesystem::create_directories(path.parent_path(), ignored);
    weft_TRY(write_file_atomically(path, file));
    dirty_ = false;
    return Ok{};
}

Result<Pipeline> Pipelines::layout_for(const KernelInfo& kernel) {
    const std::pair key{kernel.binding_count, kernel.push_bytes};
    if (const auto it = layouts_.find(key); it != layouts_.end()) return it->second;
    const auto& fn = device_.fn();
    std::vector<VkDescriptorSetLayoutBinding> bindings(kernel.binding_count);
    for (uint32_t i = 0; i < kernel.binding_count; ++i)
        bindings[i] = {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
    VkDescriptorSetLayoutCreateInfo set{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
    set.bindingCount = kernel.binding_count;
    set.pBindings = bindings.data();
    Pipeline p;
    weft_TRY(check(fn.vkCreateDescriptorSetLayout(device_.handle(), &set, nullptr, &p.set_layout),
                   "vkCreateDescriptorSetLayout", kernel.name));
    const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, kernel.push_bytes};
    VkPipelineLayoutCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    info.setLayoutCount = 1;
    info.pSetLayouts = &p.set_layout;
    info.pushConstantRangeCount = kernel.push_bytes ? 1 : 0;
    info.pPushConstantRanges = &range;
    if (auto status = check(fn.vkCreatePipelineLayout(device_.handle(), &info, nullptr, &p.layout),
                            "vkCreatePipelineLayout", kernel.name);
        !status) {
        fn.vkDestroyDescriptorSetLayout(device_.handle(), p.set_layout, nullptr);
        return std::move(status).error();
    }
    return layouts_.emplace(key, p).first->second;
}

Result<Pipeline> Pipelines::make(const PipelineKey& key) {
    const KernelInfo& kernel = *key.kernel;
    const auto& fn = device_.fn();
    Pipeline p;
    {
        std::lock_guard lock(mutex_);
        weft_ASSIGN(p, layout_for(kernel));
    }
    weft_ASSIGN(const auto words, words_of(key));
    VkShaderModuleCreateInfo module{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
    module.codeSize = words.size() * 4;
    module.pCode = words.data();
    const std::string name = std::string(kernel.name) + "." + kernel.variants[key.variant].name;
    VkShaderModule shader = VK_NULL_HANDLE;
    weft_TRY(check(fn.vkCreateShaderModule(device_.handle(), &module, nullptr, &shader), "vkCreateShaderModule", name));
    std::vector<VkSpecializationMapEntry> entries(kernel.spec_count);
    for (uint32_t i = 0; i < kernel.spec_count; ++i) entries[i] = {kernel.spec_ids[i], 4 * i, 4};
    const VkSpecializationInfo spec{kernel.spec_count, entries.data(), key.spec.size() * 4, key.spec.data()};
    VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.module = shader;
    info.stage.pName = "main";
    info.stage.pSpecializationInfo = kernel.spec_count ? &spec : nullptr;
    info.layout = p.layout;
    // What shuffles reckons with so many lanes; whole subgroups can be asked of workgroups that are made of them.
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT lanes{
        VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT};
    lanes.requiredSubgroupSize = device_.limits().subgroup_size;
    if (device_.features().has(Feature::fixed_lanes) && needed_features(kernel, key.variant).has(Feature::subgroup)) {
        info.stage.pNext = &lanes;
        uint32_t local[3];
        local_size(kernel, key.spec, local);
        if (local[0] % lanes.requiredSubgroupSize == 0)
            info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT;
    }
    if (device_.reports_pipelines()) info.flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR;
    const VkResult result = fn.vkCreateComputePipelines(device_.handle(), cache_, 1, &info, nullptr, &p.handle);
    fn.vkDestroyShaderModule(device_.handle(), shader, nullptr);
    weft_TRY(check(result, "vkCreateComputePipelines", name));
    device_.set_name(VK_OBJECT_TYPE_PIPELINE, uint64_t(p.handle), name);
    return p;
}

Result<Pipeline> Pipelines::get(const PipelineKey& key) {
    {
        std::lock_guard lock(mutex_);
        if (const auto it = made_.find(key); it != made_.end()) return it->second;
    }
    weft_ASSIGN(Pipeline p, make(key));
    std::lock_guard lock(mutex_);
    const auto [it, inserted] = made_.emplace(key, p);
    if (!inserted) device_.fn().vkDestroyPipeline(device_.handle(), p.handle, nullptr); // another thread was first
    dirty_ = true;
    return it->second;
}

Status Pipelines::build(std::span<const PipelineKey> keys, const std::function<bool(size_t, size_t)>& progress) {
    std::vector<PipelineKey> missing;
    {
        std::lock_guard lock(mutex_);
        for (const auto& key : keys)
            if (!made_.count(key) && std::find(missing.begin(), missing.end(), key) == missing.end())
                missing.push_back(key);
    }
    if (missing.empty()) return Ok{};
    std::mutex mutex;
    std::atomic<size_t> next{0}, done{0};
    std::optional<Error> failure;
    const auto caller = std::this_thread::get_id();
    run_on_threads(std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), missing.size()), [&] {
        for (size_t i; (i = next++) < missing.size();) {
            auto made = get(missing[i]);
            std::lock_guard lock(mutex);
            if (!made && !failure) failure = made.error();
            ++done;
            if (!failure && progress && std::this_thread::get_id() == caller && !progress(done, missing.size()))
                failure = Error{ErrorCode::cancelled, "stopped", {}};
            if (failure) next = missing.size();
        }
    });
    if (failure) return *failure;
    if (progress) progress(missing.size(), missing.size());
    return Ok{};
}

size_t Pipelines::count() const {
    std::lock_guard lock(mutex_);
    return made_.size();
}

Result<std::vector<uint32_t>> Pipelines::words_of(const PipelineKey& key) const {
    const VariantInfo& v = key.kernel->variants[key.variant];
    if (!device_.options().shader_dir.empty()) return compile_shader(device_.options().shader_dir, *key.kernel, v);
    return std::vector<uint32_t>(v.words, v.words + v.bytes / 4);
}

} // namespace weft::detail::vk
