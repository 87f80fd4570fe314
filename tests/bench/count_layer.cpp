// SPDX-License-Identifier: Apache-2.0
// A Vulkan layer that counts what a program gives the device, whoever's program it is: peers.sh builds and loads it.
// When the program ends, one line goes to the file $COUNTS: submissions, and the dispatches and pipeline barriers of
// all command buffers in them. For programs that use one instance and one device.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

namespace {

struct Counts {
    unsigned long submissions = 0, dispatches = 0, barriers = 0;
    void add(const Counts& more) {
        dispatches += more.dispatches;
        barriers += more.barriers;
    }
};

PFN_vkGetInstanceProcAddr next_instance;
PFN_vkGetDeviceProcAddr next_device;
VkInstance instance_handle;
VkDevice device_handle;
std::mutex mutex;
std::unordered_map<VkCommandBuffer, Counts> recorded;

struct Total : Counts {
    ~Total() {
        const char* path = std::getenv("COUNTS");
        if (std::FILE* file = path && submissions ? std::fopen(path, "w") : nullptr) {
            std::fprintf(file, "%lu %lu %lu\n", submissions, dispatches, barriers);
            std::fclose(file);
        }
    }
} total;

template <class F>
F next(const char* name) {
    return reinterpret_cast<F>(next_device(device_handle, name));
}

// The link that the loader has for this layer, which is taken off the chain.
template <class Link>
auto* take_link(const void* chain, VkStructureType type) {
    auto* link = static_cast<Link*>(const_cast<void*>(chain));
    while (link->sType != type || link->function != VK_LAYER_LINK_INFO)
        link = static_cast<Link*>(const_cast<void*>(link->pNext));
    auto* mine = link->u.pLayerInfo;
    link->u.pLayerInfo = mine->pNext;
    return mine;
}

VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo* info, const VkAllocationCallbacks* allocator,
                                               VkInstance* instance) {
    const auto* link = take_link<VkLayerInstanceCreateInfo>(info->pNext, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO);
    next_instance = link->pfnNextGetInstanceProcAddr;
    const auto create = reinterpret_cast<PFN_vkCreateInstance>(next_instance(nullptr, "vkCreateInstance"));
    const VkResult result = create(info, allocator, instance);
    instance_handle = *instance;
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo* info,
                                             const VkAllocationCallbacks* allocator, VkDevice* device) {
    const auto* link = take_link<VkLayerDeviceCreateInfo>(info->pNext, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO);
    next_device = link->pfnNextGetDeviceProcAddr;
    const auto create =
        reinterpret_cast<PFN_vkCreateDevice>(link->pfnNextGetInstanceProcAddr(instance_handle, "vkCreateDevice"));
    const VkResult result = create(physical, info, allocator, device);
    device_handle = *device;
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL begin(VkCommandBuffer commands, const VkCommandBufferBeginInfo* info) {
    static const auto call = next<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer");
    const std::lock_guard lock(mutex);
    recorded[commands] = {};
    return call(commands, info);
}

VKAPI_ATTR void VKAPI_CALL dispatch(VkCommandBuffer commands, uint32_t x, uint32_t y, uint32_t z) {
    static const auto call = next<PFN_vkCmdDispatch>("vkCmdDispatch");
    const std::lock_guard lock(mutex);
    ++recorded[commands].dispatches;
    call(commands, x, y, z);
}

VKAPI_ATTR void VKAPI_CALL dispatch_indirect(VkCommandBuffer commands, VkBuffer buffer, VkDeviceSize offset) {
    static const auto call = next<PFN_vkCmdDispatchIndirect>("vkCmdDispatchIndirect");
    const std::lock_guard lock(mutex);
    ++recorded[commands].dispatches;
    call(commands, buffer, offset);
}

VKAPI_ATTR void VKAPI_CALL barrier(VkCommandBuffer commands, VkPipelineStageFlags from, VkPipelineStageFlags to,
                                   VkDependencyFlags flags, uint32_t memories, const VkMemoryBarrier* memory,
                                   uint32_t buffers, const VkBufferMemoryBarrier* buffer, uint32_t images,
                                   const VkImageMemoryBarrier* image) {
    static const auto call = next<PFN_vkCmdPipelineBarrier>("vkCmdPipelineBarrier");
    const std::lock_guard lock(mutex);
    ++recorded[commands].barriers;
    call(commands, from, to, flags, memories, memory, buffers, buffer, images, image);
}

VKAPI_ATTR void VKAPI_CALL execute(VkCommandBuffer commands, uint32_t count, const VkCommandBuffer* secondaries) {
    static const auto call = next<PFN_vkCmdExecuteCommands>("vkCmdExecuteCommands");
    const std::lock_guard lock(mutex);
    for (uint32_t i = 0; i < count; ++i) recorded[commands].add(recorded[secondaries[i]]);
    call(commands, count, secondaries);
}

VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, uint32_t count, const VkSubmitInfo* infos, VkFence fence) {
    static const auto call = next<PFN_vkQueueSubmit>("vkQueueSubmit");
    const std::lock_guard lock(mutex);
    ++total.submissions;
    for (uint32_t i = 0; i < count; ++i)
        for (uint32_t c = 0; c < infos[i].commandBufferCount; ++c) total.add(recorded[infos[i].pCommandBuffers[c]]);
    return call(queue, count, infos, fence);
}

PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance instance, const char* name);
PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice device, const char* name);

PFN_vkVoidFunction own(const char* name) {
#define ROW(function, mine)                                                                                            \
    if (std::strcmp(name, #function) == 0) return reinterpret_cast<PFN_vkVoidFunction>(mine)
    ROW(vkGetInstanceProcAddr, instance_function);
    ROW(vkGetDeviceProcAddr, device_function);
    ROW(vkCreateInstance, create_instance);
    ROW(vkCreateDevice, create_device);
    ROW(vkBeginCommandBuffer, begin);
    ROW(vkCmdDispatch, dispatch);
    ROW(vkCmdDispatchIndirect, dispatch_indirect);
    ROW(vkCmdPipelineBarrier, barrier);
    ROW(vkCmdExecuteCommands, execute);
    ROW(vkQueueSubmit, submit);
#undef ROW
    return nullptr;
}

PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice device, const char* name) {
    const PFN_vkVoidFunction mine = own(name);
    return mine ? mine : next_device(device, name);
}

PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance instance, const char* name) {
    const PFN_vkVoidFunction mine = own(name);
    return mine ? mine : next_instance(instance, name);
}

} // namespace

extern "C" VK_LAYER_EXPORT VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface* versions) {
    versions->loaderLayerInterfaceVersion = 2;
    versions->pfnGetInstanceProcAddr = instance_function;
    versions->pfnGetDeviceProcAddr = device_function;
    versions->pfnGetPhysicalDeviceProcAddr = nullptr;
    return VK_SUCCESS;
}
