// SPDX-License-Identifier: Apache-2.0
// weft inside a program that has its own Vulkan device: it computes there, shares the queue,
// and leaves everything as it was.
#include "device.hpp"
#include "repository.hpp"
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <dlfcn.h>
#include <mutex>
#include <thread>
#include <vulkan/vulkan.h>
#include <weft/weft.hpp>

using namespace weft;
using namespace weft::detail;

namespace {

/// A host program: the loader, an instance, the first device with a queue that computes, no feature enabled,
/// and a command buffer of its own.
class Host {
public:
    static constexpr uint32_t kWords = 1 << 16;

    Host() {
        library_ = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
        if (!library_) SKIP("no Vulkan loader");
        proc = reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library_, "vkGetInstanceProcAddr"));
        const VkApplicationInfo app{
            VK_STRUCTURE_TYPE_APPLICATION_INFO, nullptr, "host", 1, "host", 1, VK_API_VERSION_1_1};
        VkInstanceCreateInfo create{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
        create.pApplicationInfo = &app;
        if (call<PFN_vkCreateInstance>("vkCreateInstance")(&create, nullptr, &instance) != VK_SUCCESS)
            SKIP("no Vulkan driver");
        uint32_t one = 1;
        call<PFN_vkEnumeratePhysicalDevices>("vkEnumeratePhysicalDevices")(instance, &one, &physical);
        if (!physical) SKIP("no Vulkan driver");
        const float priority = 1;
        VkDeviceQueueCreateInfo queues{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
        queues.queueCount = 1;
        queues.pQueuePriorities = &priority;
        VkDeviceCreateInfo with{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
        with.queueCreateInfoCount = 1;
        with.pQueueCreateInfos = &queues;
        REQUIRE(call<PFN_vkCreateDevice>("vkCreateDevice")(physical, &with, nullptr, &device) == VK_SUCCESS);
        call<PFN_vkGetDeviceQueue>("vkGetDeviceQueue")(device, 0, 0, &queue);
        make_buffer();
        record();
    }
    ~Host() {
        if (device) {
            call<PFN_vkDestroyFence>("vkDestroyFence")(device, fence_, nullptr);
            call<PFN_vkDestroyCommandPool>("vkDestroyCommandPool")(device, pool_, nullptr);
            call<PFN_vkDestroyBuffer>("vkDestroyBuffer")(device, buffer_, nullptr);
            call<PFN_vkFreeMemory>("vkFreeMemory")(device, memory_, nullptr);
            call<PFN_vkDestroyDevice>("vkDestroyDevice")(device, nullptr);
        }
        if (instance) call<PFN_vkDestroyInstance>("vkDestroyInstance")(instance, nullptr);
        // The loader stays: the process's other device uses it.
    }

    /// The host's own work: fills its buffer with a number on the shared queue, waits, and looks.
    bool frame() {
        std::fill(words_, words_ + kWords, 0u);
        VkSubmitInfo submit{VK_STRUCTURE_TYPE_SUBMIT_INFO};
        submit.commandBufferCount = 1;
        submit.pCommandBuffers = &commands_;
        {
            std::lock_guard lock(queue_mutex);
            if (call<PFN_vkQueueSubmit>("vkQueueSubmit")(queue, 1, &submit, fence_) != VK_SUCCESS) return false;
        }
        if (call<PFN_vkWaitForFences>("vkWaitForFences")(device, 1, &fence_, VK_TRUE, UINT64_MAX) != VK_SUCCESS)
            return false;
        call<PFN_vkResetFences>("vkResetFences")(device, 1, &fence_);
        return std::all_of(words_, words_ + kWords, [](uint32_t w) { return w == 0xabcd1234; });
    }

    HostVulkan handles() {
        HostVulkan h;
        h.get_instance_proc_addr = reinterpret_cast<void*>(proc);
        h.instance = instance;
        h.physical_device = physical;
        h.device = device;
        h.queue = queue;
        h.lock_queue = [](void* mutex) { static_cast<std::mutex*>(mutex)->lock(); };
        h.unlock_queue = [](void* mutex) { static_cast<std::mutex*>(mutex)->unlock(); };
        h.user = &queue_mutex;
        return h;
    }

    std::mutex queue_mutex;
    PFN_vkGetInstanceProcAddr proc = nullptr;
    VkInstance instance = VK_NULL_HANDLE;
    VkPhysicalDevice physical = VK_NULL_HANDLE;
    VkDevice device = VK_NULL_HANDLE;
    VkQueue queue = VK_NULL_HANDLE;

private:
    template <class F>
    F call(const char* name) const {
        return reinterpret_cast<F>(proc(instance, name));
    }

    void make_buffer() {
        VkBufferCreateInfo buffer{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
        buffer.size = kWords * 4;
        buffer.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
        REQUIRE(call<PFN_vkCreateBuffer>("vkCreateBuffer")(device, &buffer, nullptr, &buffer_) == VK_SUCCESS);
        VkMemoryRequirements needs{};
        call<PFN_vkGetBufferMemoryRequirements>("vkGetBufferMemoryRequirements")(device, buffer_, &needs);
        VkPhysicalDeviceMemoryProperties properties{};
        call<PFN_vkGetPhysicalDeviceMemoryProperties>("vkGetPhysicalDeviceMemoryProperties")(physical, &properties);
        VkMemoryAllocateInfo memory{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
        memory.allocationSize = needs.size;
        const VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
        for (uint32_t i = 0; i < properties.memoryTypeCount; ++i)
            if ((needs.memoryTypeBits >> i & 1) && (properties.memoryTypes[i].propertyFlags & wanted) == wanted)
                memory.memoryTypeIndex = i;
        REQUIRE(call<PFN_vkAllocateMemory>("vkAllocateMemory")(device, &memory, nullptr, &memory_) == VK_SUCCESS);
        call<PFN_vkBindBufferMemory>("vkBindBufferMemory")(device, buffer_, memory_, 0);
        REQUIRE(call<PFN_vkMapMemory>("vkMapMemory")(device, memory_, 0, VK_WHOLE_SIZE, 0,
                                                     reinterpret_cast<void**>(&words_)) == VK_SUCCESS);
    }
    void record() {
        const VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
        REQUIRE(call<PFN_vkCreateCommandPool>("vkCreateCommandPool")(device, &pool, nullptr, &pool_) == VK_SUCCESS);
        VkCommandBufferAllocateInfo allocate{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
        allocate.commandPool = pool_;
        allocate.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
        allocate.commandBufferCount = 1;
        REQUIRE(call<PFN_vkAllocateCommandBuffers>("vkAllocateCommandBuffers")(device, &allocate, &commands_) ==
                VK_SUCCESS);
        const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
        call<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer")(commands_, &begin);
        call<PFN_vkCmdFillBuffer>("vkCmdFillBuffer")(commands_, buffer_, 0, VK_WHOLE_SIZE, 0xabcd1234);
        REQUIRE(call<PFN_vkEndCommandBuffer>("vkEndCommandBuffer")(commands_) == VK_SUCCESS);
        const VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
        REQUIRE(call<PFN_vkCreateFence>("vkCreateFence")(device, &fence, nullptr, &fence_) == VK_SUCCESS);
    }

    void* library_ = nullptr;
    VkBuffer buffer_ = VK_NULL_HANDLE;
    VkDeviceMemory memory_ = VK_NULL_HANDLE;
    uint32_t* words_ = nullptr;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkCommandBuffer commands_ = VK_NULL_HANDLE;
    VkFence fence_ = VK_NULL_HANDLE;
};

std::string tale(const Device& device) {
    const auto model = Model::load(device, weft::test::repository() / "apps/models/tales-hybrid");
    INFO((model ? std::string() : model.error().text()));
    REQUIRE(model);
    GenerateOptions options;
    options.sampling.greedy = true;
    options.max_tokens = 24;
    std::string text;
    auto sequence = Sequence::create(*model);
    REQUIRE(sequence);
    const auto stats = generate(*sequence, "Once upon a time", options, [&](std::string_view piece) {
        text += piece;
        return true;
    });
    INFO((stats ? std::string() : stats.error().text()));
    REQUIRE(stats);
    return text;
}

} // namespace

TEST_CASE("a host's device and queue, shared with its own work, are left as they were", "[models]") {
    const std::string alone = tale(test::device());
    Host host;
    REQUIRE(host.frame());
    std::atomic<bool> done = false;
    std::atomic<uint32_t> frames = 0, broken = 0;
    std::thread game([&] {
        while (!done) host.frame() ? ++frames : ++broken;
    });
    {
        auto device = Device::adopt(host.handles());
        if (!device) {
            done = true;
            game.join();
        }
        INFO((device ? std::string() : device.error().text()));
        REQUIRE(device);
        CHECK(tale(*device) == alone);
        CHECK(device->bytes_used() == 0);
    }
    const uint32_t until_here = frames;
    while (frames == until_here && !broken) std::this_thread::yield(); // it goes on without us
    done = true;
    game.join();
    CHECK(broken == 0);
    CHECK(frames > 1);
}

TEST_CASE("an incomplete host is refused", "[models]") {
    HostVulkan nothing;
    auto device = Device::adopt(nothing);
    REQUIRE(!device);
    CHECK(device.error().text().find("get_instance_proc_addr") != std::string::npos);
    Host host;
    HostVulkan half = host.handles();
    half.unlock_queue = nullptr;
    device = Device::adopt(half);
    REQUIRE(!device);
    CHECK(device.error().text().find("unlock_queue") != std::string::npos);
}
