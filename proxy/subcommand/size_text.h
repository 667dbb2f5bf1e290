// A size as people read it: "12.3 MiB".
#pragma once
#include <cstdint>
#include <string>

namespace slotless::subcommand {

std::string byteText(std::uint64_t bytes);

}  // namespace slotless::subcommand
