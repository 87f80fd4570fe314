// SPDX-License-Identifier: Apache-2.0
// Tests: a device that a host program made and weft adopts, so that a test stands between weft and the driver.
#pragma once
#include "vulkan/device.hpp"
#include <vector>

namespace weft::test {
using namespace detail;

/// The first device that the loader lists. One at a time: what it tells and hears is the process's.
class HostDevice {
public:
    /// Skips where there is no driver.
    HostDevice();
    ~HostDevice();
    HostDevice(const HostDevice&) = delete;

    /// Tells weft from now on that the device is of this type, so that it chooses the forms for such a device.
    void pretend(VkPhysicalDeviceType type);
    /// From now on no timestamp comes, and a test that waits for one fails.
    void keep_timestamps();
    /// Bytes that each pipeline cache made so far began with.
    const std::vector<size_t>& caches() const;
    std::unique_ptr<vk::Device> adopt(const vk::DeviceOptions& options = {});

private:
    vk::AdoptedDevice host_;
};

} // namespace weft::test
