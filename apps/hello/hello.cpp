// SPDX-License-Identifier: Apache-2.0
// From a model directory to streamed text: the smallest program that uses weft.
#include <iostream>
#include <weft/weft.hpp>

namespace {

weft::Status tell(const char* path, const char* prompt) {
    const auto device = weft::Device::open();
    if (!device) return device.error();
    const auto model = weft::Model::load(*device, path);
    if (!model) return model.error();
    auto sequence = weft::Sequence::create(*model);
    if (!sequence) return sequence.error();
    const auto stats = weft::generate(*sequence, prompt, model->generate_options(),
                                      [](std::string_view text) { return bool(std::cout << text << std::flush); });
    if (!stats) return stats.error();
    return weft::Ok{};
}

} // namespace

int main(int argc, char** argv) {
    const auto status = tell(argc > 1 ? argv[1] : "apps/models/tales-hybrid", argc > 2 ? argv[2] : "Once upon a time");
    if (!status) {
        std::cerr << status.error().text() << "\n";
        return 1;
    }
    std::cout << "\n";
}
