// SPDX-License-Identifier: Apache-2.0
// Links the kernels' cases of an installed weft, and asks for a kernel that there is not where there is a device.
#include <iostream>
#include <weft/bench.hpp>

int main() {
    auto device = weft::Device::open();
    if (!device) {
        std::cout << device.error().text() << "\n";
        return device.error().code == weft::ErrorCode::not_found ? 0 : 1;
    }
    const auto bench = weft::bench_kernels(*device, {"there-is-no-such-kernel"}, 1, {});
    return bench || bench.error().code != weft::ErrorCode::invalid_argument ? 2 : 0;
}
