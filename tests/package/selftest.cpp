// SPDX-License-Identifier: Apache-2.0
// Links the self-test of an installed weft, and asks for a kernel that there is not where there is a device.
#include <iostream>
#include <weft/selftest.hpp>

int main() {
    auto device = weft::Device::open();
    if (!device) {
        std::cout << device.error().text() << "\n";
        return device.error().code == weft::ErrorCode::not_found ? 0 : 1;
    }
    weft::SelftestOptions options;
    options.kernels = {"there-is-no-such-kernel"};
    const auto test = weft::selftest(*device, options);
    return test || test.error().code != weft::ErrorCode::invalid_argument ? 2 : 0;
}
