// SPDX-License-Identifier: Apache-2.0
// Links an installed weft: lists devices and architectures, and gets an error for a directory that is not there.
#include <iostream>
#include <weft/weft.hpp>

int main() {
    if (weft::architecture_table().find("llama") == std::string::npos) return 1;
    auto nothing = weft::inspect(nullptr, "there-is-no-such-model");
    if (nothing || nothing.error().code != weft::ErrorCode::not_found) return 2;
    auto devices = weft::list_devices();
    std::cout << (devices ? std::to_string(devices->size()) + " devices" : devices.error().text()) << "\n";
    return 0;
}
