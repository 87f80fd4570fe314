// SPDX-License-Identifier: Apache-2.0
// From a model directory to streamed text: the smallest program that uses weft.
#include <iostream>
#include <weft/weft.hpp>

int main(int argc, char** argv) {
    auto device = weft::Device::open();
    if (!device) {
        std::cerr << device.error().text() << "\n";
        return 1;
    }
    auto model = weft::TextModel::load(*device, argc > 1 ? argv[1] : "apps/models/tales-hybrid");
    if (!model) {
        std::cerr << model.error().text() << "\n";
        return 1;
    }
    const weft::GenerateOptions options = model->default_options();
    auto stats = model->generate(argc > 2 ? argv[2] : "Once upon a time", options,
                                 [](std::string_view text) { return bool(std::cout << text << std::flush); });
    if (!stats) {
        std::cerr << stats.error().text() << "\n";
        return 1;
    }
    std::cout << "\n";
}
